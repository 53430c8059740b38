/** Changing and reading device lists. Every change is a signed next version, verified whole. */

import { equalBytes } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type {
  AddDeviceRequest,
  CreateAccountRequest,
  DeviceEntry,
  DeviceId,
  DeviceList,
  PreKeyUpload,
  RemoveDeviceRequest,
} from '@simsim/relay-protocol';
import {
  deviceProofBytes,
  DEVICES_MAX,
  encodeDeviceList,
  findDevice,
  includesAll,
  verifyDeviceApproval,
  verifyDeviceList,
} from '@simsim/relay-protocol';
import type { Change } from './change.ts';
import type { CallerInput, Decision, DecisionInput, Reads, Wakeup } from './decision.ts';
import { answer, refuse } from './decision.ts';
import { decideHeirs } from './decide-succession.ts';
import type { Account, DeviceAddress, KeyCounters } from './slice.ts';

/** Reads the user and the nonce. */
export const readsForAddDevice = (request: AddDeviceRequest): Reads => ({
  users: [request.userId],
  nonce: request.nonce,
});

/**
 * Joins a device that a listed one approved, maybe in the place of another one, or says again that it
 * joined.
 *
 * Refuses: `UNKNOWN_USER`, `DEVICE_EXISTS`, `BAD_LIST`, `LIST_MOVED`, `NONCE_UNKNOWN`,
 * `BAD_APPROVAL`, `BAD_PROOF`.
 */
export function decideAddDevice({ request, slice, env }: DecisionInput<'addDevice'>): Decision {
  const account = slice.accounts.get(request.userId);
  if (account === undefined) return refuse('UNKNOWN_USER');
  const current = account.list.list;
  const { list } = request.list;
  const entry = findDevice(list, request.deviceId);
  if (findDevice(current, request.deviceId) !== undefined) {
    const isSame = entry !== undefined && isRepeat(account, entry, request.tokenHash);
    return isSame ? answer({ kind: 'addDevice' }) : refuse('DEVICE_EXISTS');
  }
  if (entry === undefined || list.userId !== request.userId) return refuse('BAD_LIST');
  if (list.version !== current.version + 1) return refuse('LIST_MOVED');
  if ((slice.nonceExpiresAtMs ?? 0) <= env.nowMs) return refuse('NONCE_UNKNOWN');

  const { approval } = request;
  const isForThis =
    approval.userId === request.userId &&
    approval.deviceId === entry.deviceId &&
    approval.registrationId === entry.registrationId &&
    equalBytes(approval.deviceKey, entry.deviceKey);
  if (!isForThis || !verifyDeviceApproval(approval, current, env.crypto).ok) {
    return refuse('BAD_APPROVAL');
  }
  const isNext = verifyDeviceList({ signed: request.list, previous: current }, env.crypto).ok;
  const replaced = replacedBy(list, current, entry.deviceId);
  const isApproverKept = replaced !== undefined && !replaced.includes(approval.approver);
  if (!isNext || !isApproverKept) return refuse('BAD_LIST');

  if (!isProven(request, entry, env.crypto)) return refuse('BAD_PROOF');
  const removed = replaced.map((deviceId) => ({ userId: list.userId, deviceId }));
  const changes = [
    ...removed.map((device): Change => ({ kind: 'deviceRemoved', device })),
    ...joinChanges(request, request.deviceId),
  ];
  const wakeups = removed.map((device): Wakeup => ({ kind: 'removed', device }));
  return answer({ kind: 'addDevice' }, changes, wakeups);
}

/** Whether the joining device has the private halves of the keys that its entry names (SES-96). */
function isProven(request: AddDeviceRequest, entry: DeviceEntry, crypto: Crypto): boolean {
  const proof = [deviceProofBytes({ ...request, list: request.list.list })];
  if (entry.identityKey !== undefined) {
    const { identityProof } = request;
    const identityKey = crypto.publicKey(entry.identityKey);
    if (identityKey === undefined || identityProof === undefined) return false;
    if (!crypto.verify(identityKey, proof, identityProof)) return false;
  }
  return crypto.verifyDeviceKey(entry.deviceKey, proof, request.deviceProof);
}

/**
 * The device whose place the new one takes, if it takes one; `undefined` where the next list is not the
 * current one with the new device in it and at most one other gone.
 */
function replacedBy(
  list: DeviceList,
  current: DeviceList,
  joining: DeviceId,
): readonly DeviceId[] | undefined {
  const others = list.devices.filter(({ deviceId }) => deviceId !== joining);
  const gone = current.devices.filter(({ deviceId }) => findDevice(list, deviceId) === undefined);
  const isSound = includesAll(current, others) && list.devices.length <= DEVICES_MAX;
  return isSound && gone.length <= 1 ? gone.map(({ deviceId }) => deviceId) : undefined;
}

/** Reads the list's user, and the keys of devices that get another identity key. */
export const readsForRemoveDevice = ({ list, heirs = [] }: RemoveDeviceRequest): Reads => {
  const { userId } = list.list;
  return { users: [userId], keysOf: heirs.map(({ deviceId }) => ({ userId, deviceId })) };
};

/**
 * Publishes a list with fewer devices; token, keys and mailbox of the removed ones go with them. Such a
 * list may name another identity key; see {@link decideHeirs}.
 *
 * Refuses: `FORBIDDEN` unless the caller signed its own user's list, `LIST_MOVED`, `BAD_LIST`.
 */
export function decideRemoveDevice(input: CallerInput<'removeDevice'>): Decision {
  const { request, slice, env, caller } = input;
  const { list } = request.list;
  const account = slice.accounts.get(list.userId);
  if (account === undefined || caller.userId !== list.userId) return refuse('FORBIDDEN');
  const current = account.list.list;
  if (equalBytes(encodeDeviceList(list), encodeDeviceList(current))) {
    return answer({ kind: 'removeDevice' });
  }
  if (list.version !== current.version + 1) return refuse('LIST_MOVED');
  if (list.signer !== caller.deviceId) return refuse('FORBIDDEN');
  // A user without devices could never come back (SES-3).
  if (list.devices.length === 0) return refuse('BAD_LIST');
  const isNext = verifyDeviceList({ signed: request.list, previous: current }, env.crypto).ok;
  const isFewer =
    list.devices.length < current.devices.length && includesAll(current, list.devices);
  if (!isNext || !isFewer) return refuse('BAD_LIST');
  const heirs = decideHeirs(request, { current, slice, caller });
  if (!heirs.ok) return refuse(heirs.code);

  const changes: Change[] = [{ kind: 'listChanged', list: request.list }, ...heirs.changes];
  const wakeups: Wakeup[] = [...heirs.wakeups];
  for (const { deviceId } of current.devices) {
    if (findDevice(list, deviceId) !== undefined) continue;
    const device = { userId: list.userId, deviceId };
    changes.push({ kind: 'deviceRemoved', device });
    wakeups.push({ kind: 'removed', device });
  }
  return answer({ kind: 'removeDevice' }, changes, wakeups);
}

/** Gives a user's list unless the asker has this version already. */
export function decideGetList({ request, slice }: DecisionInput<'getList'>): Decision {
  const list = slice.accounts.get(request.userId)?.list;
  if (list === undefined) return answer({ kind: 'getList', result: { kind: 'unknownUser' } });
  if (list.list.version === request.since) {
    return answer({ kind: 'getList', result: { kind: 'unchanged' } });
  }
  return answer({ kind: 'getList', result: { kind: 'list', list } });
}

/** What changes when a device joins: nonce, list, token and first keys, all at once. */
export function joinChanges(
  request: CreateAccountRequest | AddDeviceRequest,
  deviceId: DeviceId,
): Change[] {
  const device = { userId: request.userId, deviceId };
  const { signedPreKey } = request.keys;
  return [
    { kind: 'nonceSpent', nonce: request.nonce },
    { kind: 'listChanged', list: request.list },
    { kind: 'deviceAdded', device, tokenHash: request.tokenHash, signedPreKey },
    ...keyChanges(device, request.keys),
  ];
}

/** The first keys of an incarnation, its signed prekey apart. */
export function keyChanges(device: DeviceAddress, keys: PreKeyUpload): Change[] {
  const { oneTimePreKeys, lastResortKemPreKey, oneTimeKemPreKeys } = keys;
  return [
    { kind: 'preKeysStored', device, keys: oneTimePreKeys },
    { kind: 'keysCounted', device, counters: firstCounters(oneTimePreKeys) },
    { kind: 'lastResortStored', device, key: lastResortKemPreKey },
    { kind: 'kemPreKeysStored', device, keys: oneTimeKemPreKeys },
    { kind: 'kemKeysCounted', device, counters: firstCounters(oneTimeKemPreKeys) },
  ];
}

function firstCounters(keys: readonly { readonly id: number }[]): KeyCounters {
  return { count: keys.length, lastIssuedId: 0, highestSeenId: keys.at(-1)?.id ?? 0 };
}

/** Whether a listed device is the very one that asks again: same device key, same token. */
export function isRepeat(account: Account, entry: DeviceEntry, tokenHash: Uint8Array): boolean {
  const listed = findDevice(account.list.list, entry.deviceId);
  const known = account.devices.get(entry.deviceId);
  return (
    listed !== undefined &&
    known !== undefined &&
    equalBytes(listed.deviceKey, entry.deviceKey) &&
    equalBytes(known.tokenHash, tokenHash)
  );
}
