/** Loading, using and writing the sessions of a peer device inside one decision. */

import type { DeviceId, EnvelopeId, UserId } from '@simsim/relay-protocol';
import { changesOf, encrypt } from '@simsim/session';
import type { Session } from '@simsim/session';
import type { EventName, FactValue } from './fact-codec.ts';
import { chainsStream, sessionStream, skipPrefix, skipStream, userStream } from './streams.ts';
import type { SessionAddress, StreamId } from './streams.ts';
import { droppedSessions } from './user-record.ts';
import type { UserChange } from './user-change.ts';
import type { DeviceRecord, SessionId, UserRecord } from './user-record.ts';
import type { Workspace } from './workspace.ts';

/** The streams that hold a session, without its skipped-key blocks. */
export function sessionStreams(at: SessionAddress): readonly StreamId[] {
  return [sessionStream(at), chainsStream(at)];
}

/**
 * The streams a round to a user reads, as far as its record is loaded. Those of a stale user count
 * too: the list that comes with the answer may bring the user back.
 */
export function roundStreams(work: Workspace, userId: UserId): readonly StreamId[] {
  const missing = work.missing([userStream(userId)]);
  if (missing.length > 0) return missing;
  const sessions = [...work.user(userId).devices.values()].flatMap((device) => {
    const session = activeOf(work, device);
    const { deviceId } = device;
    return session === undefined ? [] : sessionStreams({ userId, deviceId, session });
  });
  return work.missing(sessions);
}

/** The session of a device that may encrypt. */
function activeOf(work: Workspace, { active, inactive }: DeviceRecord): SessionId | undefined {
  return work.isSabotaged('send-on-inactive-session') ? (inactive[0] ?? active) : active;
}

/** A session as loaded, without skipped-key blocks; `undefined` where its keys are gone. */
export function loadedSession(work: Workspace, at: SessionAddress): Session | undefined {
  const hot = work.value('session', sessionStream(at));
  const cold = work.value('chains', chainsStream(at));
  return hot === undefined || cold === undefined ? undefined : { hot, cold, blocks: new Map() };
}

/** Writes what a step changed: the hot state always, cold state and skipped keys where they differ. */
export function writeSession(
  work: Workspace,
  at: SessionAddress,
  step: {
    before: Session | undefined;
    after: Session;
    event: {
      name: EventName;
      fields?: Readonly<Record<string, FactValue>>;
      seen?: readonly Uint8Array[];
    };
  },
): void {
  const changed = changesOf(step.before, step.after);
  work.write(sessionStream(at), step.event, changed.hot ? step.after.hot : undefined);
  if (changed.cold) work.write(chainsStream(at), { name: 'ChainsTurned' }, step.after.cold);
  for (const block of changed.blocksWritten) {
    work.write(
      skipStream(at, block.id),
      { name: 'KeysSkipped', fields: { block: block.id } },
      block,
    );
  }
  for (const block of work.isSabotaged('keep-skipped-blocks') ? [] : changed.blocksDropped) {
    work.close(skipStream(at, block), { name: 'KeysForgotten', fields: { block } });
  }
}

/** Ends a session: its keys are destroyed. Needs nothing loaded. */
function dropSession(work: Workspace, at: SessionAddress): void {
  if (work.isSabotaged('keep-dropped-session')) return;
  for (const stream of work.live(skipPrefix(at))) {
    const block = Number(stream.slice(skipPrefix(at).length));
    work.close(stream, { name: 'KeysForgotten', fields: { block } });
  }
  for (const stream of sessionStreams(at)) {
    if (work.live(stream).includes(stream)) work.close(stream, { name: 'SessionDropped' });
  }
}

/** Folds changes into a user's record and ends the sessions it names no longer. */
export function changeUser(
  work: Workspace,
  userId: UserId,
  changes: readonly UserChange[],
): UserRecord {
  const before = work.user(userId);
  const after = work.changeUser(userId, changes);
  const isBlind = work.isSabotaged('take-keys-again');
  const inserted = isBlind ? [] : changes.filter((change) => change.type === 'insert');
  const dropped = droppedSessions(before, after, inserted);
  for (const session of dropped) dropSession(work, { userId, ...session });
  return after;
}

/**
 * The session that messages to a device are encrypted with: the active one, unless it is too old to send
 * (SES-83).
 */
export function sendingSession(
  work: Workspace,
  record: UserRecord,
  deviceId: DeviceId,
): SessionAddress | undefined {
  const device = record.devices.get(deviceId);
  const session = device && activeOf(work, device);
  if (device === undefined || session === undefined || isTooOld(work, device, session))
    return undefined;
  return { userId: record.userId, deviceId, session };
}

/** Whether a session is past MAXSEND: it decrypts, and never becomes the active one again. */
export function isTooOld(work: Workspace, device: DeviceRecord, session: SessionId): boolean {
  const began = device.began?.get(session);
  if (began === undefined || work.isSabotaged('send-on-old-session')) return false;
  return work.nowMs() - began >= work.expiry().sendMs;
}

/** Active sessions past MAXSEND head the inactive lists; nothing sends until there are new ones. */
export function retireOld(work: Workspace, userId: UserId): UserRecord {
  const record = work.user(userId);
  const old = [...record.devices.values()].filter(
    (device) => device.active !== undefined && isTooOld(work, device, device.active),
  );
  if (old.length === 0) return record;
  return changeUser(
    work,
    userId,
    old.map(({ deviceId }) => ({ type: 'retire', deviceId })),
  );
}

/**
 * Encrypts for one device with its active session. `undefined` where the session cannot send any
 * more: the caller treats the device as one without a session.
 */
export function encryptWith(
  work: Workspace,
  at: SessionAddress,
  message: { content: Uint8Array; envelopeId: EnvelopeId },
): Uint8Array | undefined {
  const before = loadedSession(work, at);
  if (before === undefined) return undefined;
  const result = encrypt(before, message.content, work.env);
  if (!result.ok) return undefined;
  const isAgain = work.isSabotaged('rewind-rejected-round') && work.hasTold('RoundRejected');
  if (work.isSabotaged('rewind-chain') || isAgain) return result.value.message;
  writeSession(work, at, {
    before,
    after: result.value.session,
    event: { name: 'MessageSent', fields: { envelopeId: message.envelopeId } },
  });
  work.consume(result.value.consumed);
  return result.value.message;
}
