/** The projection row of a UserRecord. */

import { createReader, createWriter } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import {
  DEVICE_ID_MAX,
  idToBytes,
  readDeviceId,
  readDeviceVoucher,
  readRandomId,
  writeDeviceVoucher,
} from '@simsim/relay-protocol';
import type { DeviceId, EnvelopeId, UserId } from '@simsim/relay-protocol';
import { namingKey, readNamings, writeNamings } from './device-name.ts';
import {
  DEVICE_RECORDS_MAX,
  FROZEN_SESSIONS_MAX,
  HELD_MAIL_MAX,
  INACTIVE_SESSIONS_MAX,
} from './limits.ts';
import { sessionsOf } from './user-record.ts';
import type {
  DevicePin,
  DeviceRecord,
  HealAllowance,
  SessionId,
  TrustLevel,
  UserRecord,
} from './user-record.ts';

/** Of a record that has none of what came later. */
const FORMAT_PLAIN = 1;
/** Of a record with frozen sessions and nothing later. */
const FORMAT_FROZEN = 2;
/** Of a record with trust, times and allowances, and neither pins of devices nor names. */
const FORMAT_TRUST = 3;
/** Of a record with pins of devices, and no names. */
const FORMAT_PINS = 4;
/**
 * The newest form: of an own user whose devices have names. A record is written in the oldest form that
 * holds it, so that old rows fold the same.
 */
export const USER_RECORD_VERSION = 5;

/** In encoding order; the first stands for a key that was only seen. */
const TRUST_CODES: readonly (TrustLevel | undefined)[] = [undefined, 'accepted', 'verified'];

/** In encoding order; the first stands for a device that is listed. */
const STANDINGS: readonly DevicePin['standing'][] = [undefined, 'former', 'removed'];

/** Encodes a record for its projection row. Canonical: devices in order of their ids. */
export function encodeUserRecord(record: UserRecord): Uint8Array {
  const format = formatOf(record);
  const writer = createWriter(256)
    .u8(format)
    .bytes(record.identityKey ?? new Uint8Array(0))
    .varint(record.listVersion)
    .raw(record.listHash)
    .varint(instantCode(record.staleAt))
    .varint(record.devices.size);
  const ordered = [...record.devices.values()].sort((a, b) => a.deviceId - b.deviceId);
  for (const device of ordered) writeDevice(writer, device, format);
  if (format > FORMAT_FROZEN) writeTrust(writer, record);
  if (format > FORMAT_TRUST) writePins(writer, record);
  if (format > FORMAT_PINS) writeNames(writer, record);
  return writer.finish();
}

function formatOf({ trust, offered, held, devices, devicePins, names }: UserRecord): number {
  if (names !== undefined) return USER_RECORD_VERSION;
  if (devicePins !== undefined) return FORMAT_PINS;
  const all = [...devices.values()];
  const isNew = [trust, offered, held].some((field) => field !== undefined);
  if (isNew || all.some(({ began, heals }) => began !== undefined || heals !== undefined))
    return FORMAT_TRUST;
  return all.some(({ frozen }) => frozen !== undefined) ? FORMAT_FROZEN : FORMAT_PLAIN;
}

function writeDevice(writer: BinaryWriter, device: DeviceRecord, format: number): void {
  writer
    .u8(device.deviceId)
    .varint(device.registrationId)
    .bytes(device.deviceKey)
    .varint(instantCode(device.staleAt))
    .u8(device.active === undefined ? 0 : 1)
    .varint(sessionsOf(device).length);
  for (const id of sessionsOf(device)) {
    writer.text(id);
    if (format > FORMAT_FROZEN) writer.varint(instantCode(device.began?.get(id)));
  }
  if (format < FORMAT_FROZEN) return;
  writer.varint(device.frozen?.length ?? 0);
  for (const id of device.frozen ?? []) {
    writer.text(id);
    if (format > FORMAT_FROZEN) writer.varint(instantCode(device.began?.get(id)));
  }
  if (format === FORMAT_FROZEN) return;
  const { heals } = device;
  writer.u8(heals === undefined ? 0 : heals.left + 1);
  if (heals !== undefined) writer.varint(heals.refillAt);
}

function writeTrust(writer: BinaryWriter, { trust, offered, held }: UserRecord): void {
  writer.u8(TRUST_CODES.indexOf(trust)).bytes(offered ?? new Uint8Array(0));
  writer.varint(held?.length ?? 0);
  for (const mail of held ?? []) writer.u8(mail.deviceId).raw(idToBytes(mail.envelopeId));
}

function writePins(writer: BinaryWriter, { devicePins }: UserRecord): void {
  const ordered = [...(devicePins ?? [])].sort(([a], [b]) => a - b);
  writer.varint(ordered.length);
  for (const [deviceId, { identityKey, trust, offered, voucher, standing }] of ordered) {
    writer
      .u8(deviceId)
      .bytes(identityKey ?? new Uint8Array(0))
      .u8(TRUST_CODES.indexOf(trust))
      .bytes(offered ?? new Uint8Array(0))
      .u8(STANDINGS.indexOf(standing));
    writeDeviceVoucher(writer, voucher);
  }
}

function writeNames(writer: BinaryWriter, { names }: UserRecord): void {
  const ordered = [...(names ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  writeNamings(
    writer,
    ordered.map(([, naming]) => naming),
  );
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
  const trust = format > FORMAT_FROZEN ? readTrust(reader) : {};
  const pins = format > FORMAT_TRUST ? readPins(reader) : {};
  const names = format > FORMAT_PINS ? readNamings(reader) : [];
  if (!reader.isDone() || trust === undefined || pins === undefined) return undefined;
  const named = new Map(names.map((naming) => [namingKey(naming.deviceKey), naming]));
  return {
    userId,
    listVersion,
    listHash,
    devices,
    ...(identityKey.length === 0 ? {} : { identityKey }),
    ...(staleAt === 0 ? {} : { staleAt: staleAt - 1 }),
    ...trust,
    ...pins,
    ...(named.size === 0 ? {} : { names: named }),
  };
}

function readPins(reader: BinaryReader): Pick<UserRecord, 'devicePins'> | undefined {
  const count = reader.varint();
  if (count > DEVICE_ID_MAX) return undefined;
  const devicePins = new Map<DeviceId, DevicePin>();
  for (let i = 0; i < count; i++) {
    const deviceId = readDeviceId(reader);
    const pin = readPin(reader);
    if (pin === undefined) return undefined;
    devicePins.set(deviceId, pin);
  }
  return devicePins.size === 0 ? {} : { devicePins };
}

function readPin(reader: BinaryReader): DevicePin | undefined {
  const identityKey = reader.bytes(32);
  const code = reader.u8();
  const trust = TRUST_CODES[code];
  const offered = reader.bytes(32);
  const standingCode = reader.u8();
  const standing = STANDINGS[standingCode];
  const voucher = readDeviceVoucher(reader);
  if (code >= TRUST_CODES.length || standingCode >= STANDINGS.length) return undefined;
  return {
    ...(standing && { standing }),
    ...(voucher && { voucher }),
    ...(identityKey.length === 0 ? {} : { identityKey }),
    ...(trust === undefined ? {} : { trust }),
    ...(offered.length === 0 ? {} : { offered }),
  };
}

function readTrust(
  reader: BinaryReader,
): Pick<UserRecord, 'trust' | 'offered' | 'held'> | undefined {
  const code = reader.u8();
  const trust = TRUST_CODES[code];
  const offered = reader.bytes(32);
  const count = reader.varint();
  if (code >= TRUST_CODES.length || count > HELD_MAIL_MAX) return undefined;
  const held = Array.from({ length: count }, () => ({
    deviceId: readDeviceId(reader),
    envelopeId: readRandomId<EnvelopeId>(reader),
  }));
  return {
    ...(trust === undefined ? {} : { trust }),
    ...(offered.length === 0 ? {} : { offered }),
    ...(held.length === 0 ? {} : { held }),
  };
}

function readDevice(reader: BinaryReader, format: number): DeviceRecord | undefined {
  const deviceId = readDeviceId(reader);
  const registrationId = reader.varint();
  const deviceKey = reader.bytes(32);
  const staleAt = reader.varint();
  const hasActive = reader.u8() === 1;
  const began = new Map<SessionId, number>();
  const ids = readSessions(reader, { most: INACTIVE_SESSIONS_MAX + 1, format, began });
  const frozen =
    format < FORMAT_FROZEN
      ? []
      : readSessions(reader, { most: FROZEN_SESSIONS_MAX, format, began });
  if (ids === undefined || frozen === undefined) return undefined;
  const heals = format > FORMAT_FROZEN ? readHeals(reader) : undefined;
  const [active, ...rest] = ids;
  return {
    deviceId,
    registrationId,
    deviceKey,
    inactive: hasActive ? rest : ids,
    ...(hasActive && active !== undefined ? { active } : {}),
    ...(staleAt === 0 ? {} : { staleAt: staleAt - 1 }),
    ...(frozen.length === 0 ? {} : { frozen }),
    ...(began.size === 0 ? {} : { began }),
    ...(heals && { heals }),
  };
}

function readSessions(
  reader: BinaryReader,
  { most, format, began }: { most: number; format: number; began: Map<SessionId, number> },
): SessionId[] | undefined {
  const count = reader.varint();
  if (count > most) return undefined;
  const ids: SessionId[] = [];
  for (let i = 0; i < count; i++) {
    const id = reader.text(64);
    ids.push(id);
    const at = format > FORMAT_FROZEN ? reader.varint() : 0;
    if (at > 0) began.set(id, at - 1);
  }
  return ids;
}

function readHeals(reader: BinaryReader): HealAllowance | undefined {
  const code = reader.u8();
  return code === 0 ? undefined : { left: code - 1, refillAt: reader.varint() };
}
