/**
 * When a user's identity key is followed by another one, because a device that had it is in other hands.
 * The list that removes the device names the next key; its private half travels to each device that
 * stays, sealed to that device's own key, and the prekeys that wait at the relay get new signatures.
 */

import { createWriter } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import { readBetween, readMany, writeFixed, writeMany } from './codec.ts';
import type { DeviceId } from './device-id-brand.ts';
import { readDeviceId } from './device-id-brand.ts';
import type { DeviceList } from './device-list.ts';
import { findDevice, includesAll } from './device-list.ts';
import { DEVICES_MAX, PRE_KEY_ID_MAX, SEALED_IDENTITY_BYTES_MAX } from './limits.ts';
import type { UserId } from './user-id-brand.ts';

/** A new signature over a prekey that the relay has. */
export interface PreKeySignature {
  /** 1…2^24 − 1; under an id there is one key for ever. */
  readonly id: number;
  /** XEdDSA [64] by the next identity key, as the one before. */
  readonly signature: Uint8Array;
}

/** What a device that stays gets with the next identity key. */
export interface Heir {
  readonly deviceId: DeviceId;
  /** The private half of the next identity key, sealed to the device key; at most 256 bytes. */
  readonly sealed: Uint8Array;
  readonly signedPreKey: PreKeySignature;
  /** Absent where the device never uploaded a last resort. */
  readonly lastResort?: PreKeySignature;
}

/**
 * Whether a next list may name another identity key: it removes a device or more and does nothing else,
 * and its signer stays. So the one change that ends what a stolen key may do is no other change.
 */
export function isSuccession(list: DeviceList, previous: DeviceList): boolean {
  // Where each device has a key of its own there is none to follow.
  if (list.identityKey === undefined || previous.identityKey === undefined) return false;
  const isFewer = list.devices.length < previous.devices.length;
  return (
    isFewer && findDevice(list, list.signer) !== undefined && includesAll(previous, list.devices)
  );
}

/** The bytes that a device signs to be shown how its user's list went on: a label, then the fields. */
export function successionAskBytes({
  userId,
  deviceId,
  since,
}: {
  userId: UserId;
  deviceId: DeviceId;
  since: number;
}): Uint8Array {
  const writer = createWriter(192).text('Simsim succession ask 1').text(userId);
  return writer.u8(deviceId).varint(since).finish();
}

/** Writes heirs, sorted by device id. */
export function writeHeirs(writer: BinaryWriter, heirs: readonly Heir[]): void {
  const sorted = heirs.toSorted((a, b) => a.deviceId - b.deviceId);
  writeMany(writer, sorted, ({ deviceId, sealed, signedPreKey, lastResort }) => {
    writer.u8(deviceId).bytes(sealed);
    writeSignature(writer, signedPreKey);
    writer.u8(lastResort === undefined ? 0 : 1);
    if (lastResort !== undefined) writeSignature(writer, lastResort);
  });
}

/** Reads {@link writeHeirs}; ids that do not rise are malformed. */
export function readHeirs(reader: BinaryReader): Heir[] {
  const heirs = readMany(reader, DEVICES_MAX, (): Heir => {
    const deviceId = readDeviceId(reader);
    const sealed = reader.bytes(SEALED_IDENTITY_BYTES_MAX);
    const signedPreKey = readSignature(reader);
    const flag = reader.u8();
    if (flag > 1) reader.fail();
    const heir = { deviceId, sealed, signedPreKey };
    return flag === 1 ? { ...heir, lastResort: readSignature(reader) } : heir;
  });
  const isRising = heirs.every(
    ({ deviceId }, i) => i === 0 || (heirs[i - 1]?.deviceId ?? 0) < deviceId,
  );
  if (!isRising) reader.fail();
  return heirs;
}

function writeSignature(writer: BinaryWriter, { id, signature }: PreKeySignature): void {
  writer.varint(id);
  writeFixed(writer, signature, 64);
}

function readSignature(reader: BinaryReader): PreKeySignature {
  return { id: readBetween(reader, 1, PRE_KEY_ID_MAX), signature: reader.raw(64) };
}
