/** Arbitrary values of the engine's own types, and how a value looks once it was stored. */

import fc from 'fast-check';
import { encodeUtf8 } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import type { Crypto, Entropy, KeyPair, Part } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import {
  envelopeIdFromBytes,
  messageIdFromBytes,
  parseDeviceId,
  parseUserId,
  postIdFromBytes,
  REGISTRATION_ID_MAX,
} from '@simsim/relay-protocol';
import type { DeviceEntry, DeviceHead, DeviceId, UserId } from '@simsim/relay-protocol';
import { parseDeviceName } from '../src/device-name-brand.ts';
import type { DeviceName } from '../src/device-name-brand.ts';
import type { DeviceNaming } from '../src/device-name.ts';
import { DEVICE_NAME_COUNTER_MAX } from '../src/limits.ts';
import type { UserChange } from '../src/user-change.ts';
import type { SessionId, TrustLevel } from '../src/user-record.ts';

export const crypto: Crypto = nodeCrypto;

export function entropyOf(seed: number): Entropy {
  return seededEntropy(encodeUtf8(`seed ${seed}`), crypto);
}

/** What of a state a vault would give back: sealed and opened again. */
export function stored(parts: readonly Part[]): Uint8Array {
  const key = crypto.importSecret('seal', new Uint8Array(32));
  const nonce = new Uint8Array(12);
  const opened = crypto.open(key, nonce, [], crypto.seal(key, nonce, [], parts));
  if (opened === undefined) throw new Error('what was sealed opens');
  return opened;
}

export function userNamed(name: string): UserId {
  const parsed = parseUserId(name);
  if (!parsed.ok) throw new Error('tests name users well');
  return parsed.value;
}

export function nameOf(text: string): DeviceName {
  const parsed = parseDeviceName(text);
  if (!parsed.ok) throw new Error('tests name devices well');
  return parsed.value;
}

export function deviceNumbered(id: number): DeviceId {
  const parsed = parseDeviceId(id);
  if (!parsed.ok) throw new Error('tests number devices well');
  return parsed.value;
}

export const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

export const instant: fc.Arbitrary<number> = fc.integer({ min: 0, max: 2 ** 44 });
export const userId: fc.Arbitrary<UserId> = fc
  .stringMatching(/^[a-zé€😀]{1,12}$/u)
  .map((name) => userNamed(name));
export const deviceId: fc.Arbitrary<DeviceId> = fc
  .integer({ min: 1, max: 127 })
  .map((id) => deviceNumbered(id));
export const registrationId: fc.Arbitrary<number> = fc.integer({
  min: 1,
  max: REGISTRATION_ID_MAX,
});
export const sessionId: fc.Arbitrary<SessionId> = fc.stringMatching(/^[0-9a-f]{32}$/u);
export const messageId = bytes(16).map(messageIdFromBytes);
export const envelopeId = bytes(16).map(envelopeIdFromBytes);
export const postId = bytes(16).map(postIdFromBytes);

/** Few devices and sessions, so that changes meet. */
const fewDevices = fc.integer({ min: 1, max: 4 }).map((id) => deviceNumbered(id));
const fewSessions = fc.integer({ min: 0, max: 9 }).map((digit) => `${digit}`.repeat(32));

const deviceEntry = (id: fc.Arbitrary<DeviceId>): fc.Arbitrary<DeviceEntry> =>
  fc.record({
    deviceId: id,
    registrationId: fc.integer({ min: 1, max: 3 }),
    deviceKey: fc.integer({ min: 1, max: 3 }).map((byte) => new Uint8Array(32).fill(byte)),
  });

/** Any change of a record, over few devices and sessions. */
/** Keys of devices, as lists of {@link userChange} have them, and of others; of users and devices too. */
const fewKeys = fc.integer({ min: 1, max: 5 }).map((byte) => new Uint8Array(32).fill(byte));

/** A name for one of some devices. */
export const naming = (deviceKey: fc.Arbitrary<Uint8Array>): fc.Arbitrary<DeviceNaming> =>
  fc.record({
    deviceKey,
    name: fc.stringMatching(/^[a-zé😀]{0,9}$/u).map(nameOf),
    counter: fc.oneof(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: DEVICE_NAME_COUNTER_MAX }),
    ),
    by: deviceId,
  });

/** What happens to the sessions of one device: few names, so that each of them comes again. */
export const sessionChange = (device: DeviceId): fc.Arbitrary<UserChange> => {
  const of = { deviceId: fc.constant(device), session: fewSessions };
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('insert' as const), ...of }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('activate' as const), ...of }) },
    fc.record({ type: fc.constant('end' as const), ...of }),
    fc.constant<UserChange>({ type: 'retire', deviceId: device }),
    fc.constant<UserChange>({ type: 'freeze', at: 1 }),
    fc.constant<UserChange>({ type: 'thaw' }),
  );
};

export const userChange: fc.Arbitrary<UserChange> = fc.oneof(
  fc.record(
    { type: fc.constant('identity' as const), key: fewKeys, deviceId: fewDevices },
    { requiredKeys: ['type', 'key'] },
  ),
  fc.record({
    type: fc.constant('list' as const),
    version: fc.integer({ min: 1, max: 1000 }),
    hash: bytes(32),
    at: instant,
    devices: fc.uniqueArray(deviceEntry(fewDevices), {
      maxLength: 4,
      selector: (entry) => entry.deviceId,
    }),
  }),
  fc.record({
    type: fc.constant('device' as const),
    deviceId: fewDevices,
    registrationId: fc.nat(3),
  }),
  fc.record(
    {
      type: fc.constant('insert' as const),
      deviceId: fewDevices,
      session: fewSessions,
      at: instant,
    },
    { requiredKeys: ['type', 'deviceId', 'session'] },
  ),
  fc.record({ type: fc.constant('activate' as const), deviceId: fewDevices, session: fewSessions }),
  fc.record({ type: fc.constant('retire' as const), deviceId: fewDevices }),
  fc.record({ type: fc.constant('freeze' as const), at: instant }),
  fc.constant<UserChange>({ type: 'thaw' }),
  fc.constant<UserChange>({ type: 'forgetList' }),
  fc.record({ type: fc.constant('end' as const), deviceId: fewDevices, session: fewSessions }),
  fc.record({ type: fc.constant('gone' as const), at: instant }),
  fc.record({ type: fc.constant('deviceGone' as const), deviceId: fewDevices, at: instant }),
  fc.record({
    type: fc.constant('drop' as const),
    devices: fc.uniqueArray(fewDevices, { maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant('healSpent' as const),
    deviceId: fewDevices,
    allowance: fc.record({ left: fc.nat(4), refillAt: instant }),
  }),
  fc.record(
    { type: fc.constant('offer' as const), key: fewKeys, deviceId: fewDevices },
    { requiredKeys: ['type', 'key'] },
  ),
  fc.record(
    { type: fc.constant('withdraw' as const), deviceId: fewDevices },
    { requiredKeys: ['type'] },
  ),
  fc.record(
    {
      type: fc.constant('trust' as const),
      level: fc.constantFrom<TrustLevel>('accepted', 'verified'),
      deviceId: fewDevices,
    },
    { requiredKeys: ['type', 'level'] },
  ),
  fc.record({
    type: fc.constant('holdMail' as const),
    mail: fc.record({ deviceId: fewDevices, envelopeId }),
  }),
  fc.constant<UserChange>({ type: 'releaseMail' }),
  fc.record({ type: fc.constant('succession' as const), key: fewKeys }),
  fc.record({ type: fc.constant('name' as const), naming: naming(fewKeys) }),
);

/** A head of some device, by nobody's signature. */
export const deviceHead: fc.Arbitrary<DeviceHead> = fc.record({
  logId: bytes(16),
  incarnation: registrationId,
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  hash: bytes(32),
  at: instant,
  signature: bytes(64),
});

/** A key pair, each seed giving another one. */
export const keyPair: fc.Arbitrary<KeyPair> = bytes(32).map((seed) => crypto.keyPair(seed));
