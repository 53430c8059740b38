/**
 * Whether the identity keys in a device list are those that are known (SES-31, SES-32, SES-36). In the
 * per-device model a device that is known stands for new ones by signing the list, and may be known
 * itself by a voucher; where a stranger signed, the new ones are only offered.
 */

import { equalBytes } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { findDevice, verifyDeviceVoucher } from '@simsim/relay-protocol';
import type { DeviceId, DeviceList, FormerDevice, UserId } from '@simsim/relay-protocol';
import { isSameKey, modelOf, pinAt } from './key-pin.ts';
import type { IdentityKey } from './user-change.ts';
import { emptyUserRecord } from './user-record.ts';
import type { UserRecord } from './user-record.ts';
import type { Sabotage } from './sabotage.ts';

/** What a record makes of the keys in a list. */
export type KeyJudgement =
  /** Nothing speaks against it; these are new, and are to be pinned. */
  | { readonly kind: 'known'; readonly added: readonly IdentityKey[] }
  /** These are not the pinned ones, or nobody who is known stands for them. */
  | { readonly kind: 'changed'; readonly offers: readonly IdentityKey[] };

/** What judges. */
export interface Judge {
  readonly crypto: Pick<Crypto, 'publicKey' | 'verify'>;
  readonly isSabotaged: (sabotage: Sabotage) => boolean;
  /** The device that judges: of its own user's devices there is nobody to be asked. */
  readonly self: { readonly userId: UserId; readonly deviceId: DeviceId };
}

/** Every key that a list shows, those of former devices last. */
export function shownKeys(list: DeviceList): readonly IdentityKey[] {
  const { identityKey, devices, former = [] } = list;
  if (identityKey !== undefined) return [{ key: identityKey }];
  return [...devices, ...former].flatMap(({ deviceId, identityKey: key, voucher }) =>
    key === undefined ? [] : [{ deviceId, key, ...(voucher && { voucher }) }],
  );
}

/** Compares a list's keys with the pinned ones. Its signatures are checked elsewhere. */
export function judgeKeys(record: UserRecord, list: DeviceList, judge: Judge): KeyJudgement {
  switch (modelOf(record)) {
    case undefined:
      return { kind: 'known', added: shownKeys(list) };
    case 'per-user':
      return judgeByUser(record, list, judge);
    case 'per-device':
      return judgeByDevices(record, list, judge);
  }
}

function judgeByUser(record: UserRecord, list: DeviceList, judge: Judge): KeyJudgement {
  const { userId, identityKey, listVersion, trust } = record;
  const shown = shownKeys(list);
  const known = shown.find(({ key }) => isSameKey(identityKey, key));
  if (known === undefined) return { kind: 'changed', offers: shown };
  const { deviceId } = known;
  if (deviceId === undefined) return { kind: 'known', added: [] };
  if (listVersion > 0 || userId === judge.self.userId) return { kind: 'changed', offers: shown };
  // Mail came before any list did, and nobody knew yet that its key is one device's alone. Whoever else
  // the list names is believed as the key itself was, at first sight; but a key that the application has
  // spoken for is joined by those alone that it stands for, or a stranger could list itself beside it.
  if (trust === undefined)
    return { kind: 'known', added: [known, ...shown.filter((each) => each !== known)] };
  const devicePins = new Map([[deviceId, { identityKey: known.key }]]);
  const judged = judgeByDevices({ ...emptyUserRecord(userId), devicePins }, list, judge);
  return judged.kind === 'known' ? { ...judged, added: [known, ...judged.added] } : judged;
}

function judgeByDevices(record: UserRecord, list: DeviceList, judge: Judge): KeyJudgement {
  const shown = shownKeys(list);
  const isKnown = isKnownDevice(record, { list, deviceId: list.signer, left: shown.length }, judge);
  if (!isKnown) {
    const isCurrent = ({ deviceId }: IdentityKey): boolean =>
      deviceId === undefined || findDevice(list, deviceId) !== undefined;
    const offers = shown.filter(
      (each) => isCurrent(each) && !isSameKey(standingKey(record, each.deviceId, judge), each.key),
    );
    return { kind: 'changed', offers };
  }
  const back = comebacks(record, list, judge);
  if (back.length > 0) return { kind: 'changed', offers: back };
  const added = shown.filter((each) => !isSameKey(pinAt(record, each).identityKey, each.key));
  // An id that a removed device gave up may be another one's; what is in use is not changed unasked.
  const offers = added.filter(
    (each) =>
      standingKey(record, each.deviceId, judge) !== undefined &&
      !mayBeGivenAgain(record, { list, deviceId: each.deviceId }, judge),
  );
  return offers.length > 0 ? { kind: 'changed', offers } : { kind: 'known', added };
}

/**
 * Devices that were removed and are listed again under the very keys they had: nobody is linked so, but
 * lists of before the removal say it. They are below what was seen, and say nothing, unless the
 * application has accepted a key since with which the lists begin anew.
 */
function comebacks(record: UserRecord, list: DeviceList, judge: Judge): readonly IdentityKey[] {
  if (list.version < record.listVersion || judge.isSabotaged('keep-removed-keys')) return [];
  return list.devices.flatMap(({ deviceId, identityKey: key }) => {
    const { identityKey, standing } = record.devicePins?.get(deviceId) ?? {};
    const isBack = key !== undefined && standing !== undefined && isSameKey(identityKey, key);
    return isBack ? [{ deviceId, key }] : [];
  });
}

/**
 * Whether another own device may have been removed, and its id given to this one, between the list that is
 * known and this one. A known device has signed it, and could have done just that.
 */
function mayBeGivenAgain(
  { userId, listVersion }: UserRecord,
  { list, deviceId }: { readonly list: DeviceList; readonly deviceId: DeviceId | undefined },
  { self }: Judge,
): boolean {
  const isOther = userId === self.userId && deviceId !== self.deviceId;
  return isOther && list.version > listVersion + 1;
}

/**
 * Whether a device that a list names is known: its key stands, or a known device vouched for it after
 * the list that is known; `left` bounds how many stand for each other. A removed device's voucher is
 * older, and brings nobody back.
 */
function isKnownDevice(
  record: UserRecord,
  { list, deviceId, left }: { list: DeviceList; deviceId: DeviceId; left: number },
  judge: Judge,
): boolean {
  if (judge.isSabotaged('trust-any-signer')) return true;
  const { identityKey, voucher, deviceKey } = namedDevice(list, deviceId) ?? {};
  if (identityKey === undefined || deviceKey === undefined) return false;
  const standing = standingKey(record, deviceId, judge);
  if (standing !== undefined) return equalBytes(standing, identityKey);
  // A key that was removed does not come back.
  const isRemoved = isSameKey(pinAt(record, { deviceId }).identityKey, identityKey);
  if (isRemoved && !judge.isSabotaged('vouch-for-ever')) return false;
  if (voucher === undefined || left === 0) return false;
  const { approver, listVersion } = voucher;
  const isNews = listVersion > record.listVersion && listVersion <= list.version;
  if (!isNews && !judge.isSabotaged('vouch-for-ever')) return false;
  const pinned = standingKey(record, approver, judge);
  const next = { list, deviceId: approver, left: left - 1 };
  const isKnown = pinned !== undefined || isKnownDevice(record, next, judge);
  const key = pinned ?? namedDevice(list, approver)?.identityKey;
  if (!isKnown || key === undefined) return false;
  const device = { userId: list.userId, deviceId, deviceKey, identityKey };
  return verifyDeviceVoucher(device, { voucher, identityKey: key }, judge.crypto);
}

/** A device of a list; what a former one said of others when it was there, stands. */
function namedDevice(
  list: DeviceList,
  deviceId: DeviceId,
): Partial<Omit<FormerDevice, 'deviceId'>> | undefined {
  return findDevice(list, deviceId) ?? list.former?.find((device) => device.deviceId === deviceId);
}

/** The pinned key of a device that no list has left out since. */
function standingKey(
  { devicePins }: UserRecord,
  deviceId: DeviceId | undefined,
  { isSabotaged }: Judge,
): Uint8Array | undefined {
  const pin = deviceId === undefined ? undefined : devicePins?.get(deviceId);
  const isGone = pin?.standing !== undefined;
  return isGone && !isSabotaged('keep-removed-keys') ? undefined : pin?.identityKey;
}
