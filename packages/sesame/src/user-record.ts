/**
 * UserRecord and DeviceRecord (Sesame §3.1) as a public value, folded from `UserChanged` events.
 *
 * Secrets live elsewhere: a session is named here by its id only. The identity key of the per-user
 * model (SES-22) is the pin, and outlives the record it came with (SES-35): nothing but an explicit
 * `identity` change moves it.
 */

import { bytesToHex, createReader, createWriter, equalBytes } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import { readDeviceId } from '@simsim/relay-protocol';
import type { DeviceEntry, DeviceId, UserId } from '@simsim/relay-protocol';
import { DEVICE_RECORDS_MAX, FROZEN_SESSIONS_MAX, INACTIVE_SESSIONS_MAX } from './limits.ts';

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

/** One elementary operation on a UserRecord (Sesame §3.2), as it happened. */
export type UserChange =
  /** The user's key is now this one: every device record goes (SES-31). */
  | { readonly type: 'identity'; readonly key: Uint8Array }
  /** A verified list was accepted: absent devices become stale, new or re-installed ones empty. */
  | {
      readonly type: 'list';
      readonly version: number;
      readonly hash: Uint8Array;
      readonly at: number;
      readonly devices: readonly DeviceEntry[];
    }
  /** A device seen in a message before any list named it (SES-32). A stale one stays so (SES-61). */
  | { readonly type: 'device'; readonly deviceId: DeviceId; readonly registrationId: number }
  /** A new session became active; the former active one heads the inactive list (SES-29). */
  | { readonly type: 'insert'; readonly deviceId: DeviceId; readonly session: SessionId }
  /** An inactive session became active (SES-30). */
  | { readonly type: 'activate'; readonly deviceId: DeviceId; readonly session: SessionId }
  /** The active session may not send any more; it heads the inactive list (SES-83). */
  | { readonly type: 'retire'; readonly deviceId: DeviceId }
  /** This device's state was put back: what sessions there are may decrypt and nothing else. */
  | { readonly type: 'freeze'; readonly at: number }
  /** Sessions of before are over: no mail for them can be on its way. */
  | { readonly type: 'thaw' }
  /** A session's keys are gone. */
  | { readonly type: 'end'; readonly deviceId: DeviceId; readonly session: SessionId }
  /** The relay says the user is gone (SES-44). */
  | { readonly type: 'gone'; readonly at: number }
  /** The relay says the device is gone (SES-45, SES-71). */
  | { readonly type: 'deviceGone'; readonly deviceId: DeviceId; readonly at: number };

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

const FORMAT_PLAIN = 1;
/**
 * The newest form: of a record with frozen sessions. Any other is written as ever, so that old rows fold
 * the same.
 */
export const USER_RECORD_VERSION = 2;

/** Encodes a record for its projection row. Canonical: devices in order of their ids. */
export function encodeUserRecord(record: UserRecord): Uint8Array {
  const isFrozen = [...record.devices.values()].some(({ frozen }) => frozen !== undefined);
  const writer = createWriter(256)
    .u8(isFrozen ? USER_RECORD_VERSION : FORMAT_PLAIN)
    .bytes(record.identityKey ?? new Uint8Array(0))
    .varint(record.listVersion)
    .raw(record.listHash)
    .varint(instantCode(record.staleAt))
    .varint(record.devices.size);
  const ordered = [...record.devices.values()].sort((a, b) => a.deviceId - b.deviceId);
  for (const device of ordered) {
    writer
      .u8(device.deviceId)
      .varint(device.registrationId)
      .bytes(device.deviceKey)
      .varint(instantCode(device.staleAt))
      .u8(device.active === undefined ? 0 : 1)
      .varint(sessionsOf(device).length);
    for (const id of sessionsOf(device)) writer.text(id);
    if (!isFrozen) continue;
    writer.varint(device.frozen?.length ?? 0);
    for (const id of device.frozen ?? []) writer.text(id);
  }
  return writer.finish();
}

/** 0 stands for never, so that a clock that begins at 0 unmarks nothing. */
function instantCode(at: number | undefined): number {
  return at === undefined ? 0 : at + 1;
}

/** Reads a projection row; `undefined` where it is malformed. */
export function decodeUserRecord(userId: UserId, bytes: Uint8Array): UserRecord | undefined {
  const reader = createReader(bytes);
  const format = reader.u8();
  if (format < FORMAT_PLAIN || format > USER_RECORD_VERSION) return undefined;
  const identityKey = reader.bytes(32);
  const listVersion = reader.varint();
  const listHash = reader.raw(32);
  const staleAt = reader.varint();
  const count = reader.varint();
  if (count > DEVICE_RECORDS_MAX) return undefined;
  const devices = new Map<DeviceId, DeviceRecord>();
  for (let i = 0; i < count; i++) {
    const device = readDevice(reader, format);
    if (device === undefined) return undefined;
    devices.set(device.deviceId, device);
  }
  if (!reader.isDone()) return undefined;
  return {
    userId,
    listVersion,
    listHash,
    devices,
    ...(identityKey.length === 0 ? {} : { identityKey }),
    ...(staleAt === 0 ? {} : { staleAt: staleAt - 1 }),
  };
}

function readDevice(reader: BinaryReader, format: number): DeviceRecord | undefined {
  const deviceId = readDeviceId(reader);
  const registrationId = reader.varint();
  const deviceKey = reader.bytes(32);
  const staleAt = reader.varint();
  const hasActive = reader.u8() === 1;
  const count = reader.varint();
  if (count > INACTIVE_SESSIONS_MAX + 1) return undefined;
  const ids: SessionId[] = [];
  for (let i = 0; i < count; i++) ids.push(reader.text(64));
  const frozen: SessionId[] = [];
  const frozenCount = format > FORMAT_PLAIN ? reader.varint() : 0;
  if (frozenCount > FROZEN_SESSIONS_MAX) return undefined;
  for (let i = 0; i < frozenCount; i++) frozen.push(reader.text(64));
  const [active, ...rest] = ids;
  return {
    deviceId,
    registrationId,
    deviceKey,
    inactive: hasActive ? rest : ids,
    ...(hasActive && active !== undefined ? { active } : {}),
    ...(staleAt === 0 ? {} : { staleAt: staleAt - 1 }),
    ...(frozen.length === 0 ? {} : { frozen }),
  };
}

const CHANGE_CODES = {
  identity: 1,
  list: 2,
  device: 3,
  insert: 4,
  activate: 5,
  gone: 6,
  deviceGone: 7,
  retire: 8,
  freeze: 9,
  thaw: 10,
  end: 11,
} as const;

/** Encodes the changes of one event. */
export function encodeUserChanges(changes: readonly UserChange[]): Uint8Array {
  const writer = createWriter().varint(changes.length);
  for (const change of changes) encodeChange(writer.u8(CHANGE_CODES[change.type]), change);
  return writer.finish();
}

function encodeChange(writer: BinaryWriter, change: UserChange): void {
  switch (change.type) {
    case 'identity':
      writer.bytes(change.key);
      break;
    case 'list':
      writer
        .varint(change.version)
        .raw(change.hash)
        .varint(change.at)
        .varint(change.devices.length);
      for (const entry of change.devices)
        writer.u8(entry.deviceId).varint(entry.registrationId).bytes(entry.deviceKey);
      break;
    case 'device':
      writer.u8(change.deviceId).varint(change.registrationId);
      break;
    case 'insert':
    case 'activate':
    case 'end':
      writer.u8(change.deviceId).text(change.session);
      break;
    case 'freeze':
      writer.varint(change.at);
      break;
    case 'thaw':
      break;
    case 'retire':
      writer.u8(change.deviceId);
      break;
    case 'gone':
      writer.varint(change.at);
      break;
    case 'deviceGone':
      writer.u8(change.deviceId).varint(change.at);
      break;
  }
}

/** Reads the changes of one event; `undefined` where they are malformed. */
export function decodeUserChanges(bytes: Uint8Array): UserChange[] | undefined {
  const reader = createReader(bytes);
  const count = reader.varint();
  const changes: UserChange[] = [];
  for (let i = 0; i < count && reader.isIntact(); i++) {
    const change = readChange(reader);
    if (change === undefined) return undefined;
    changes.push(change);
  }
  return reader.isDone() ? changes : undefined;
}

function readChange(reader: BinaryReader): UserChange | undefined {
  const code = reader.u8();
  if (code === CHANGE_CODES.identity) return { type: 'identity', key: reader.bytes(32) };
  if (code === CHANGE_CODES.gone) return { type: 'gone', at: reader.varint() };
  if (code === CHANGE_CODES.freeze) return { type: 'freeze', at: reader.varint() };
  if (code === CHANGE_CODES.thaw) return { type: 'thaw' };
  if (code === CHANGE_CODES.list) return readList(reader);
  const deviceId = readDeviceId(reader);
  switch (code) {
    case CHANGE_CODES.device:
      return { type: 'device', deviceId, registrationId: reader.varint() };
    case CHANGE_CODES.insert:
      return { type: 'insert', deviceId, session: reader.text(64) };
    case CHANGE_CODES.activate:
      return { type: 'activate', deviceId, session: reader.text(64) };
    case CHANGE_CODES.end:
      return { type: 'end', deviceId, session: reader.text(64) };
    case CHANGE_CODES.retire:
      return { type: 'retire', deviceId };
    case CHANGE_CODES.deviceGone:
      return { type: 'deviceGone', deviceId, at: reader.varint() };
    default:
      return undefined;
  }
}

function readList(reader: BinaryReader): UserChange | undefined {
  const version = reader.varint();
  const hash = reader.raw(32);
  const at = reader.varint();
  const count = reader.varint();
  if (count > DEVICE_RECORDS_MAX) return undefined;
  const devices: DeviceEntry[] = [];
  for (let i = 0; i < count; i++) {
    devices.push({
      deviceId: readDeviceId(reader),
      registrationId: reader.varint(),
      deviceKey: reader.bytes(32),
    });
  }
  return { type: 'list', version, hash, at, devices };
}

/** Describes a change for people: hashes and ids, no secrets exist here. */
export function describeUserChange(change: UserChange): Record<string, unknown> {
  switch (change.type) {
    case 'identity':
      return { type: change.type, key: bytesToHex(change.key) };
    case 'list':
      return {
        type: change.type,
        version: change.version,
        devices: change.devices.map((entry) => entry.deviceId),
      };
    case 'device':
    case 'insert':
    case 'activate':
    case 'retire':
    case 'freeze':
    case 'thaw':
    case 'end':
    case 'gone':
    case 'deviceGone':
      return { ...change };
  }
}
