/**
 * Pinned identity keys, in both of Sesame's models (SES-22): one for a user, or one for each device of
 * theirs. A record is of the model that its pins are of; what was only offered makes no model.
 */

import { equalBytes } from '@simsim/bytes';
import type { DeviceId, IdentityModel } from '@simsim/relay-protocol';
import type { IdentityKey, UserChange } from './user-change.ts';
import { currentDevices } from './user-record.ts';
import type { KeyPin, UserRecord } from './user-record.ts';

/** The model of a user's keys; `undefined` while none is pinned. */
export function modelOf({ identityKey, devicePins }: UserRecord): IdentityModel | undefined {
  if (identityKey !== undefined) return 'per-user';
  const hasKey = [...(devicePins?.values() ?? [])].some((pin) => pin.identityKey !== undefined);
  return hasKey ? 'per-device' : undefined;
}

/** The pin that an identity key's place has; empty where nothing is known there. */
export function pinAt(record: UserRecord, { deviceId }: Pick<IdentityKey, 'deviceId'>): KeyPin {
  return deviceId === undefined ? record : (record.devicePins?.get(deviceId) ?? {});
}

/** Where a key of a device belongs: to the device itself in the per-device model, else to the user. */
export function keyOfDevice(record: UserRecord, deviceId: DeviceId, key: Uint8Array): IdentityKey {
  return modelOf(record) === 'per-device' ? { deviceId, key } : { key };
}

/** Whether a device may use a key: `first` where no key of its user is pinned at all. */
export function standingOf(
  record: UserRecord,
  deviceId: DeviceId,
  key: Uint8Array,
): 'first' | 'pinned' | 'other' {
  if (modelOf(record) === undefined) return 'first';
  const isRemoved = record.devicePins?.get(deviceId)?.standing === 'removed';
  const { identityKey } = pinAt(record, keyOfDevice(record, deviceId, key));
  return isSameKey(identityKey, key) && !isRemoved ? 'pinned' : 'other';
}

/** Every pinned key that is in use: those of removed devices are not. */
export function pinnedKeys(record: UserRecord): readonly IdentityKey[] {
  if (record.identityKey !== undefined) return [{ key: record.identityKey }];
  return [...(record.devicePins ?? [])].flatMap(([deviceId, pin]) => {
    const { identityKey: key, standing } = pin;
    return key === undefined || standing !== undefined ? [] : [{ deviceId, key }];
  });
}

/** The pins of the keys that mail to a user is encrypted to. */
export function pinsInUse(record: UserRecord): readonly (IdentityKey & KeyPin)[] {
  const { identityKey } = record;
  if (identityKey !== undefined) return [{ ...record, key: identityKey }];
  return currentDevices(record).flatMap(({ deviceId }) => {
    const pin = pinAt(record, { deviceId });
    return pin.identityKey === undefined ? [] : [{ ...pin, deviceId, key: pin.identityKey }];
  });
}

/** The keys that were shown beside the pinned ones, and wait for word of the application. */
export function offersOf(record: UserRecord): readonly IdentityKey[] {
  const ofDevices = [...(record.devicePins ?? [])].flatMap(([deviceId, { offered }]) =>
    offered === undefined ? [] : [{ deviceId, key: offered }],
  );
  return record.offered === undefined ? ofDevices : [{ key: record.offered }, ...ofDevices];
}

/** The changes that pin keys. */
export function pinnings(keys: readonly IdentityKey[]): readonly UserChange[] {
  return keys.map((shown) => ({ type: 'identity', ...shown }));
}

/** The changes that take every offer off the table. */
export function withdrawals(record: UserRecord): readonly UserChange[] {
  return offersOf(record).map(({ deviceId }) => ({
    type: 'withdraw',
    ...(deviceId && { deviceId }),
  }));
}

/**
 * Where a key is pinned, or else offered; `undefined` where no place is known for it. What was shown in another
 * device's place moves no key that is pinned.
 */
export function placeOf(record: UserRecord, key: Uint8Array): IdentityKey | undefined {
  for (const what of ['identityKey', 'offered'] as const) {
    if (isSameKey(record[what], key)) return { key };
    for (const [deviceId, pin] of record.devicePins ?? [])
      if (isSameKey(pin[what], key)) return { deviceId, key };
  }
  return modelOf(record) === 'per-device' ? undefined : { key };
}

/** Whether a key that may not be there is this one. */
export function isSameKey(known: Uint8Array | undefined, key: Uint8Array): boolean {
  return known !== undefined && equalBytes(known, key);
}
