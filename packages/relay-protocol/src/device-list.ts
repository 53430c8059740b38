/** The list of a user's devices: versioned, chained by hash, signed by a device and the identity. */

import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';
import { createReader, createWriter } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { DecodeRejection } from './codec.ts';
import { decodeWhole, FORMAT, readBetween, readMany, writeFixed, writeMany } from './codec.ts';
import type { DeviceId } from './device-id-brand.ts';
import { readDeviceId } from './device-id-brand.ts';
import { DEVICES_MAX, LIST_VERSION_MAX, REGISTRATION_ID_MAX } from './limits.ts';
import type { UserId } from './user-id-brand.ts';
import { readUserId } from './user-id-brand.ts';

/** One device as its user's list names it. */
export interface DeviceEntry {
  readonly deviceId: DeviceId;
  /** Random, 1…16383; tells incarnations of one device id apart. */
  readonly registrationId: number;
  /** Ed25519 public key [32], made at registration, never shared, never replaced. */
  readonly deviceKey: Uint8Array;
}

/** A version of a user's device list. */
export interface DeviceList {
  readonly userId: UserId;
  /** Counts from 1; every change is one more. */
  readonly version: number;
  /** {@link deviceListHash} of the version before [32]; zeros at version 1. */
  readonly previous: Uint8Array;
  /** The user's identity key, X25519 [32]. */
  readonly identityKey: Uint8Array;
  /** Sorted by device id, no id twice, 1…16 of them. */
  readonly devices: readonly DeviceEntry[];
  /** Whose device key signed: listed in the version before, at version 1 in this one. */
  readonly signer: DeviceId;
}

/** A device list with both its signatures. */
export interface SignedDeviceList {
  readonly list: DeviceList;
  /** Ed25519 [64] by the signer's device key. */
  readonly deviceSignature: Uint8Array;
  /** XEdDSA [64] by the identity key. */
  readonly identitySignature: Uint8Array;
}

const LIST_BYTES_MAX = 1024;
const SIGNED_LIST_BYTES_MAX = LIST_BYTES_MAX + 160;

/** Encodes a list: what is hashed and signed. No decoder takes an unsorted or oversized one. */
export function encodeDeviceList(list: DeviceList): Uint8Array {
  const writer = createWriter(256).u8(FORMAT).text(list.userId).varint(list.version);
  writeFixed(writer, list.previous, 32);
  writeFixed(writer, list.identityKey, 32);
  writeMany(writer, list.devices, (device) => {
    writer.u8(device.deviceId).u16(device.registrationId);
    writeFixed(writer, device.deviceKey, 32);
  });
  return writer.u8(list.signer).finish();
}

/** Decodes {@link encodeDeviceList}; checks shape, ranges and order, no signature. */
export function decodeDeviceList(bytes: Uint8Array): Result<DeviceList, DecodeRejection> {
  return decodeWhole(bytes, LIST_BYTES_MAX, readList);
}

/** SHA-256 [32] of an encoded list, which the next version carries as `previous`. */
export function deviceListHash(list: DeviceList, crypto: Pick<Crypto, 'digest'>): Uint8Array {
  return crypto.digest([encodeDeviceList(list)]);
}

/** Encodes a list with its signatures. */
export function encodeSignedDeviceList(signed: SignedDeviceList): Uint8Array {
  const writer = createWriter(384).u8(FORMAT);
  writeSignedDeviceList(writer, signed);
  return writer.finish();
}

/** Decodes {@link encodeSignedDeviceList}; verifies nothing. */
export function decodeSignedDeviceList(
  bytes: Uint8Array,
): Result<SignedDeviceList, DecodeRejection> {
  return decodeWhole(bytes, SIGNED_LIST_BYTES_MAX, readSignedDeviceList);
}

/** The entry of a device, if the list has it. */
export function findDevice(list: DeviceList, deviceId: DeviceId): DeviceEntry | undefined {
  return list.devices.find((device) => device.deviceId === deviceId);
}

/** Writes a signed list inside something larger. */
export function writeSignedDeviceList(writer: BinaryWriter, signed: SignedDeviceList): void {
  writer.bytes(encodeDeviceList(signed.list));
  writeFixed(writer, signed.deviceSignature, 64);
  writeFixed(writer, signed.identitySignature, 64);
}

/** Reads {@link writeSignedDeviceList}. */
export function readSignedDeviceList(reader: BinaryReader): SignedDeviceList {
  const decoded = decodeDeviceList(reader.bytes(LIST_BYTES_MAX));
  if (!decoded.ok) reader.fail();
  return {
    // A failed reader still owes a value; what an empty input reads as will do.
    list: decoded.ok ? decoded.value : readList(createReader(new Uint8Array(0))),
    deviceSignature: reader.raw(64),
    identitySignature: reader.raw(64),
  };
}

/** Reads a registration id of two bytes, 1…16383. */
export function readRegistrationId(reader: BinaryReader): number {
  const value = reader.u16();
  if (value < 1 || value > REGISTRATION_ID_MAX) reader.fail();
  return value;
}

function readList(reader: BinaryReader): DeviceList {
  const userId = readUserId(reader);
  const version = readBetween(reader, 1, LIST_VERSION_MAX);
  const previous = reader.raw(32);
  const identityKey = reader.raw(32);
  const devices = readMany(reader, DEVICES_MAX, (): DeviceEntry => ({
    deviceId: readDeviceId(reader),
    registrationId: readRegistrationId(reader),
    deviceKey: reader.raw(32),
  }));
  const signer = readDeviceId(reader);
  const isSorted = devices.every(
    (device, i) => i === 0 || (devices[i - 1]?.deviceId ?? 0) < device.deviceId,
  );
  if (devices.length === 0 || !isSorted) reader.fail();
  return { userId, version, previous, identityKey, devices, signer };
}
