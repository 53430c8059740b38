/** What a device says to the relay to be listed; kept sealed until the relay took it. */

import { createReader, createWriter } from '@simsim/bytes';
import type { Crypto, Entropy, Secret } from '@simsim/crypto';
import {
  accountProofBytes,
  decodeDeviceApproval,
  decodeSignedDeviceList,
  deviceProofBytes,
  encodeDeviceApproval,
  encodeSignedDeviceList,
} from '@simsim/relay-protocol';
import type {
  AddDeviceRequest,
  CreateAccountRequest,
  DeviceApproval,
  PreKeyUpload,
  SignedDeviceList,
} from '@simsim/relay-protocol';
import type { OwnDevice } from './own-device.ts';

/** The signed list that names the new device, and for a further device its approval. */
export interface Registration {
  readonly list: SignedDeviceList;
  readonly approval?: DeviceApproval;
}

/** Encodes a registration for the device stream. */
export function encodeRegistration(registration: Registration): Uint8Array {
  const writer = createWriter(512).bytes(encodeSignedDeviceList(registration.list));
  if (registration.approval !== undefined)
    writer.bytes(encodeDeviceApproval(registration.approval));
  return writer.finish();
}

/** Reads a registration; `undefined` where it is malformed or the device is registered already. */
export function decodeRegistration(bytes: Uint8Array): Registration | undefined {
  const reader = createReader(bytes);
  const list = decodeSignedDeviceList(reader.bytes());
  if (!list.ok) return undefined;
  if (reader.isDone()) return { list: list.value };
  const approval = decodeDeviceApproval(reader.bytes());
  return reader.isDone() && approval.ok
    ? { list: list.value, approval: approval.value }
    : undefined;
}

/** A fresh bearer token: 256 bits that only the relay's socket ever sees. */
export function makeToken(env: { crypto: Crypto; entropy: Entropy }): Secret<'name'> {
  const bytes = env.entropy(32);
  const token = env.crypto.importSecret('name', bytes);
  bytes.fill(0);
  return token;
}

/**
 * The request that registers a device, over a nonce of the relay. The same device gives the same
 * list and token however often it asks, so a lost answer is harmless. `undefined` once registered.
 */
export function registrationRequest(
  device: OwnDevice,
  upload: { nonce: Uint8Array; keys: PreKeyUpload },
  env: { crypto: Crypto; entropy: Entropy },
): CreateAccountRequest | AddDeviceRequest | undefined {
  const registration = decodeRegistration(device.registration);
  if (registration === undefined) return undefined;
  const { crypto } = env;
  const { userId, deviceId, deviceKey } = device;
  const { nonce, keys } = upload;
  const { list, approval } = registration;
  const tokenBytes = crypto.exportSecret(device.token);
  const tokenHash = crypto.digest([tokenBytes]);
  tokenBytes.fill(0);
  const fields = { userId, deviceId, nonce, list: list.list, tokenHash, keys };
  if (approval === undefined) {
    const proof = [accountProofBytes(fields)];
    const identityProof = crypto.sign(device.identity, proof, env.entropy(64));
    const deviceProof = crypto.signWithDeviceKey(deviceKey, proof);
    return {
      kind: 'createAccount',
      userId,
      nonce,
      list,
      identityProof,
      deviceProof,
      tokenHash,
      keys,
    };
  }
  const proof = [deviceProofBytes(fields)];
  const deviceProof = crypto.signWithDeviceKey(deviceKey, proof);
  const isShared = list.list.identityKey !== undefined;
  const ownProof = isShared
    ? {}
    : { identityProof: crypto.sign(device.identity, proof, env.entropy(64)) };
  return {
    kind: 'addDevice',
    userId,
    nonce,
    deviceId,
    approval,
    list,
    deviceProof,
    ...ownProof,
    tokenHash,
    keys,
  };
}
