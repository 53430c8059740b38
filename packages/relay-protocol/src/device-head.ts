/**
 * A device's word where its log stands: signed by its device key, kept by its relay and by the user's
 * other devices, who give it back. A device that finds its own word beyond or beside its log knows
 * that the log was put back to an earlier moment, or that a copy of it runs elsewhere. Nobody but the
 * device can make such a word, so nobody can raise a false alarm; who withholds it only hides one.
 */

import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';
import { createWriter, equalBytes } from '@simsim/bytes';
import type { Crypto, SigningKeyPair } from '@simsim/crypto';
import type { DecodeRejection } from './codec.ts';
import { decodeWhole, FORMAT, readBetween, writeFixed } from './codec.ts';
import { readRegistrationId } from './device-list.ts';

/** Where a device's log stands. */
export interface DeviceHeadFields {
  /** The log's own id [16]. */
  readonly logId: Uint8Array;
  /** The registration id under which the device runs; another incarnation counts afresh. */
  readonly incarnation: number;
  /** The last event, from 1. */
  readonly seq: number;
  /** The chain's link at that event [32]. */
  readonly hash: Uint8Array;
  /** When it was signed, by the device's wall clock in ms; for people, nothing compares it. */
  readonly at: number;
}

/** A head with the device's Ed25519 signature [64] over {@link deviceHeadBytes}. */
export interface DeviceHead extends DeviceHeadFields {
  readonly signature: Uint8Array;
}

/** Bytes of an encoded head at most. */
const HEAD_BYTES_MAX = 160;

/** The bytes a device signs: a label, so that they stand for nothing else, then the fields. */
export function deviceHeadBytes(head: DeviceHeadFields): Uint8Array {
  const writer = createWriter(128).text('Simsim device head 1');
  writeFields(writer, head);
  return writer.finish();
}

/** Signs where a log stands. */
export function signDeviceHead(
  fields: DeviceHeadFields,
  deviceKey: SigningKeyPair,
  crypto: Pick<Crypto, 'signWithDeviceKey'>,
): DeviceHead {
  return { ...fields, signature: crypto.signWithDeviceKey(deviceKey, [deviceHeadBytes(fields)]) };
}

/** True where the device with this Ed25519 key [32] signed the head in this incarnation. */
export function isDeviceHeadOf(
  head: DeviceHead,
  { deviceKey, registrationId }: { deviceKey: Uint8Array; registrationId: number },
  crypto: Pick<Crypto, 'verifyDeviceKey'>,
): boolean {
  if (head.incarnation !== registrationId) return false;
  return crypto.verifyDeviceKey(deviceKey, [deviceHeadBytes(head)], head.signature);
}

/** True where two heads name the very same event of the same log. */
export function isSameHead(a: DeviceHeadFields, b: DeviceHeadFields): boolean {
  return a.seq === b.seq && equalBytes(a.hash, b.hash) && equalBytes(a.logId, b.logId);
}

/** Encodes a head, for keeping it. */
export function encodeDeviceHead(head: DeviceHead): Uint8Array {
  const writer = createWriter(HEAD_BYTES_MAX).u8(FORMAT);
  writeDeviceHead(writer, head);
  return writer.finish();
}

/** Decodes {@link encodeDeviceHead}; verifies nothing. */
export function decodeDeviceHead(bytes: Uint8Array): Result<DeviceHead, DecodeRejection> {
  return decodeWhole(bytes, HEAD_BYTES_MAX, readDeviceHead);
}

/** Writes a head inside something larger. */
export function writeDeviceHead(writer: BinaryWriter, head: DeviceHead): void {
  writeFields(writer, head);
  writeFixed(writer, head.signature, 64);
}

/** Reads {@link writeDeviceHead}. */
export function readDeviceHead(reader: BinaryReader): DeviceHead {
  return {
    logId: reader.raw(16),
    incarnation: readRegistrationId(reader),
    seq: readBetween(reader, 1, Number.MAX_SAFE_INTEGER),
    hash: reader.raw(32),
    at: reader.varint(),
    signature: reader.raw(64),
  };
}

function writeFields(writer: BinaryWriter, head: DeviceHeadFields): void {
  writeFixed(writer, head.logId, 16);
  writer.u16(head.incarnation).varint(head.seq);
  writeFixed(writer, head.hash, 32);
  writer.varint(head.at);
}
