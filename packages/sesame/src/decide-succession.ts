/**
 * Deciding about the own identity key: removing a device that is in other hands under another one
 * (SES-92), and following the key that another own device made.
 */

import { equalBytes, invariant } from '@simsim/bytes';
import type { KeyPair } from '@simsim/crypto';
import { findDevice } from '@simsim/relay-protocol';
import type { DeviceList } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import { succeedPreKeys } from './decide-pre-keys.ts';
import { endDevice } from './end-device.ts';
import type { Input } from './input.ts';
import { modelOf } from './key-pin.ts';
import { listedChanges } from './learn-list.ts';
import type { OwnDevice } from './own-device.ts';
import { refuseOwnCopies, releaseOwnCopies } from './own-identity.ts';
import { changeUser } from './peer-session.ts';
import { DEVICE_STREAM, PRE_KEYS_STREAM, userStream } from './streams.ts';
import type { StreamId } from './streams.ts';
import { followLists, makeSuccessor, openSuccessor } from './succession.ts';
import type { FollowedList } from './succession.ts';
import { heldStreams } from './trust.ts';
import type { UserChange } from './user-change.ts';
import { sessionsOf } from './user-record.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/** Makes the next identity key, durable before anybody hears of it. */
export function decideRemoveCompromised(
  input: In<'removeCompromised'>,
  work: Workspace,
): DecideResult {
  const missing = ownStreams(work);
  if (missing.length > 0) return needMore(missing);
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined) return refused('NOT_REGISTERED');
  if (own.status === 'removed') return refused('DEVICE_REVOKED');
  if (own.status === 'replaced') return refused('DEVICE_REPLACED');
  if (own.status !== 'registered') return refused('NOT_REGISTERED');
  if (own.successor !== undefined) return refused('REMOVAL_PENDING');
  const { deviceId } = input;
  if (deviceId === own.deviceId) return refused('SIGNER_LEAVES');
  const record = work.user(own.userId);
  invariant(modelOf(record) === 'per-user', 'only a shared identity key is followed by another');
  const made = makeSuccessor({ own, record }, deviceId, sealEnv(work));
  if (!made.ok)
    return refused(made.error.code === 'LAST_DEVICE' ? 'LAST_DEVICE' : 'UNKNOWN_DEVICE');
  const successor = made.value;
  const fields = { deviceId, listVersion: successor.list.list.version };
  work.write(DEVICE_STREAM, { name: 'SuccessionBegun', fields }, { ...own, successor });
  work.effect({ type: 'succeed' });
  return work.decided();
}

/**
 * Takes how the own list went on. Another identity key is taken where each list on the way was signed by
 * a device of the one before it, and the key itself was sealed for this device, or made by it.
 */
export function decideSuccession(input: In<'succession'>, work: Workspace): DecideResult {
  const first = ownStreams(work);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  const isThere = own?.status === 'registered' || own?.status === 'renewing';
  if (own === undefined || !isThere) return work.decided();
  const missing = [...work.missing([PRE_KEYS_STREAM]), ...heldStreams(work, own.userId)];
  if (missing.length > 0) return needMore(missing);
  const record = work.user(own.userId);
  const isNews = (input.lists.at(-1)?.list.version ?? 0) > record.listVersion;
  if (!isNews || modelOf(record) !== 'per-user') {
    releaseOwnCopies(work, 'goOn');
    return work.decided();
  }
  const takesAny = work.isSabotaged('take-any-succession');
  const followed = followLists(record, input.lists, { crypto: work.env.crypto, takesAny });
  if (followed === undefined) return unproven(work, 'UNPROVEN');
  if (findDevice(followed.newest, own.deviceId) === undefined) {
    endDevice(work, own, 'removed');
    return work.decided();
  }
  const { identityKey } = followed.newest;
  if (identityKey === undefined) return unproven(work, 'UNPROVEN');
  if (equalBytes(identityKey, own.identity.publicKey.bytes)) {
    keepIdentity(work, own, followed.newest);
    return work.decided();
  }
  const next = nextIdentity(work, own, { followed, sealed: input.sealed });
  if (next === undefined) return unproven(work, 'NOT_SEALED');
  adopt(work, own, { next, list: followed.newest });
  return work.decided();
}

/** The relay will not have it: everything is as it was before. */
export function decideSuccessionRefused(work: Workspace): DecideResult {
  const missing = ownStreams(work);
  if (missing.length > 0) return needMore(missing);
  const own = work.value('device', DEVICE_STREAM);
  if (own !== undefined) dropSuccessor(work, own);
  return work.decided();
}

function ownStreams(work: Workspace): readonly StreamId[] {
  const first = work.missing([DEVICE_STREAM]);
  if (first.length > 0) return first;
  const own = work.value('device', DEVICE_STREAM);
  return own === undefined ? [] : work.missing([userStream(own.userId)]);
}

function sealEnv(work: Workspace): Parameters<typeof makeSuccessor>[2] {
  const { crypto, entropy } = work.env;
  return { crypto, entropy, sealsToFormer: work.isSabotaged('seal-to-former-identity') };
}

/** The list went on under the key there is: a successor that waits for an older one came too late. */
function keepIdentity(work: Workspace, own: OwnDevice, list: DeviceList): void {
  changeUser(work, own.userId, listedChanges(work, list));
  if (own.successor !== undefined) dropSuccessor(work, own);
  releaseOwnCopies(work, 'goOn');
}

function dropSuccessor(work: Workspace, { successor, ...own }: OwnDevice): void {
  if (successor === undefined) return;
  const fields = { deviceId: successor.removes };
  work.write(DEVICE_STREAM, { name: 'SuccessionDropped', fields }, own);
  work.consume([successor.identity.privateKey]);
}

/** The private half of the newest list's key. */
function nextIdentity(
  work: Workspace,
  own: OwnDevice,
  { followed, sealed }: { followed: FollowedList; sealed: Uint8Array | undefined },
): KeyPair | undefined {
  const { heirloom } = followed;
  const key = followed.newest.identityKey;
  const made = own.successor?.identity;
  const isMade = made !== undefined && key !== undefined && equalBytes(made.publicKey.bytes, key);
  if (isMade) return made;
  if (heirloom === undefined || sealed === undefined) return undefined;
  return openSuccessor(own, { list: heirloom, sealed }, sealEnv(work));
}

/**
 * Goes on under another key, in one commit: sessions with own devices end, for whoever had the former
 * key may have begun some in their name; prekeys are signed anew; copies that waited leave.
 */
function adopt(
  work: Workspace,
  { successor, ...own }: OwnDevice,
  { next, list }: { next: KeyPair; list: DeviceList },
): void {
  const fields = { listVersion: list.version };
  const isMade = successor !== undefined && successor.identity === next;
  // Whoever made the key tells the contacts; one word is enough.
  const adopted = { ...own, identity: next, ...(isMade && { toldUpTo: '' }) };
  work.write(DEVICE_STREAM, { name: 'IdentitySucceeded', fields }, adopted);
  if (isMade) work.effect({ type: 'tellContacts' });
  work.consume([own.identity.privateKey]);
  if (successor !== undefined && !isMade) work.consume([successor.identity.privateKey]);
  const key = next.publicKey.bytes;
  const kept = work.isSabotaged('keep-sessions-in-succession') ? sessionsBefore(work) : [];
  changeUser(work, own.userId, [
    { type: 'succession', key },
    ...listedChanges(work, list),
    ...kept,
  ]);
  if (!work.isSabotaged('keep-keys-in-succession')) succeedPreKeys(work);
  work.effect({ type: 'identitySucceeded', identityKey: key });
  releaseOwnCopies(work, 'anew');
}

/** A planted fault's: the sessions that there were, put in again. */
function sessionsBefore(work: Workspace): readonly UserChange[] {
  return [...work.user(work.self().userId).devices.values()].flatMap((device) =>
    sessionsOf(device)
      .toReversed()
      .map((session): UserChange => ({ type: 'insert', deviceId: device.deviceId, session })),
  );
}

function unproven(work: Workspace, reason: 'UNPROVEN' | 'NOT_SEALED'): DecideResult {
  work.effect({ type: 'identityUnproven', reason });
  refuseOwnCopies(work);
  return work.decided();
}
