/** The `device` stream: who this device is. Sealed, never shredded while the device lives. */

import { invariant } from '@simsim/bytes';
import type { BinaryReader } from '@simsim/bytes';
import type { Crypto, KeyPair, Part, Secret, SigningKeyPair } from '@simsim/crypto';
import {
  decodeSignedDeviceList,
  encodeSignedDeviceList,
  readDeviceId,
  readUserId,
  SEALED_IDENTITY_BYTES_MAX,
} from '@simsim/relay-protocol';
import type { DeviceId, SignedDeviceList, UserId } from '@simsim/relay-protocol';
import type { TimeAnchor } from './device-time.ts';
import { createStateReader, createStateWriter } from './sealed-state.ts';
import type { StateReader, StateWriter } from './sealed-state.ts';

/**
 * `registering`: keys are durable, the relay has not answered. `renewing`: the state was put back, and
 * the relay has not taken the next incarnation. Final: `removed` by another device, `replaced` by a
 * copy of this one that took the next incarnation.
 */
export type DeviceStatus = 'registering' | 'registered' | 'removed' | 'renewing' | 'replaced';

/** Whether a device of this status is none any more: nothing is sent, and nothing brings it back. */
export function hasEnded(status: DeviceStatus): boolean {
  return status === 'removed' || status === 'replaced';
}

/** The next identity key while the relay has not taken it: durable before it is told to anybody. */
export interface Successor {
  readonly identity: KeyPair;
  /** The list that names it, and lacks the removed device. */
  readonly list: SignedDeviceList;
  readonly removes: DeviceId;
  /** Its private half, sealed for each device of the list. */
  readonly sealed: ReadonlyMap<DeviceId, Uint8Array>;
}

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
  /** While a compromised device is being removed. */
  readonly successor?: Successor;
  /** Contacts up to this one were told that there is another identity key; absent where all were. */
  readonly toldUpTo?: string;
}

/** Of a device that was never quarantined. */
const VERSION_PLAIN = 1;
/** Of a device that was quarantined: two fields more. */
const VERSION_QUARANTINED = 2;
/** Of a device that has written down its time, four fields more. */
const VERSION_TIMED = 3;
/** The newest form: while another identity key waits for the relay, or contacts are told of one. */
export const OWN_DEVICE_VERSION = 4;

/** Bits of the byte that says what a state of the newest form has. */
const HAS_TIME = 1;
const HAS_SUCCESSOR = 2;
const HAS_TOLD = 4;
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
  const { former, quarantinedAt, time, successor, toldUpTo } = state;
  const version = versionOf(state);
  const writer = createStateWriter(version)
    .fields((fields) => {
      fields
        .text(state.userId)
        .u8(state.deviceId)
        .varint(state.registrationId)
        .u8(STATUSES.indexOf(state.status))
        .bytes(state.registration);
      if (version === VERSION_PLAIN) return;
      fields.varint(former ?? 0).varint(quarantinedAt === undefined ? 0 : quarantinedAt + 1);
      if (version === OWN_DEVICE_VERSION) fields.u8(presenceOf(state));
      if (toldUpTo !== undefined) fields.text(toldUpTo);
      if (time === undefined) return;
      fields.varint(time.atMs).varint(time.wallMs).varint(time.elapsedMs).text(time.bootId);
    })
    .pair(state.identity)
    .secret(state.deviceKey.privateKey)
    .secret(state.token);
  return (successor === undefined ? writer : writeSuccessor(writer, successor)).finish();
}

/** The oldest form that holds a state, so that old logs and new ones say the same alike. */
function versionOf({ former, quarantinedAt, time, successor, toldUpTo }: OwnDevice): number {
  if (successor !== undefined || toldUpTo !== undefined) return OWN_DEVICE_VERSION;
  if (time !== undefined) return VERSION_TIMED;
  const isPlain = former === undefined && quarantinedAt === undefined;
  return isPlain ? VERSION_PLAIN : VERSION_QUARANTINED;
}

function presenceOf({ time, successor, toldUpTo }: OwnDevice): number {
  return (
    (time === undefined ? 0 : HAS_TIME) |
    (successor === undefined ? 0 : HAS_SUCCESSOR) |
    (toldUpTo === undefined ? 0 : HAS_TOLD)
  );
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
  const older = reader.version < VERSION_TIMED ? 0 : HAS_TIME;
  const has = reader.version < OWN_DEVICE_VERSION ? older : fields.u8();
  if (has > (HAS_TIME | HAS_SUCCESSOR | HAS_TOLD)) fields.fail();
  const toldUpTo = has & HAS_TOLD ? fields.text() : undefined;
  const time = has & HAS_TIME ? readTime(fields) : undefined;
  const identity = reader.pair();
  const deviceKey = crypto.signingKeyPairOf(reader.secret('sign'));
  const token = reader.secret('name');
  const successor = has & HAS_SUCCESSOR ? readSuccessor(reader) : undefined;
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
    ...(successor && { successor }),
    ...(toldUpTo !== undefined && { toldUpTo }),
  };
}

function writeSuccessor(writer: StateWriter, successor: Successor): StateWriter {
  return writer
    .fields((fields) => {
      fields.bytes(encodeSignedDeviceList(successor.list)).u8(successor.removes);
      fields.varint(successor.sealed.size);
      for (const [deviceId, sealed] of successor.sealed) fields.u8(deviceId).bytes(sealed);
    })
    .pair(successor.identity);
}

/** Fails the reader where it is malformed. */
function readSuccessor(reader: StateReader): Successor | undefined {
  const { fields } = reader;
  const list = decodeSignedDeviceList(fields.bytes());
  const removes = readDeviceId(fields);
  const sealed = new Map<DeviceId, Uint8Array>();
  for (let left = fields.varint(); left > 0 && fields.isIntact(); left--)
    sealed.set(readDeviceId(fields), fields.bytes(SEALED_IDENTITY_BYTES_MAX));
  const identity = reader.pair();
  if (list.ok && identity !== undefined) return { identity, list: list.value, removes, sealed };
  fields.fail();
  return undefined;
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
