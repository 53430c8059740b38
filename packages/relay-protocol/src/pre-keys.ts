/** Prekeys as they are uploaded and handed out (X3DH §3.2, §3.3). */

import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import { readBetween, readMany, writeFixed, writeMany } from './codec.ts';
import type { DeviceId } from './device-id-brand.ts';
import { readDeviceId } from './device-id-brand.ts';
import { readRegistrationId } from './device-list.ts';
import { ONE_TIME_PRE_KEYS_MAX, PRE_KEY_ID_MAX } from './limits.ts';

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

/** What a device uploads: its signed prekey, and one-time prekeys with strictly rising ids. */
export interface PreKeyUpload {
  readonly signedPreKey: SignedPreKey;
  readonly oneTimePreKeys: readonly OneTimePreKey[];
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
}

/** Writes an upload. */
export function writePreKeyUpload(writer: BinaryWriter, upload: PreKeyUpload): void {
  writeSignedPreKey(writer, upload.signedPreKey);
  writeMany(writer, upload.oneTimePreKeys, (key) => writeOneTimePreKey(writer, key));
}

/** Reads {@link writePreKeyUpload}; ids that do not rise are malformed. */
export function readPreKeyUpload(reader: BinaryReader): PreKeyUpload {
  const signedPreKey = readSignedPreKey(reader);
  const oneTimePreKeys = readMany(reader, ONE_TIME_PRE_KEYS_MAX, () => readOneTimePreKey(reader));
  for (let i = 1; i < oneTimePreKeys.length; i++) {
    if ((oneTimePreKeys[i - 1]?.id ?? 0) >= (oneTimePreKeys[i]?.id ?? 0)) reader.fail();
  }
  return { signedPreKey, oneTimePreKeys };
}

/** Writes a bundle. */
export function writePreKeyBundle(writer: BinaryWriter, bundle: PreKeyBundle): void {
  writer.u8(bundle.deviceId).u16(bundle.registrationId);
  writeFixed(writer, bundle.identityKey, 32);
  writeSignedPreKey(writer, bundle.signedPreKey);
  const oneTime = bundle.oneTimePreKey;
  writer.u8(oneTime === undefined ? 0 : 1);
  if (oneTime !== undefined) writeOneTimePreKey(writer, oneTime);
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
  if (presence > 1) reader.fail();
  return presence === 1 ? { ...bundle, oneTimePreKey: readOneTimePreKey(reader) } : bundle;
}

function writeSignedPreKey(writer: BinaryWriter, key: SignedPreKey): void {
  writer.varint(key.id);
  writeFixed(writer, key.publicKey, 32);
  writeFixed(writer, key.signature, 64);
}

function readSignedPreKey(reader: BinaryReader): SignedPreKey {
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
