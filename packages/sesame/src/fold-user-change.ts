/** Folding changes into a UserRecord: total, without cryptography, the same for ever. */

import { equalBytes } from '@simsim/bytes';
import type { DeviceEntry, DeviceId } from '@simsim/relay-protocol';
import { namingKey } from './device-name.ts';
import type { DeviceNaming } from './device-name.ts';
import { isSameKey } from './key-pin.ts';
import {
  DEVICE_NAMES_MAX,
  FROZEN_SESSIONS_MAX,
  HELD_MAIL_MAX,
  INACTIVE_SESSIONS_MAX,
} from './limits.ts';
import type { IdentityKey, UserChange } from './user-change.ts';
import { allSessionsOf, emptyUserRecord, sessionsOf } from './user-record.ts';
import type { DevicePin, DeviceRecord, KeyPin, SessionId, UserRecord } from './user-record.ts';

/** Folds one change. Total: a change that does not fit leaves the record as it is. */
export function applyUserChange(record: UserRecord, change: UserChange): UserRecord {
  switch (change.type) {
    case 'identity':
      return change.deviceId === undefined
        ? pinUser(record, change.key)
        : pinDevice(record, change.deviceId, change);
    case 'succession':
      return { ...withDevices(record, dropSessions), identityKey: change.key };
    case 'list':
      return applyList(record, change);
    case 'forgetList':
      return { ...record, listVersion: 0, listHash: new Uint8Array(32) };
    case 'device':
      return record.devices.has(change.deviceId)
        ? record
        : withDevice(record, emptyDevice(change.deviceId, change.registrationId));
    case 'insert':
      return updateDevice(record, change.deviceId, (device) =>
        insertSession(device, change.session, change.at),
      );
    case 'activate':
      return updateDevice(record, change.deviceId, (device) =>
        activateSession(device, change.session),
      );
    case 'retire':
      return updateDevice(record, change.deviceId, retireSession);
    case 'freeze':
      return withDevices(record, freezeSessions);
    case 'thaw':
      return withDevices(record, thawSessions);
    case 'end':
      return updateDevice(record, change.deviceId, (device) => endSession(device, change.session));
    case 'gone':
      return record.staleAt === undefined ? { ...record, staleAt: change.at } : record;
    case 'deviceGone':
      return updateDevice(record, change.deviceId, (device) => markStale(device, change.at));
    case 'drop':
      return dropDevices(record, change.devices);
    case 'healSpent':
      return updateDevice(record, change.deviceId, (device) => ({
        ...device,
        heals: change.allowance,
      }));
    case 'offer':
      return withPin(record, change, (pin) => ({ ...pin, offered: change.key }));
    case 'withdraw':
      return withPin(record, change, withoutOffer);
    case 'trust':
      return withPin(record, change, (pin) => ({ ...pin, trust: change.level }));
    case 'holdMail':
      return { ...record, held: [...(record.held ?? []), change.mail].slice(-HELD_MAIL_MAX) };
    case 'releaseMail': {
      const { held: _, ...rest } = record;
      return rest;
    }
    case 'name':
      return withName(record, change.naming);
  }
}

/** The whole record is another's (SES-31); mail that waits for the key is not forgotten. */
function pinUser(record: UserRecord, key: Uint8Array): UserRecord {
  if (isSameKey(record.identityKey, key)) return record;
  const { userId, held, names } = record;
  const kept = { ...(held && { held }), ...(names && { names }) };
  return { ...emptyUserRecord(userId), identityKey: key, ...kept };
}

/** One device is another (SES-32). A pin of before that was the user's is the device's, or goes with all. */
function pinDevice(
  record: UserRecord,
  deviceId: DeviceId,
  { key, voucher }: IdentityKey,
): UserRecord {
  const vouched = voucher === undefined ? {} : { voucher };
  const former = record.devicePins?.get(deviceId);
  if (former !== undefined && isSameKey(former.identityKey, key)) {
    const { standing: _, ...pin } = former;
    return {
      ...record,
      devicePins: new Map(record.devicePins).set(deviceId, { ...pin, ...vouched }),
    };
  }
  const { identityKey, trust, offered: _, ...rest } = record;
  const isUsers = isSameKey(identityKey, key);
  const { userId, held, devicePins } = record;
  const kept: UserRecord =
    identityKey === undefined || isUsers
      ? rest
      : { ...emptyUserRecord(userId), ...(held && { held }), ...(devicePins && { devicePins }) };
  const pin: DevicePin = {
    identityKey: key,
    ...(isUsers && trust !== undefined && { trust }),
    ...vouched,
  };
  const pinned = { ...kept, devicePins: new Map(devicePins).set(deviceId, pin) };
  if (former?.identityKey === undefined) return pinned;
  return updateDevice(pinned, deviceId, () => emptyDevice(deviceId, 0));
}

function withPin(
  record: UserRecord,
  { deviceId }: { readonly deviceId?: DeviceId },
  update: (pin: KeyPin) => KeyPin,
): UserRecord {
  if (deviceId === undefined) {
    const { identityKey, trust, offered, ...rest } = record;
    const pin = {
      ...(identityKey && { identityKey }),
      ...(trust && { trust }),
      ...(offered && { offered }),
    };
    return { ...rest, ...update(pin) };
  }
  const { devicePins: former, ...rest } = record;
  const devicePins = new Map(former);
  const pin: DevicePin = update(devicePins.get(deviceId) ?? {});
  const isKept = pin.identityKey !== undefined || pin.offered !== undefined;
  if (isKept) devicePins.set(deviceId, pin);
  else devicePins.delete(deviceId);
  return devicePins.size === 0 ? rest : { ...rest, devicePins };
}

function withoutOffer(pin: KeyPin): KeyPin {
  const { offered: _, ...rest } = pin;
  return rest;
}

/** Only what is stale may go, or was never listed and is empty; the key outlives it (SES-28, SES-35). */
function dropDevices(record: UserRecord, ids: readonly DeviceId[]): UserRecord {
  const isOver = (device: DeviceRecord): boolean =>
    ids.includes(device.deviceId) &&
    (device.staleAt !== undefined ||
      record.staleAt !== undefined ||
      (device.deviceKey.length === 0 && allSessionsOf(device).length === 0));
  const all = [...record.devices.values()];
  const kept = all.filter((device) => !isOver(device));
  const devices = new Map(kept.map((device) => [device.deviceId, device]));
  return withoutNames({ ...record, devices }, all.filter(isOver));
}

function applyList(record: UserRecord, change: Extract<UserChange, { type: 'list' }>): UserRecord {
  const devices = new Map<DeviceId, DeviceRecord>();
  const gone: DeviceRecord[] = [];
  const listed = new Map(change.devices.map((entry) => [entry.deviceId, entry]));
  const former = new Map(change.former?.map((each) => [each.deviceId, each]));
  for (const device of record.devices.values()) {
    const { deviceId } = device;
    // A stolen device's sessions end with its key, which the list disowns.
    const isDisowned = record.devicePins?.has(deviceId) === true && !former.has(deviceId);
    if (!listed.has(deviceId) && !isDisowned) devices.set(deviceId, markStale(device, change.at));
    if (!listed.has(deviceId) && isDisowned) gone.push(device);
  }
  // One that came and went between two lists that were seen: whoever goes on with the list has to know.
  for (const { deviceId, deviceKey } of former.values()) {
    const unseen = { ...emptyDevice(deviceId, 0), deviceKey };
    if (!devices.has(deviceId)) devices.set(deviceId, markStale(unseen, change.at));
  }
  for (const entry of change.devices) {
    const known = record.devices.get(entry.deviceId);
    const isSame = known !== undefined && isThereStill(known, entry);
    if (known !== undefined && !equalBytes(known.deviceKey, entry.deviceKey)) gone.push(known);
    devices.set(entry.deviceId, {
      ...(isSame ? known : emptyDevice(entry.deviceId, entry.registrationId)),
      registrationId: entry.registrationId,
      deviceKey: entry.deviceKey,
    });
  }
  const { staleAt: _, devicePins, ...rest } = record;
  const { version: listVersion, hash: listHash } = change;
  const pins = devicePins && withStandings(devicePins, { listed, former });
  const after = { ...rest, listVersion, listHash, devices, ...(pins && { devicePins: pins }) };
  return withoutNames(after, gone);
}

/** Whether a device that a list names is the one that was there: it was not gone, and is no other incarnation. */
function isThereStill(known: DeviceRecord, { registrationId }: DeviceEntry): boolean {
  if (known.staleAt !== undefined) return false;
  const isOther = known.registrationId !== 0 && known.registrationId !== registrationId;
  if (isOther) return false;
  return true;
}

/** Pins of devices that a list does not name stand for nobody any more. */
function withStandings(
  pins: ReadonlyMap<DeviceId, DevicePin>,
  { listed, former }: Readonly<Record<'listed' | 'former', ReadonlyMap<DeviceId, unknown>>>,
): ReadonlyMap<DeviceId, DevicePin> {
  const marked = [...pins].map(([id, before]): [DeviceId, DevicePin] => {
    const { standing: _, ...pin } = before;
    const standing = former.has(id) ? 'former' : 'removed';
    return [id, listed.has(id) ? pin : { ...pin, standing }];
  });
  return new Map(marked);
}

/** What happened is that it has this name; whether that was to be, somebody else decided. */
function withName(record: UserRecord, naming: DeviceNaming): UserRecord {
  const key = namingKey(naming.deviceKey);
  const names = new Map(record.names);
  if (!names.has(key) && names.size >= DEVICE_NAMES_MAX) return record;
  return { ...record, names: names.set(key, naming) };
}

/** A device's name goes with its record. */
function withoutNames(record: UserRecord, gone: readonly DeviceRecord[]): UserRecord {
  const { names: before, ...rest } = record;
  if (before === undefined || gone.length === 0) return record;
  const names = new Map(before);
  for (const { deviceKey } of gone) names.delete(namingKey(deviceKey));
  return names.size === 0 ? rest : { ...rest, names };
}

function emptyDevice(deviceId: DeviceId, registrationId: number): DeviceRecord {
  return { deviceId, registrationId, deviceKey: new Uint8Array(0), inactive: [] };
}

function markStale(device: DeviceRecord, at: number): DeviceRecord {
  return device.staleAt === undefined ? { ...device, staleAt: at } : device;
}

/** A session that was frozen stays so, whatever else a history says of it. */
function insertSession(device: DeviceRecord, session: SessionId, at?: number): DeviceRecord {
  if (device.frozen?.includes(session) === true) return device;
  const inactive = sessionsOf(device).filter((id) => id !== session);
  const next = { ...device, active: session, inactive: inactive.slice(0, INACTIVE_SESSIONS_MAX) };
  return withTimes(next, at === undefined ? [] : [[session, at]]);
}

/** With the times of sessions that there are, and of no others. */
function withTimes(
  { began, ...device }: DeviceRecord,
  more: readonly (readonly [SessionId, number])[] = [],
): DeviceRecord {
  const kept = new Map([...(began ?? []), ...more]);
  const isThere = new Set(allSessionsOf(device));
  for (const id of kept.keys()) if (!isThere.has(id)) kept.delete(id);
  return kept.size === 0 ? device : { ...device, began: kept };
}

function activateSession(device: DeviceRecord, session: SessionId): DeviceRecord {
  return sessionsOf(device).includes(session) ? insertSession(device, session) : device;
}

function retireSession(device: DeviceRecord): DeviceRecord {
  const { active: _, ...rest } = device;
  return withTimes({ ...rest, inactive: sessionsOf(device).slice(0, INACTIVE_SESSIONS_MAX) });
}

function freezeSessions(device: DeviceRecord): DeviceRecord {
  const all = allSessionsOf(device);
  if (all.length === 0) return device;
  const { active: _, ...rest } = device;
  return withTimes({ ...rest, inactive: [], frozen: all.slice(0, FROZEN_SESSIONS_MAX) });
}

/** The device, and nothing that was shared with it. */
function dropSessions(device: DeviceRecord): DeviceRecord {
  const { deviceId, registrationId, deviceKey, staleAt, heals } = device;
  const entry = { deviceId, registrationId, deviceKey, inactive: [] };
  return { ...entry, ...(staleAt !== undefined && { staleAt }), ...(heals && { heals }) };
}

function thawSessions(device: DeviceRecord): DeviceRecord {
  const { frozen: _, ...rest } = device;
  return withTimes(rest);
}

function endSession({ frozen, ...device }: DeviceRecord, session: SessionId): DeviceRecord {
  const { active, ...rest } = device;
  const left = frozen?.filter((id) => id !== session) ?? [];
  return withTimes({
    ...rest,
    inactive: device.inactive.filter((id) => id !== session),
    ...(active === undefined || active === session ? {} : { active }),
    ...(left.length === 0 ? {} : { frozen: left }),
  });
}

function withDevices(
  record: UserRecord,
  update: (device: DeviceRecord) => DeviceRecord,
): UserRecord {
  const devices = [...record.devices].map(([id, device]) => [id, update(device)] as const);
  return { ...record, devices: new Map(devices) };
}

function withDevice(record: UserRecord, device: DeviceRecord): UserRecord {
  return { ...record, devices: new Map(record.devices).set(device.deviceId, device) };
}

function updateDevice(
  record: UserRecord,
  deviceId: DeviceId,
  update: (device: DeviceRecord) => DeviceRecord,
): UserRecord {
  const device = record.devices.get(deviceId);
  return device === undefined ? record : withDevice(record, update(device));
}
