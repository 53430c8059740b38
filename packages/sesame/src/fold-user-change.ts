/** Folding changes into a UserRecord: total, without cryptography, the same for ever. */

import { equalBytes } from '@simsim/bytes';
import type { DeviceId } from '@simsim/relay-protocol';
import { FROZEN_SESSIONS_MAX, HELD_MAIL_MAX, INACTIVE_SESSIONS_MAX } from './limits.ts';
import type { UserChange } from './user-change.ts';
import { allSessionsOf, emptyUserRecord, sessionsOf } from './user-record.ts';
import type { DeviceRecord, SessionId, UserRecord } from './user-record.ts';

/** Folds one change. Total: a change that does not fit leaves the record as it is. */
export function applyUserChange(record: UserRecord, change: UserChange): UserRecord {
  switch (change.type) {
    case 'identity': {
      const isSame = record.identityKey !== undefined && equalBytes(record.identityKey, change.key);
      if (isSame) return record;
      const { userId, held } = record;
      return { ...emptyUserRecord(userId), identityKey: change.key, ...(held && { held }) };
    }
    case 'list':
      return applyList(record, change);
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
      return { ...record, offered: change.key };
    case 'withdraw': {
      const { offered: _, ...rest } = record;
      return rest;
    }
    case 'trust':
      return { ...record, trust: change.level };
    case 'holdMail':
      return { ...record, held: [...(record.held ?? []), change.mail].slice(-HELD_MAIL_MAX) };
    case 'releaseMail': {
      const { held: _, ...rest } = record;
      return rest;
    }
  }
}

/** Only what is stale may go, or was never listed and is empty; the key outlives it (SES-28, SES-35). */
function dropDevices(record: UserRecord, ids: readonly DeviceId[]): UserRecord {
  const isOver = (device: DeviceRecord): boolean =>
    ids.includes(device.deviceId) &&
    (device.staleAt !== undefined ||
      record.staleAt !== undefined ||
      (device.deviceKey.length === 0 && allSessionsOf(device).length === 0));
  const kept = [...record.devices].filter(([, device]) => !isOver(device));
  return { ...record, devices: new Map(kept) };
}

function applyList(record: UserRecord, change: Extract<UserChange, { type: 'list' }>): UserRecord {
  const devices = new Map<DeviceId, DeviceRecord>();
  const listed = new Map(change.devices.map((entry) => [entry.deviceId, entry]));
  for (const device of record.devices.values()) {
    if (!listed.has(device.deviceId)) devices.set(device.deviceId, markStale(device, change.at));
  }
  for (const entry of change.devices) {
    const known = record.devices.get(entry.deviceId);
    const isSame =
      known !== undefined &&
      known.staleAt === undefined &&
      (known.registrationId === entry.registrationId || known.registrationId === 0);
    devices.set(entry.deviceId, {
      ...(isSame ? known : emptyDevice(entry.deviceId, entry.registrationId)),
      registrationId: entry.registrationId,
      deviceKey: entry.deviceKey,
    });
  }
  const { staleAt: _, ...rest } = record;
  return { ...rest, listVersion: change.version, listHash: change.hash, devices };
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
