/** Prekeys as they are uploaded and handed out (X3DH §3.2, §3.3; PQXDH §3.2, §3.3). */

import { createWriter } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { readBetween, readMany, writeFixed, writeMany } from './codec.ts';
import type { DeviceId } from './device-id-brand.ts';
import { readDeviceId } from './device-id-brand.ts';
import { readRegistrationId } from './device-list.ts';
import { ONE_TIME_KEM_PRE_KEYS_MAX, ONE_TIME_PRE_KEYS_MAX, PRE_KEY_ID_MAX } from './limits.ts';

/** A one-time prekey. Ids only go up and are never used twice. */
export interface OneTimePreKey {
  /** 1…2^24 − 1. */
  readonly id: number;
  /** X25519 [32]. */
  readonly publicKey: Uint8Array;
}

/** A signed prekey. */
export interface SignedPreKey {
  /** 1…2^24 − 1; a newer key has a higher id. */
  readonly id: number;
  /** X25519 [32]. */
  readonly publicKey: Uint8Array;
  /** XEdDSA [64] by the identity key, over the form the session's suite prescribes. */
  readonly signature: Uint8Array;
}

/** Bytes of a KEM prekey's public half: Kyber-1024. */
export const KEM_PUBLIC_KEY_BYTES = 1568;

/** A KEM prekey, one-time or last-resort; both kinds are signed (PQ-4). */
export interface KemPreKey {
  /** 1…2^24 − 1; unique among the KEM prekeys of a device, of either kind. */
  readonly id: number;
  /** Kyber-1024 [1568]. */
  readonly publicKey: Uint8Array;
  /** XEdDSA [64] by the identity key, over the form the session's suite prescribes. */
  readonly signature: Uint8Array;
}

/**
 * What a device uploads: its signed prekey and its last-resort KEM prekey, and one-time prekeys of
 * both kinds with strictly rising ids each.
 */
export interface PreKeyUpload {
  readonly signedPreKey: SignedPreKey;
  readonly oneTimePreKeys: readonly OneTimePreKey[];
  /** Handed out, again and again, only where no one-time KEM prekey is left (PQ-6). */
  readonly lastResortKemPreKey: KemPreKey;
  /** None has the last resort's id. */
  readonly oneTimeKemPreKeys: readonly KemPreKey[];
}

/** What an initiator gets for one device. */
export interface PreKeyBundle {
  readonly deviceId: DeviceId;
  readonly registrationId: number;
  /** X25519 [32]. */
  readonly identityKey: Uint8Array;
  readonly signedPreKey: SignedPreKey;
  /** Absent when the device has none left. */
  readonly oneTimePreKey?: OneTimePreKey;
  /** One-time while there are any, then the last resort; absent where none was ever uploaded. */
  readonly kemPreKey?: KemPreKey;
}

/** Writes an upload. */
export function writePreKeyUpload(writer: BinaryWriter, upload: PreKeyUpload): void {
  writeSignedPreKey(writer, upload.signedPreKey);
  writeMany(writer, upload.oneTimePreKeys, (key) => writeOneTimePreKey(writer, key));
  writeKemPreKey(writer, upload.lastResortKemPreKey);
  writeMany(writer, upload.oneTimeKemPreKeys, (key) => writeKemPreKey(writer, key));
}

/** Reads {@link writePreKeyUpload}; ids that do not rise, or that two KEM keys share, are malformed. */
export function readPreKeyUpload(reader: BinaryReader): PreKeyUpload {
  const signedPreKey = readSignedPreKey(reader);
  const oneTimePreKeys = readMany(reader, ONE_TIME_PRE_KEYS_MAX, () => readOneTimePreKey(reader));
  const last = readKemPreKey(reader);
  const oneTimeKem = readMany(reader, ONE_TIME_KEM_PRE_KEYS_MAX, () => readKemPreKey(reader));
  if (!isRising(oneTimePreKeys) || !isRising(oneTimeKem)) reader.fail();
  if (oneTimeKem.some((key) => key.id === last.id)) reader.fail();
  return {
    signedPreKey,
    oneTimePreKeys,
    lastResortKemPreKey: last,
    oneTimeKemPreKeys: oneTimeKem,
  };
}

function isRising(keys: readonly { readonly id: number }[]): boolean {
  return keys.every((key, i) => i === 0 || (keys[i - 1]?.id ?? 0) < key.id);
}

/**
 * SHA-256 [32] over the keys that are handed out again and again: by it a relay and a device see that
 * they mean the same ones.
 */
export function preKeyDigest(
  { signedPreKey, lastResortKemPreKey }: Omit<PreKeyUpload, 'oneTimePreKeys' | 'oneTimeKemPreKeys'>,
  crypto: Pick<Crypto, 'digest'>,
): Uint8Array {
  const writer = createWriter(2048).text('Simsim prekeys 1');
  writeSignedPreKey(writer, signedPreKey);
  writeKemPreKey(writer, lastResortKemPreKey);
  return crypto.digest([writer.finish()]);
}

/** Bits of the byte that says which prekeys a bundle has; bundles of before had the first only. */
const HAS_ONE_TIME = 1;
const HAS_KEM = 2;

/** Writes a bundle. */
export function writePreKeyBundle(writer: BinaryWriter, bundle: PreKeyBundle): void {
  writer.u8(bundle.deviceId).u16(bundle.registrationId);
  writeFixed(writer, bundle.identityKey, 32);
  writeSignedPreKey(writer, bundle.signedPreKey);
  const { oneTimePreKey, kemPreKey } = bundle;
  const hasOneTime = oneTimePreKey === undefined ? 0 : HAS_ONE_TIME;
  writer.u8(hasOneTime | (kemPreKey === undefined ? 0 : HAS_KEM));
  if (oneTimePreKey !== undefined) writeOneTimePreKey(writer, oneTimePreKey);
  if (kemPreKey !== undefined) writeKemPreKey(writer, kemPreKey);
}

/** Reads {@link writePreKeyBundle}. */
export function readPreKeyBundle(reader: BinaryReader): PreKeyBundle {
  const bundle = {
    deviceId: readDeviceId(reader),
    registrationId: readRegistrationId(reader),
    identityKey: reader.raw(32),
    signedPreKey: readSignedPreKey(reader),
  };
  const presence = reader.u8();
  if (presence > (HAS_ONE_TIME | HAS_KEM)) reader.fail();
  return {
    ...bundle,
    ...(presence & HAS_ONE_TIME ? { oneTimePreKey: readOneTimePreKey(reader) } : {}),
    ...(presence & HAS_KEM ? { kemPreKey: readKemPreKey(reader) } : {}),
  };
}

/** Writes a signed prekey. */
export function writeSignedPreKey(writer: BinaryWriter, key: SignedPreKey): void {
  writer.varint(key.id);
  writeFixed(writer, key.publicKey, 32);
  writeFixed(writer, key.signature, 64);
}

/** Reads {@link writeSignedPreKey}. */
export function readSignedPreKey(reader: BinaryReader): SignedPreKey {
  return {
    id: readBetween(reader, 1, PRE_KEY_ID_MAX),
    publicKey: reader.raw(32),
    signature: reader.raw(64),
  };
}

function writeOneTimePreKey(writer: BinaryWriter, key: OneTimePreKey): void {
  writer.varint(key.id);
  writeFixed(writer, key.publicKey, 32);
}

function readOneTimePreKey(reader: BinaryReader): OneTimePreKey {
  return { id: readBetween(reader, 1, PRE_KEY_ID_MAX), publicKey: reader.raw(32) };
}

/** Writes a KEM prekey of either kind. */
export function writeKemPreKey(writer: BinaryWriter, key: KemPreKey): void {
  writer.varint(key.id);
  writeFixed(writer, key.publicKey, KEM_PUBLIC_KEY_BYTES);
  writeFixed(writer, key.signature, 64);
}

/** Reads {@link writeKemPreKey}. */
export function readKemPreKey(reader: BinaryReader): KemPreKey {
  return {
    id: readBetween(reader, 1, PRE_KEY_ID_MAX),
    publicKey: reader.raw(KEM_PUBLIC_KEY_BYTES),
    signature: reader.raw(64),
  };
}
