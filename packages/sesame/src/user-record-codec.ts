/** The projection row of a UserRecord. */

import { createReader, createWriter } from '@simsim/bytes';
import type { BinaryReader } from '@simsim/bytes';
import { readDeviceId } from '@simsim/relay-protocol';
import type { DeviceId, UserId } from '@simsim/relay-protocol';
import { DEVICE_RECORDS_MAX, FROZEN_SESSIONS_MAX, INACTIVE_SESSIONS_MAX } from './limits.ts';
import { sessionsOf } from './user-record.ts';
import type { DeviceRecord, SessionId, UserRecord } from './user-record.ts';

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
