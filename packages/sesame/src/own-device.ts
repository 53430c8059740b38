/** The `device` stream: who this device is. Sealed, never shredded while the device lives. */

import { invariant } from '@simsim/bytes';
import type { BinaryReader } from '@simsim/bytes';
import type { Crypto, KeyPair, Part, Secret, SigningKeyPair } from '@simsim/crypto';
import { readDeviceId, readUserId } from '@simsim/relay-protocol';
import type { DeviceId, UserId } from '@simsim/relay-protocol';
import type { TimeAnchor } from './device-time.ts';
import { createStateReader, createStateWriter } from './sealed-state.ts';

/**
 * `registering`: keys are durable, the relay has not answered. `renewing`: the state was put back, and
 * the relay has not taken the next incarnation. Final: `removed` by another device, `replaced` by a
 * copy of this one that took the next incarnation.
 */
export type DeviceStatus = 'registering' | 'registered' | 'removed' | 'renewing' | 'replaced';

/** This device's identity and credentials. */
export interface OwnDevice {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** 14 bits, random; another one means another incarnation of the same id. */
  readonly registrationId: number;
  /** Shared by all devices of the user, or this device's alone: as the identity model is. */
  readonly identity: KeyPair;
  /** Ed25519, this device's alone. */
  readonly deviceKey: SigningKeyPair;
  /** Bearer token of the relay; the relay stores its hash only. */
  readonly token: Secret<'name'>;
  readonly status: DeviceStatus;
  /** Encoded registration request without its nonce, until the relay took it. */
  readonly registration: Uint8Array;
  /** While renewing: the registration id that the relay knows. */
  readonly former?: number;
  /** When the state was found put back, ms of device time; until sessions of before are gone. */
  readonly quarantinedAt?: number;
  /** Where device time was last written down. */
  readonly time?: TimeAnchor;
}

/** Of a device that was never quarantined. */
const VERSION_PLAIN = 1;
/** Of a device that was quarantined: two fields more. */
const VERSION_QUARANTINED = 2;
/** The newest form: of a device that has written down its time, four fields more. */
export const OWN_DEVICE_VERSION = 3;
const BOOT_ID_BYTES_MAX = 64;
const STATUSES: readonly DeviceStatus[] = [
  'registering',
  'registered',
  'removed',
  'renewing',
  'replaced',
];

/** The state as parts to be sealed. */
export function encodeOwnDevice(state: OwnDevice): readonly Part[] {
  const { former, quarantinedAt, time } = state;
  const isPlain = former === undefined && quarantinedAt === undefined && time === undefined;
  const older = isPlain ? VERSION_PLAIN : VERSION_QUARANTINED;
  return createStateWriter(time === undefined ? older : OWN_DEVICE_VERSION)
    .fields((fields) => {
      fields
        .text(state.userId)
        .u8(state.deviceId)
        .varint(state.registrationId)
        .u8(STATUSES.indexOf(state.status))
        .bytes(state.registration);
      if (isPlain) return;
      fields.varint(former ?? 0).varint(quarantinedAt === undefined ? 0 : quarantinedAt + 1);
      if (time === undefined) return;
      fields.varint(time.atMs).varint(time.wallMs).varint(time.elapsedMs).text(time.bootId);
    })
    .pair(state.identity)
    .secret(state.deviceKey.privateKey)
    .secret(state.token)
    .finish();
}

/** Reads a sealed state; `undefined` where it is malformed. */
export function decodeOwnDevice(bytes: Uint8Array, crypto: Crypto): OwnDevice | undefined {
  const reader = createStateReader(bytes, OWN_DEVICE_VERSION, crypto);
  const { fields } = reader;
  const userId = readUserId(fields);
  const deviceId = readDeviceId(fields);
  const registrationId = fields.varint();
  const status = STATUSES[fields.u8()];
  const registration = fields.bytes();
  const isPlain = reader.version === VERSION_PLAIN;
  const former = isPlain ? 0 : fields.varint();
  const quarantined = isPlain ? 0 : fields.varint();
  const time = reader.version < OWN_DEVICE_VERSION ? undefined : readTime(fields);
  const identity = reader.pair();
  const deviceKey = crypto.signingKeyPairOf(reader.secret('sign'));
  const token = reader.secret('name');
  if (!fields.isDone() || status === undefined || identity === undefined) return undefined;
  return {
    userId,
    deviceId,
    registrationId,
    identity,
    deviceKey,
    token,
    status,
    registration,
    ...(former === 0 ? {} : { former }),
    ...(quarantined === 0 ? {} : { quarantinedAt: quarantined - 1 }),
    ...(time && { time }),
  };
}

function readTime(fields: BinaryReader): TimeAnchor {
  return {
    atMs: fields.varint(),
    wallMs: fields.varint(),
    elapsedMs: fields.varint(),
    bootId: fields.text(BOOT_ID_BYTES_MAX),
  };
}

/** Ten bits of entropy more than needed would be waste: a registration id is 1…16383. */
export function registrationIdFrom(entropy2: Uint8Array): number {
  invariant(entropy2.length === 2, 'two entropy bytes');
  const value = (((entropy2[0] ?? 0) << 8) | (entropy2[1] ?? 0)) & 0x3fff;
  return value === 0 ? 1 : value;
}
