/** The streams of a device's log: their names. */

import type { DeviceId, MessageId, UserId } from '@simsim/relay-protocol';
import type { SessionId } from './user-record.ts';

/** A stream's name in the log. */
export type StreamId = string;

/** One session of one device. */
export interface SessionAddress {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly session: SessionId;
}

/** The stream of this device itself. */
export const DEVICE_STREAM: StreamId = 'device';

/** The stream of signed and last-resort prekeys. */
export const PRE_KEYS_STREAM: StreamId = 'prekeys';

/** The stream of what the owner should know later: states that were put back. It has no value. */
export const AUDIT_STREAM: StreamId = 'audit';

/** The stream of the newest heads of the user's other devices. */
export const HEADS_STREAM: StreamId = 'heads';

/** Prefix of every send's stream. */
export const SEND_PREFIX = 'send/';

/** Prefix of every user's stream. */
export const USER_PREFIX = 'user/';

/** The stream of one batch of one-time prekeys. */
export const oneTimeStream = (firstId: number): StreamId => `opk/${firstId}`;

/** The stream of one batch of one-time KEM prekeys. */
export const oneTimeKemStream = (firstId: number): StreamId => `kpk/${firstId}`;

/** The stream of what was accepted with one last-resort KEM prekey alone. */
export const replaysStream = (lastResortId: number): StreamId => `replays/${lastResortId}`;

/** The stream of one user's record. */
export const userStream = (userId: UserId): StreamId => `${USER_PREFIX}${userId}`;

/** The stream of one send. */
export const sendStream = (messageId: MessageId): StreamId => `${SEND_PREFIX}${messageId}`;

/** The hot state of a session. */
export const sessionStream = (at: SessionAddress): StreamId => `session/${place(at)}`;

/** The cold state of a session. */
export const chainsStream = (at: SessionAddress): StreamId => `chains/${place(at)}`;

/** Prefix of a session's skipped-key blocks. */
export const skipPrefix = (at: SessionAddress): string => `skip/${place(at)}/`;

/** One block of skipped keys. */
export const skipStream = (at: SessionAddress, block: number): StreamId =>
  `${skipPrefix(at)}${block}`;

function place({ userId, deviceId, session }: SessionAddress): string {
  return `${userId}.${deviceId}/${session}`;
}

/** What follows a user's id and its point: another user's id may begin with both, and has a point of its own. */
const SESSION_PLACE = /^\d+\/[0-9a-f]{32}(\/\d+)?$/;

/** Whether a stream is one user's: their record, or a part of a session with one of their devices. */
export function isStreamOf(userId: UserId): (stream: StreamId) => boolean {
  const ofSessions = ['session/', 'chains/', 'skip/'].map((part) => `${part}${userId}.`);
  const isOfSession = (stream: StreamId): boolean =>
    ofSessions.some(
      (prefix) => stream.startsWith(prefix) && SESSION_PLACE.test(stream.slice(prefix.length)),
    );
  return (stream) => stream === userStream(userId) || isOfSession(stream);
}

/** True for streams whose value is public and kept as a projection row. */
export function isRecordStream(stream: StreamId): boolean {
  return stream.startsWith(USER_PREFIX);
}
