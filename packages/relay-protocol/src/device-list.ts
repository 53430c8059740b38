/**
 * The list of a user's devices: versioned, chained by hash, signed by a device and an identity key. Both
 * of Sesame's identity models have one (SES-22): in the per-user model the list names the one identity
 * key of all its devices, in the per-device model each entry names its own.
 */

import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';
import { createReader, createWriter, equalBytes, invariant } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { DecodeRejection } from './codec.ts';
import {
  decodeForms,
  decodeWhole,
  FORMAT,
  readBetween,
  readMany,
  writeFixed,
  writeMany,
} from './codec.ts';
import type { DeviceId } from './device-id-brand.ts';
import { readDeviceId } from './device-id-brand.ts';
import type { DeviceVoucher } from './device-voucher.ts';
import { readDeviceVoucher, writeDeviceVoucher } from './device-voucher.ts';
import { DEVICES_MAX, LIST_VERSION_MAX, REGISTRATION_ID_MAX } from './limits.ts';
import type { UserId } from './user-id-brand.ts';
import { readUserId } from './user-id-brand.ts';

/** Whether all devices of a user share one identity key pair, or each has its own (SES-22). */
export type IdentityModel = 'per-user' | 'per-device';

/** One device as its user's list names it. */
export interface DeviceEntry {
  readonly deviceId: DeviceId;
  /** Random, 1…16383; tells incarnations of one device id apart. */
  readonly registrationId: number;
  /** Ed25519 public key [32], made at registration, never shared, never replaced. */
  readonly deviceKey: Uint8Array;
  /** The device's own identity key, X25519 [32]: there in the per-device model, and only there. */
  readonly identityKey?: Uint8Array;
  /** Who approved it, in the per-device model; the first device has none. */
  readonly voucher?: DeviceVoucher;
}

/** A device that was removed, whose mail may still be on its way, and whose word for others stands. */
export interface FormerDevice {
  readonly deviceId: DeviceId;
  /** Ed25519 [32]. */
  readonly deviceKey: Uint8Array;
  /** X25519 [32]. */
  readonly identityKey: Uint8Array;
  readonly voucher?: DeviceVoucher;
}

/** A version of a user's device list. */
export interface DeviceList {
  readonly userId: UserId;
  /** Counts from 1; every change is one more. */
  readonly version: number;
  /** {@link deviceListHash} of the version before [32]; zeros at version 1. */
  readonly previous: Uint8Array;
  /** The identity key of all devices, X25519 [32]; absent in the per-device model. */
  readonly identityKey?: Uint8Array;
  /** Sorted by device id, no id twice, 1…16 of them. */
  readonly devices: readonly DeviceEntry[];
  /**
   * In the per-device model: removed devices by whose keys late mail is known, sorted, at most 16, none
   * that is listed. One that was stolen is not among them.
   */
  readonly former?: readonly FormerDevice[];
  /**
   * Whose device key signed: listed in the version before, at version 1 in this one. In the per-device
   * model listed in both, since its identity key must be known to whoever checks.
   */
  readonly signer: DeviceId;
}

/** A device list with both its signatures. */
export interface SignedDeviceList {
  readonly list: DeviceList;
  /** Ed25519 [64] by the signer's device key. */
  readonly deviceSignature: Uint8Array;
  /** XEdDSA [64] by the identity key, in the per-device model by the signer's. */
  readonly identitySignature: Uint8Array;
}

const LIST_BYTES_MAX = 5120;
const SIGNED_LIST_BYTES_MAX = LIST_BYTES_MAX + 160;

/** Leading byte of a list in the per-device model. */
const FORMAT_PER_DEVICE = 2;

/** Encodes a list: what is hashed and signed. No decoder takes an unsorted or oversized one. */
export function encodeDeviceList(list: DeviceList): Uint8Array {
  const { identityKey } = list;
  const writer = createWriter(256).u8(identityKey === undefined ? FORMAT_PER_DEVICE : FORMAT);
  writer.text(list.userId).varint(list.version);
  writeFixed(writer, list.previous, 32);
  if (identityKey !== undefined) writeFixed(writer, identityKey, 32);
  writeMany(writer, list.devices, (device) => {
    writer.u8(device.deviceId).u16(device.registrationId);
    writeFixed(writer, device.deviceKey, 32);
    const isOne = (device.identityKey === undefined) !== (identityKey === undefined);
    invariant(isOne, 'a list is of one identity model');
    if (device.identityKey === undefined) return;
    writeFixed(writer, device.identityKey, 32);
    writeDeviceVoucher(writer, device.voucher);
  });
  if (identityKey === undefined) writeFormer(writer, list.former ?? []);
  return writer.u8(list.signer).finish();
}

function writeFormer(writer: BinaryWriter, former: readonly FormerDevice[]): void {
  writeMany(writer, former, (device) => {
    writeFixed(writer.u8(device.deviceId), device.deviceKey, 32);
    writeFixed(writer, device.identityKey, 32);
    writeDeviceVoucher(writer, device.voucher);
  });
}

/** Decodes {@link encodeDeviceList}; checks shape, ranges and order, no signature. */
export function decodeDeviceList(bytes: Uint8Array): Result<DeviceList, DecodeRejection> {
  return decodeForms(bytes, LIST_BYTES_MAX, LIST_FORMS);
}

/** The identity key that a listed device uses, in either model. */
export function identityKeyOf(list: DeviceList, entry: DeviceEntry): Uint8Array | undefined {
  return entry.identityKey ?? list.identityKey;
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

/** Whether two entries name the same keys. */
export function hasSameKeys(a: DeviceEntry, b: DeviceEntry): boolean {
  return equalBytes(a.deviceKey, b.deviceKey) && isSameKey(a.identityKey, b.identityKey);
}

/** Whether two keys are the same one, or neither is there. */
export function isSameKey(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined) return b === undefined;
  return b !== undefined && equalBytes(a, b);
}

/** Whether the list has these devices exactly as they are here. */
export function includesAll(list: DeviceList, devices: readonly DeviceEntry[]): boolean {
  return devices.every((device) => {
    const other = findDevice(list, device.deviceId);
    return (
      other !== undefined &&
      other.registrationId === device.registrationId &&
      hasSameKeys(other, device)
    );
  });
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
    list: decoded.ok ? decoded.value : readList(createReader(new Uint8Array(0)), 'per-user'),
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

const LIST_FORMS = new Map([
  [FORMAT, (reader: BinaryReader) => readList(reader, 'per-user')],
  [FORMAT_PER_DEVICE, (reader: BinaryReader) => readList(reader, 'per-device')],
]);

function readList(reader: BinaryReader, model: IdentityModel): DeviceList {
  const userId = readUserId(reader);
  const version = readBetween(reader, 1, LIST_VERSION_MAX);
  const previous = reader.raw(32);
  const shared = model === 'per-user' ? { identityKey: reader.raw(32) } : {};
  const devices = readMany(reader, DEVICES_MAX, (): DeviceEntry => ({
    deviceId: readDeviceId(reader),
    registrationId: readRegistrationId(reader),
    deviceKey: reader.raw(32),
    ...(model === 'per-device' ? readOwnKey(reader) : {}),
  }));
  const former = model === 'per-device' ? readFormer(reader) : [];
  const signer = readDeviceId(reader);
  const isApart = former.every(({ deviceId: id }) => devices.every((each) => each.deviceId !== id));
  const isSound = isSorted(devices) && isSorted(former) && isApart;
  if (devices.length === 0 || !isSound) reader.fail();
  const left = former.length === 0 ? {} : { former };
  return { userId, version, previous, ...shared, devices, ...left, signer };
}

function readFormer(reader: BinaryReader): FormerDevice[] {
  return readMany(reader, DEVICES_MAX, () => {
    const deviceId = readDeviceId(reader);
    const deviceKey = reader.raw(32);
    const identityKey = reader.raw(32);
    const voucher = readDeviceVoucher(reader);
    return { deviceId, deviceKey, identityKey, ...(voucher && { voucher }) };
  });
}

function isSorted(devices: readonly { readonly deviceId: DeviceId }[]): boolean {
  return devices.every((each, i) => i === 0 || (devices[i - 1]?.deviceId ?? 0) < each.deviceId);
}

function readOwnKey(reader: BinaryReader): Pick<DeviceEntry, 'identityKey' | 'voucher'> {
  const identityKey = reader.raw(32);
  const voucher = readDeviceVoucher(reader);
  return { identityKey, ...(voucher && { voucher }) };
}
