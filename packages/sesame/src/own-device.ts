/** The `device` stream: who this device is. Sealed, never shredded while the device lives. */

import { invariant } from '@simsim/bytes';
import type { Crypto, KeyPair, Part, Secret, SigningKeyPair } from '@simsim/crypto';
import { readDeviceId, readUserId } from '@simsim/relay-protocol';
import type { DeviceId, UserId } from '@simsim/relay-protocol';
import { createStateReader, createStateWriter } from './sealed-state.ts';

/** `registering`: keys are durable, the relay has not answered. `removed`: another device removed us. */
export type DeviceStatus = 'registering' | 'registered' | 'removed';

/** This device's identity and credentials. */
export interface OwnDevice {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** 14 bits, random; another one means another incarnation of the same id. */
  readonly registrationId: number;
  /** Shared by all devices of the user. */
  readonly identity: KeyPair;
  /** Ed25519, this device's alone. */
  readonly deviceKey: SigningKeyPair;
  /** Bearer token of the relay; the relay stores its hash only. */
  readonly token: Secret<'name'>;
  readonly status: DeviceStatus;
  /** Encoded registration request without its nonce, until the relay took it. */
  readonly registration: Uint8Array;
}

const VERSION = 1;
const STATUSES: readonly DeviceStatus[] = ['registering', 'registered', 'removed'];

/** The state as parts to be sealed. */
export function encodeOwnDevice(state: OwnDevice): readonly Part[] {
  return createStateWriter(VERSION)
    .fields((fields) =>
      fields
        .text(state.userId)
        .u8(state.deviceId)
        .varint(state.registrationId)
        .u8(STATUSES.indexOf(state.status))
        .bytes(state.registration),
    )
    .pair(state.identity)
    .secret(state.deviceKey.privateKey)
    .secret(state.token)
    .finish();
}

/** Reads a sealed state; `undefined` where it is malformed. */
export function decodeOwnDevice(bytes: Uint8Array, crypto: Crypto): OwnDevice | undefined {
  const reader = createStateReader(bytes, VERSION, crypto);
  const { fields } = reader;
  const userId = readUserId(fields);
  const deviceId = readDeviceId(fields);
  const registrationId = fields.varint();
  const status = STATUSES[fields.u8()];
  const registration = fields.bytes();
  const identity = reader.pair();
  const deviceKey = crypto.signingKeyPairOf(reader.secret('sign'));
  const token = reader.secret('name');
  if (!fields.isDone() || status === undefined || identity === undefined) return undefined;
  return { userId, deviceId, registrationId, identity, deviceKey, token, status, registration };
}

/** Ten bits of entropy more than needed would be waste: a registration id is 1…16383. */
export function registrationIdFrom(entropy2: Uint8Array): number {
  invariant(entropy2.length === 2, 'two entropy bytes');
  const value = (((entropy2[0] ?? 0) << 8) | (entropy2[1] ?? 0)) & 0x3fff;
  return value === 0 ? 1 : value;
}
