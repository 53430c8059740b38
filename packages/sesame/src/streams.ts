/** The streams of a device's log: their names, what each holds, and how it is kept. */

import type { Crypto, Part } from '@simsim/crypto';
import { parseUserId } from '@simsim/relay-protocol';
import type { DeviceId, MessageId, UserId } from '@simsim/relay-protocol';
import {
  decodeBlock,
  decodeCold,
  decodeHot,
  encodeBlock,
  encodeCold,
  encodeHot,
} from '@simsim/session';
import type { SessionCold, SessionHot, SkippedBlock } from '@simsim/session';
import { decodeOwnDevice, encodeOwnDevice } from './own-device.ts';
import type { OwnDevice } from './own-device.ts';
import {
  decodeOneTimeBatch,
  decodePreKeys,
  encodeOneTimeBatch,
  encodePreKeys,
} from './pre-keys.ts';
import type { OneTimeBatch, PreKeys } from './pre-keys.ts';
import { decodeSendState, encodeSendState } from './send-state.ts';
import type { SendState } from './send-state.ts';
import { decodeUserRecord, encodeUserRecord } from './user-record.ts';
import type { SessionId, UserRecord } from './user-record.ts';

/** A stream's name in the log. */
export type StreamId = string;

/** What each kind of stream holds; the kind is the first segment of its name. */
export interface StreamValues {
  readonly device: OwnDevice;
  readonly prekeys: PreKeys;
  readonly opk: OneTimeBatch;
  /** Public: kept as a projection row, folded from events. */
  readonly user: UserRecord;
  readonly session: SessionHot;
  readonly chains: SessionCold;
  readonly skip: SkippedBlock;
  readonly send: SendState;
}

/** A kind of stream. */
export type StreamKind = keyof StreamValues;

/** Any stream's value. */
export type StreamValue = StreamValues[StreamKind];

/** One session of one device. */
export interface SessionAddress {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly session: SessionId;
}

/** The stream of this device itself. */
export const DEVICE_STREAM: StreamId = 'device';

/** The stream of signed prekeys. */
export const PRE_KEYS_STREAM: StreamId = 'prekeys';

/** Prefix of every send's stream. */
export const SEND_PREFIX = 'send/';

/** Prefix of every user's stream. */
export const USER_PREFIX = 'user/';

/** The stream of one batch of one-time prekeys. */
export const oneTimeStream = (firstId: number): StreamId => `opk/${firstId}`;

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

/** A stream value as the log keeps it. */
export type StoredValue =
  | { readonly kind: 'sealed'; readonly parts: readonly Part[] }
  | { readonly kind: 'record'; readonly bytes: Uint8Array };

interface StreamCodec<T> {
  readonly encode: (value: T) => StoredValue;
  readonly decode: (bytes: Uint8Array, crypto: Crypto, stream: StreamId) => T | undefined;
}

const sealed =
  <T>(encode: (value: T) => readonly Part[]) =>
  (value: T): StoredValue => ({ kind: 'sealed', parts: encode(value) });

const unwrap =
  <T>(decode: (bytes: Uint8Array, crypto: Crypto) => { ok: true; value: T } | { ok: false }) =>
  (bytes: Uint8Array, crypto: Crypto): T | undefined => {
    const result = decode(bytes, crypto);
    return result.ok ? result.value : undefined;
  };

const CODECS: { readonly [K in StreamKind]: StreamCodec<StreamValues[K]> } = {
  device: { encode: sealed(encodeOwnDevice), decode: decodeOwnDevice },
  prekeys: { encode: sealed(encodePreKeys), decode: decodePreKeys },
  opk: { encode: sealed(encodeOneTimeBatch), decode: decodeOneTimeBatch },
  session: { encode: sealed(encodeHot), decode: unwrap(decodeHot) },
  chains: { encode: sealed(encodeCold), decode: unwrap(decodeCold) },
  skip: { encode: sealed(encodeBlock), decode: unwrap(decodeBlock) },
  send: { encode: sealed(encodeSendState), decode: decodeSendState },
  user: {
    encode: (value) => ({ kind: 'record', bytes: encodeUserRecord(value) }),
    decode: (bytes, _crypto, stream) => {
      const userId = parseUserId(stream.slice(USER_PREFIX.length));
      return userId.ok ? decodeUserRecord(userId.value, bytes) : undefined;
    },
  },
};

/** The kind of a stream, or `undefined` for one this release does not know. */
export function streamKind(stream: StreamId): StreamKind | undefined {
  const end = stream.indexOf('/');
  const kind = end < 0 ? stream : stream.slice(0, end);
  return Object.hasOwn(CODECS, kind) ? (kind as StreamKind) : undefined;
}

/** True for streams whose value is public and kept as a projection row. */
export function isRecordStream(stream: StreamId): boolean {
  return stream.startsWith(USER_PREFIX);
}

/** Encodes a stream's value for the log. */
export function encodeStreamValue(stream: StreamId, value: StreamValue): StoredValue {
  const codec = CODECS[streamKind(stream) as StreamKind] as StreamCodec<StreamValue>;
  return codec.encode(value);
}

/** Decodes what the log kept; `undefined` where it is malformed. The caller wipes `bytes`. */
export function decodeStreamValue(
  stream: StreamId,
  bytes: Uint8Array,
  crypto: Crypto,
): StreamValue | undefined {
  const kind = streamKind(stream);
  return kind && CODECS[kind].decode(bytes, crypto, stream);
}
