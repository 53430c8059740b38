/**
 * What a relay does where another identity key follows a user's: it hands each device that stays what was
 * sealed for it, and nobody gets a prekey that the former key signed.
 */

import { equalBytes } from '@simsim/bytes';
import type {
  DeviceList,
  GetSignedKeysRequest,
  GetSuccessionRequest,
  Heir,
  RefusalCode,
  RemoveDeviceRequest,
  SignedKeys,
} from '@simsim/relay-protocol';
import { findDevice, successionAskBytes } from '@simsim/relay-protocol';
import type { Change } from './change.ts';
import type { CallerInput, Decision, DecisionInput, Reads, Wakeup } from './decision.ts';
import { answer, refuse } from './decision.ts';
import { forgetting } from './decide-keys.ts';
import type { DeviceAddress, DeviceKeys, Slice } from './slice.ts';
import { addressKey } from './slice.ts';

/** What a succession changes for the devices that stay; or why it is refused. */
export type HeirsResult =
  | { readonly ok: true; readonly changes: readonly Change[]; readonly wakeups: readonly Wakeup[] }
  | { readonly ok: false; readonly code: Extract<RefusalCode, 'BAD_LIST' | 'LIST_MOVED'> };

/**
 * Gives each device that stays its sealed key and its prekeys their new signatures; the one-time ones go,
 * and each device but the caller is told that it has none, whereupon it comes and learns why. A list
 * under the same identity key has no heirs, one under another key exactly its devices. `LIST_MOVED`: a
 * prekey was replaced meanwhile; sign the one that is there.
 */
export function decideHeirs(
  { list: { list }, heirs = [] }: RemoveDeviceRequest,
  { current, slice, caller }: { current: DeviceList; slice: Slice; caller: DeviceAddress },
): HeirsResult {
  const [next, former] = [list.identityKey, current.identityKey];
  const isSuccession = next !== undefined && former !== undefined && !equalBytes(next, former);
  const isWhole =
    heirs.length === (isSuccession ? list.devices.length : 0) &&
    heirs.every(({ deviceId }) => findDevice(list, deviceId) !== undefined);
  if (!isWhole) return { ok: false, code: 'BAD_LIST' };
  const changes: Change[] = [];
  const wakeups: Wakeup[] = [];
  for (const heir of heirs) {
    const device = { userId: list.userId, deviceId: heir.deviceId };
    const keys = slice.keysOf.get(addressKey(device));
    const signed = keys && signedAnew(device, keys, heir);
    if (signed === undefined) return { ok: false, code: 'LIST_MOVED' };
    changes.push(...signed);
    if (heir.deviceId !== caller.deviceId)
      wakeups.push({ kind: 'keysLow', device, count: 0, kemCount: 0 });
  }
  return { ok: true, changes, wakeups };
}

/** `undefined` where the signatures are not those of the very prekeys that are here. */
function signedAnew(device: DeviceAddress, keys: DeviceKeys, heir: Heir): Change[] | undefined {
  const { signedPreKey, kem } = keys;
  const { lastResort } = kem;
  const isSame = heir.signedPreKey.id === signedPreKey.id && heir.lastResort?.id === lastResort?.id;
  if (!isSame) return undefined;
  const changes: Change[] = [
    { kind: 'identitySealed', device, sealed: heir.sealed },
    { kind: 'signedPreKeyStored', device, key: { ...signedPreKey, ...heir.signedPreKey } },
    ...forgetting(keys, device),
  ];
  if (lastResort !== undefined)
    changes.push({ kind: 'lastResortStored', device, key: { ...lastResort, ...heir.lastResort } });
  return changes;
}

/** Reads the lists since a version and what is sealed for the device. */
export const readsForGetSuccession = ({
  userId,
  deviceId,
  since,
}: GetSuccessionRequest): Reads => ({ succession: { userId, deviceId, since } });

/**
 * Says how a user's list went on, to a device that is listed now: which devices a user had before is
 * nobody else's business.
 *
 * Refuses: `UNKNOWN_USER`; `FORBIDDEN` for a device that is not listed, or did not sign.
 */
export function decideGetSuccession(input: DecisionInput<'getSuccession'>): Decision {
  const { request, slice, env } = input;
  const found = slice.succession;
  const current = found?.lists.at(-1)?.list;
  if (found === undefined || current === undefined) return refuse('UNKNOWN_USER');
  const deviceKey = findDevice(current, request.deviceId)?.deviceKey;
  const asked = [successionAskBytes(request)];
  const isListed =
    deviceKey !== undefined && env.crypto.verifyDeviceKey(deviceKey, asked, request.signature);
  if (!isListed) return refuse('FORBIDDEN');
  const { lists, sealed } = found;
  return answer({ kind: 'getSuccession', lists, ...(sealed && { sealed }) });
}

/** Reads the keys of the named devices, of whatever user the caller is. */
export const readsForGetSignedKeys = ({ devices }: GetSignedKeysRequest): Reads => ({
  ownUsersKeys: devices,
});

/** Says which prekeys of the caller's user's devices are handed out again and again. */
export function decideGetSignedKeys(input: CallerInput<'getSignedKeys'>): Decision {
  const { request, slice, caller } = input;
  const devices = request.devices.flatMap((deviceId): SignedKeys[] => {
    const keys = slice.keysOf.get(addressKey({ userId: caller.userId, deviceId }));
    if (keys === undefined) return [];
    const { signedPreKey, kem } = keys;
    return [{ deviceId, signedPreKey, ...(kem.lastResort && { lastResort: kem.lastResort }) }];
  });
  return answer({ kind: 'getSignedKeys', devices });
}
