/** Renewing a device whose state was put back: the same device under a new registration id. */

import type { DeviceEntry, DeviceList, RenewDeviceRequest } from '@simsim/relay-protocol';
import {
  findDevice,
  hasSameKeys,
  includesAll,
  renewalProofBytes,
  verifyDeviceList,
} from '@simsim/relay-protocol';
import { isRepeat, keyChanges } from './decide-devices.ts';
import type { Decision, DecisionInput, Reads } from './decision.ts';
import { answer, refuse } from './decision.ts';

/** Reads the user and the nonce. */
export const readsForRenewDevice = (request: RenewDeviceRequest): Reads => ({
  users: [request.userId],
  nonce: request.nonce,
});

/**
 * Gives a device a new incarnation: another registration id and token, no prekeys of before, no head.
 * Its mailbox stays: what was sealed for the former incarnation may still be read. Whoever held the
 * former token, a copy of the device for one, is shut out.
 *
 * Refuses: `UNKNOWN_USER`, `FORBIDDEN` for a device that is not listed, `LIST_MOVED`,
 * `NONCE_UNKNOWN`, `BAD_LIST`, `BAD_PROOF`.
 */
export function decideRenewDevice({ request, slice, env }: DecisionInput<'renewDevice'>): Decision {
  const account = slice.accounts.get(request.userId);
  if (account === undefined) return refuse('UNKNOWN_USER');
  const current = account.list.list;
  const { list } = request.list;
  const before = findDevice(current, request.deviceId);
  const entry = findDevice(list, request.deviceId);
  if (before === undefined) return refuse('FORBIDDEN');
  if (entry === undefined || list.userId !== request.userId) return refuse('BAD_LIST');
  if (before.registrationId === entry.registrationId) {
    const isSame = isRepeat(account, entry, request.tokenHash);
    return isSame ? answer({ kind: 'renewDevice' }) : refuse('BAD_LIST');
  }
  if (list.version !== current.version + 1) return refuse('LIST_MOVED');
  if ((slice.nonceExpiresAtMs ?? 0) <= env.nowMs) return refuse('NONCE_UNKNOWN');
  const isNext = verifyDeviceList({ signed: request.list, previous: current }, env.crypto).ok;
  if (!isNext || list.signer !== request.deviceId || !differsIn(list, current, before)) {
    return refuse('BAD_LIST');
  }
  const proof = [renewalProofBytes({ ...request, list })];
  if (!env.crypto.verifyDeviceKey(entry.deviceKey, proof, request.deviceProof)) {
    return refuse('BAD_PROOF');
  }
  const device = { userId: request.userId, deviceId: request.deviceId };
  const { nonce, tokenHash, keys } = request;
  return answer(
    { kind: 'renewDevice' },
    [
      { kind: 'nonceSpent', nonce },
      { kind: 'listChanged', list: request.list },
      { kind: 'deviceRenewed', device, tokenHash, signedPreKey: keys.signedPreKey },
      ...keyChanges(device, keys),
    ],
    [{ kind: 'removed', device }],
  );
}

/** Whether the next list has the same devices, all but one exactly as they are. */
function differsIn(list: DeviceList, current: DeviceList, changed: DeviceEntry): boolean {
  const others = current.devices.filter((device) => device !== changed);
  const entry = findDevice(list, changed.deviceId);
  return (
    list.devices.length === current.devices.length &&
    includesAll(list, others) &&
    entry !== undefined &&
    hasSameKeys(entry, changed)
  );
}
