/**
 * UserRecord and DeviceRecord (Sesame §3.1) as a public value, folded from `UserChanged` events.
 *
 * Secrets live elsewhere: a session is named here by its id only. The identity key of the per-user
 * model (SES-22) is the pin, and outlives the record it came with (SES-35): nothing but an explicit
 * `identity` change moves it.
 */

import { equalBytes } from '@simsim/bytes';
import type { DeviceEntry, DeviceId, UserId } from '@simsim/relay-protocol';
import { FROZEN_SESSIONS_MAX, INACTIVE_SESSIONS_MAX } from './limits.ts';
import type { UserChange } from './user-change.ts';

/** A session's name: 32 hex characters, the same on both ends. */
export type SessionId = string;

/** One device of a user, with its sessions in order (SES-18). */
export interface DeviceRecord {
  readonly deviceId: DeviceId;
  /** Tells incarnations of one device id apart; 0 where only a message told us of the device. */
  readonly registrationId: number;
  /** Ed25519 device key, empty where only a message told us of the device. */
  readonly deviceKey: Uint8Array;
  readonly active?: SessionId;
  /** Newest first. */
  readonly inactive: readonly SessionId[];
  /** When it was first marked stale, wall ms of this device. */
  readonly staleAt?: number;
  /** Sessions of before this device's state was put back, newest first: they only decrypt. */
  readonly frozen?: readonly SessionId[];
}

/** What this device knows of one user. */
export interface UserRecord {
  readonly userId: UserId;
  /** The pinned identity key, once any is known. */
  readonly identityKey?: Uint8Array;
  /** Highest device list version accepted, 0 for none, and that list's hash. */
  readonly listVersion: number;
  readonly listHash: Uint8Array;
  readonly staleAt?: number;
  readonly devices: ReadonlyMap<DeviceId, DeviceRecord>;
}

/** A user of whom nothing is known. */
export function emptyUserRecord(userId: UserId): UserRecord {
  return { userId, listVersion: 0, listHash: new Uint8Array(32), devices: new Map() };
}

/** Folds one change. Total: a change that does not fit leaves the record as it is. */
export function applyUserChange(record: UserRecord, change: UserChange): UserRecord {
  switch (change.type) {
    case 'identity': {
      const isSame = record.identityKey !== undefined && equalBytes(record.identityKey, change.key);
      if (isSame) return record;
      return { ...emptyUserRecord(record.userId), identityKey: change.key };
    }
    case 'list':
      return applyList(record, change);
    case 'device':
      return record.devices.has(change.deviceId)
        ? record
        : withDevice(record, emptyDevice(change.deviceId, change.registrationId));
    case 'insert':
      return updateDevice(record, change.deviceId, (device) =>
        insertSession(device, change.session),
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
  }
}

/** Sessions named by the first record and no longer by the second: their keys must be destroyed. */
export function droppedSessions(
  before: UserRecord,
  after: UserRecord,
): { deviceId: DeviceId; session: SessionId }[] {
  const kept = new Set<string>();
  for (const device of after.devices.values())
    for (const id of allSessionsOf(device)) kept.add(`${device.deviceId}/${id}`);
  const dropped: { deviceId: DeviceId; session: SessionId }[] = [];
  for (const { deviceId, ...device } of before.devices.values()) {
    for (const session of allSessionsOf(device)) {
      if (!kept.has(`${deviceId}/${session}`)) dropped.push({ deviceId, session });
    }
  }
  return dropped;
}

/** Every session of a device, the active one first. */
export function sessionsOf(
  device: Pick<DeviceRecord, 'active' | 'inactive'>,
): readonly SessionId[] {
  return device.active === undefined ? device.inactive : [device.active, ...device.inactive];
}

/** Those and the ones that may only decrypt: every session with keys. */
export function allSessionsOf(
  device: Pick<DeviceRecord, 'active' | 'inactive' | 'frozen'>,
): readonly SessionId[] {
  return [...sessionsOf(device), ...(device.frozen ?? [])];
}

/** The devices a send goes to: not stale, and not this very device (SES-19, SES-39). */
export function currentDevices(record: UserRecord): readonly DeviceRecord[] {
  if (record.staleAt !== undefined) return [];
  return [...record.devices.values()].filter((device) => device.staleAt === undefined);
}

/** True where a record's current devices are exactly the listed ones, in the same incarnations. */
export function matchesList(record: UserRecord, listed: readonly DeviceEntry[]): boolean {
  const current = currentDevices(record);
  const isListed = (entry: DeviceEntry): boolean =>
    current.some((device) => {
      const { deviceId, registrationId, deviceKey } = device;
      const isSame = deviceId === entry.deviceId && registrationId === entry.registrationId;
      return isSame && equalBytes(deviceKey, entry.deviceKey);
    });
  return current.length === listed.length && listed.every(isListed);
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
function insertSession(device: DeviceRecord, session: SessionId): DeviceRecord {
  if (device.frozen?.includes(session) === true) return device;
  const inactive = sessionsOf(device).filter((id) => id !== session);
  return { ...device, active: session, inactive: inactive.slice(0, INACTIVE_SESSIONS_MAX) };
}

function activateSession(device: DeviceRecord, session: SessionId): DeviceRecord {
  return sessionsOf(device).includes(session) ? insertSession(device, session) : device;
}

function retireSession(device: DeviceRecord): DeviceRecord {
  const { active: _, ...rest } = device;
  return { ...rest, inactive: sessionsOf(device).slice(0, INACTIVE_SESSIONS_MAX) };
}

function freezeSessions(device: DeviceRecord): DeviceRecord {
  const all = allSessionsOf(device);
  if (all.length === 0) return device;
  const { active: _, ...rest } = device;
  return { ...rest, inactive: [], frozen: all.slice(0, FROZEN_SESSIONS_MAX) };
}

function thawSessions(device: DeviceRecord): DeviceRecord {
  const { frozen: _, ...rest } = device;
  return rest;
}

function endSession({ frozen, ...device }: DeviceRecord, session: SessionId): DeviceRecord {
  const { active, ...rest } = device;
  const left = frozen?.filter((id) => id !== session) ?? [];
  return {
    ...rest,
    inactive: device.inactive.filter((id) => id !== session),
    ...(active === undefined || active === session ? {} : { active }),
    ...(left.length === 0 ? {} : { frozen: left }),
  };
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
