/**
 * The answer to a state that was put back, or that a copy shares: the device keeps its name and its
 * keys of identity, and gives up everything that another moment or another copy may use too. One
 * decision, one commit:
 *
 * - no session of before ever sends again; those that are left only decrypt, until MAXLATENCY;
 * - ciphertext that the relay has not taken is dropped, and what it carried is sent anew from the
 *   send streams, under the same message ids, once there are new sessions;
 * - every prekey is replaced, and no id of before is given again;
 * - another registration id and another token: a new incarnation, which the relay takes only once.
 */

import { bytesToHex } from '@simsim/bytes';
import { PRE_KEY_ID_MAX } from '@simsim/relay-protocol';
import type { DecideResult, RollbackEvidence } from './decision.ts';
import type { Input, PostOrigin } from './input.ts';
import { hasEnded, registrationIdFrom } from './own-device.ts';
import type { OwnDevice } from './own-device.ts';
import { changeUser } from './peer-session.ts';
import { makePreKeys } from './pre-key-mint.ts';
import { makeToken } from './registration.ts';
import { isFinal, withCopy, withRecipient } from './send-state.ts';
import type { Recipient, SendState } from './send-state.ts';
import {
  AUDIT_STREAM,
  chainsStream,
  DEVICE_STREAM,
  HEADS_STREAM,
  PRE_KEYS_STREAM,
  SEND_PREFIX,
  sessionStream,
  skipPrefix,
  USER_PREFIX,
  userStream,
} from './streams.ts';
import type { StreamId } from './streams.ts';
import { allSessionsOf, currentDevices } from './user-record.ts';
import type { UserChange } from './user-change.ts';
import type { UserRecord } from './user-record.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/** Ids skipped at a quarantine: the lost part of the log may have given out as many, and more. */
const PRE_KEY_ID_GAP = 1 << 16;

/** Opening found the store put back. Refuses `IDENTITY_LOST`: never a fresh identity instead. */
export function decideRolledBack(input: In<'rolledBack'>, work: Workspace): DecideResult {
  const { source, seen, found, lost } = input;
  return quarantine(work, { source, seen, found, lost });
}

/** Quarantines the device, or only tells where the owner wants to decide. */
export function quarantine(work: Workspace, evidence: RollbackEvidence): DecideResult {
  const sends = work.live(SEND_PREFIX);
  const users = work.live(USER_PREFIX);
  const heads = evidence.lost.filter((stream) => stream === HEADS_STREAM);
  const missing = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM, ...heads, ...sends, ...users]);
  if (missing.length > 0) return needMore(missing);
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined) return refused('IDENTITY_LOST');
  if (hasEnded(own.status)) return work.decided();
  const isRemote = evidence.source === 'relay' || evidence.source === 'device';
  if (isRemote && work.env.onEvidence === 'refuse') {
    work.effect({ type: 'rolledBack', evidence, isQuarantined: false, lostSends: 0 });
    return work.decided();
  }
  freezeSessions(work, users, new Set(evidence.lost));
  replacePreKeys(work, own);
  const lostSends = restartSends(work, sends);
  for (const { postId } of work.pendingPosts()) work.postDone(postId);
  work.effect({ type: 'rolledBack', evidence, isQuarantined: true, lostSends });
  const { registrationId } = renewOwn(work, own, evidence);
  // What own devices told is told again; without a state of its own nobody could open it hereafter.
  const event = { name: 'DeviceQuarantined', fields: { registrationId } } as const;
  for (const stream of heads) work.write(stream, event, new Map());
  return work.decided();
}

function renewOwn(work: Workspace, own: OwnDevice, evidence: RollbackEvidence): OwnDevice {
  const { source, seen, found, lost } = evidence;
  work.write(AUDIT_STREAM, {
    name: 'RolledBack',
    fields: {
      source,
      seenSeq: seen.seq,
      seenHash: bytesToHex(seen.hash),
      foundSeq: found.seq,
      foundHash: bytesToHex(found.hash),
      incarnation: own.registrationId,
      lost: lost.length,
    },
  });
  const quarantined = { ...own, quarantinedAt: work.nowMs() };
  // The relay may not know the device yet: it registers first, and takes the next incarnation then.
  const next = own.status === 'registering' ? quarantined : nextIncarnation(work, quarantined);
  const { registrationId } = next;
  work.write(DEVICE_STREAM, { name: 'DeviceQuarantined', fields: { registrationId } }, next);
  return next;
}

/** The same device under another registration id and token, for the relay to take. */
export function nextIncarnation(work: Workspace, own: OwnDevice): OwnDevice {
  // While one is not taken, the relay knows the one before it.
  const former = (own.status === 'renewing' ? own.former : undefined) ?? own.registrationId;
  work.consume([own.token]);
  work.effect({ type: 'register' });
  return {
    ...own,
    registrationId: otherRegistrationId(work, own.registrationId),
    token: makeToken(work.env),
    status: 'renewing',
    registration: new Uint8Array(0),
    former,
  };
}

function otherRegistrationId(work: Workspace, current: number): number {
  const drawn = registrationIdFrom(work.env.entropy(2));
  return drawn === current ? otherRegistrationId(work, current) : drawn;
}

function freezeSessions(
  work: Workspace,
  users: readonly StreamId[],
  lost: ReadonlySet<StreamId>,
): void {
  const at = work.nowMs();
  let isSpared = work.isSabotaged('quarantine-spares-a-session');
  for (const stream of users) {
    const record = work.value('user', stream);
    if (record === undefined) continue;
    const hasSessions = [...record.devices.values()].some(
      (device) => allSessionsOf(device).length > 0,
    );
    if (!hasSessions) continue;
    if (isSpared) {
      isSpared = false;
      continue;
    }
    changeUser(work, record.userId, [{ type: 'freeze', at }, ...lostSessions(record, lost)]);
  }
}

/**
 * Sessions of which a part is gone: they cannot even decrypt. One that lost a block of skipped keys ends
 * too: it would go on to ask for a block that nothing opens, and to write where there is no key.
 */
function lostSessions(record: UserRecord, lost: ReadonlySet<StreamId>): UserChange[] {
  const { userId } = record;
  const isWithin = (prefix: string): boolean =>
    [...lost].some((stream) => stream.startsWith(prefix));
  const ends: UserChange[] = [];
  for (const device of record.devices.values()) {
    const { deviceId } = device;
    for (const session of allSessionsOf(device)) {
      const at = { userId, deviceId, session };
      const isLost = lost.has(sessionStream(at)) || lost.has(chainsStream(at));
      if (isLost || isWithin(skipPrefix(at))) ends.push({ type: 'end', deviceId, session });
    }
  }
  return ends;
}

function replacePreKeys(work: Workspace, own: OwnDevice): void {
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  const event = { name: 'PreKeysReplaced' } as const;
  for (const prefix of ['opk/', 'kpk/', 'replays/']) {
    for (const stream of work.live(prefix)) work.close(stream, event);
  }
  work.consume((before?.signed ?? []).map((key) => key.pair.privateKey));
  work.consume((before?.lastResorts ?? []).map((key) => key.privateKey));
  makePreKeys(work, own.identity, { nextId: firstIdAfter(work, before?.nextId) });
}

/**
 * Above every id that was given out, also in the part of the log that is lost. Where the counter is
 * lost too, or near its end, a random place: the relay has no key of this incarnation yet.
 */
function firstIdAfter(work: Workspace, nextId: number | undefined): number {
  if (nextId !== undefined && nextId + 2 * PRE_KEY_ID_GAP < PRE_KEY_ID_MAX) {
    return nextId + PRE_KEY_ID_GAP;
  }
  const [high = 0, middle = 0, low = 0] = work.env.entropy(3);
  return 1 + (((high & 0x3f) << 16) | (middle << 8) | low);
}

/** Puts every send whose ciphertext is dropped back to where it needs keys. Answers how many are lost. */
function restartSends(work: Workspace, sends: readonly StreamId[]): number {
  const dropped = work.pendingPosts().map((post) => post.origin);
  let lost = 0;
  for (const stream of sends) {
    const state = work.value('send', stream);
    if (state === undefined) {
      lost++;
      work.close(stream, { name: 'SendClosed', fields: { reason: 'lost' } });
      continue;
    }
    const next = restart(work, state, dropped);
    if (next !== state) work.write(stream, { name: 'SendRestarted' }, next);
  }
  return lost;
}

function restart(work: Workspace, state: SendState, dropped: readonly PostOrigin[]): SendState {
  let next = state;
  for (const recipient of state.recipients.values()) {
    if (recipient.status === 'posting') next = withRecipient(next, unposted(work, recipient));
  }
  for (const origin of dropped) {
    if (origin.type !== 'resend' || origin.messageId !== state.messageId) continue;
    const recipient = next.recipients.get(origin.userId);
    const copy = recipient?.copies.get(origin.deviceId);
    if (recipient === undefined || copy === undefined || isFinal(copy)) continue;
    const healing = withCopy(recipient, origin.deviceId, { ...copy, stage: 'healing' });
    next = withRecipient(next, healing);
  }
  return next;
}

/** A round in flight becomes one that waits for keys; an empty post is told by its stream alone. */
function unposted(work: Workspace, recipient: Recipient): Recipient {
  const { userId, copies } = recipient;
  // Every record there is was loaded; what is not is nobody's, as before a first message.
  const isKnown = work.missing([userStream(userId)]).length === 0;
  const devices = isKnown ? currentDevices(work.user(userId)) : [];
  if (copies.size === 0 && devices.length === 0) return recipient;
  const { postId: _, ...rest } = recipient;
  return { ...rest, status: 'claiming', copies: new Map() };
}

/** The streams that {@link thaw} needs at a moment, as far as they are not loaded. */
export function thawedStreams(work: Workspace, dueMs: number): readonly StreamId[] {
  return isThawDue(work, dueMs) ? work.missing(work.live(USER_PREFIX)) : [];
}

/** Ends the sessions of before a quarantine where no mail for them can be on its way. */
export function thaw(work: Workspace, dueMs: number): void {
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined || !isThawDue(work, dueMs)) return;
  for (const stream of work.live(USER_PREFIX)) {
    const record = work.value('user', stream);
    const isFrozen = [...(record?.devices.values() ?? [])].some(
      ({ frozen }) => frozen !== undefined,
    );
    if (record !== undefined && isFrozen) changeUser(work, record.userId, [{ type: 'thaw' }]);
  }
  const { quarantinedAt: _, ...rest } = own;
  work.write(DEVICE_STREAM, { name: 'QuarantineEnded' }, rest);
}

/** Whether a quarantine is MAXLATENCY past at a moment. */
export function isThawDue(work: Workspace, dueMs: number): boolean {
  const since = work.value('device', DEVICE_STREAM)?.quarantinedAt;
  return since !== undefined && dueMs - since > work.expiry().latencyMs;
}
