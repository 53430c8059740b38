import fc from 'fast-check';
import { REGISTRATION_ID_MAX, SEALED_IDENTITY_BYTES_MAX } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import {
  bytes,
  crypto,
  deviceId,
  instant,
  keyPair,
  registrationId,
  stored,
  userId,
} from '../test/arbitraries.ts';
import { decodeOwnDevice, encodeOwnDevice, registrationIdFrom } from './own-device.ts';
import type { DeviceStatus, OwnDevice, Successor } from './own-device.ts';

const successor: fc.Arbitrary<Successor> = fc.record({
  identity: keyPair,
  list: fc.record({
    list: fc.record({
      userId,
      version: fc.integer({ min: 1, max: 1000 }),
      previous: bytes(32),
      identityKey: bytes(32),
      devices: fc.tuple(fc.record({ deviceId, registrationId, deviceKey: bytes(32) })),
      signer: deviceId,
    }),
    deviceSignature: bytes(64),
    identitySignature: bytes(64),
  }),
  removes: deviceId,
  sealed: fc
    .array(fc.tuple(deviceId, fc.uint8Array({ maxLength: SEALED_IDENTITY_BYTES_MAX })), {
      maxLength: 4,
    })
    .map((entries) => new Map(entries)),
});

const device: fc.Arbitrary<OwnDevice> = fc.record(
  {
    userId,
    deviceId,
    registrationId,
    identity: keyPair,
    deviceKey: bytes(32).map((seed) => crypto.signingKeyPair(seed)),
    token: bytes(32).map((secret) => crypto.importSecret('name', secret)),
    status: fc.constantFrom<DeviceStatus>(
      'registering',
      'registered',
      'removed',
      'renewing',
      'replaced',
    ),
    registration: fc.uint8Array({ maxLength: 200 }),
    former: registrationId,
    quarantinedAt: instant,
    time: fc.record({
      atMs: instant,
      wallMs: instant,
      elapsedMs: instant,
      bootId: fc.constant('b'),
    }),
    successor,
    toldUpTo: fc.constantFrom('', 'user/bo'),
  },
  {
    requiredKeys: [
      'userId',
      'deviceId',
      'registrationId',
      'identity',
      'deviceKey',
      'token',
      'status',
      'registration',
    ],
  },
);

/** Secrets cannot be compared; their stored form can. */
const seen = (own: OwnDevice): Uint8Array => stored(encodeOwnDevice(own));

describe('the own device', () => {
  it('reads back as it was sealed, with keys that work', () => {
    fc.assert(
      fc.property(device, (own) => {
        const back = decodeOwnDevice(seen(own), crypto);
        expect(back === undefined ? undefined : seen(back)).toEqual(seen(own));
        expect(back?.identity.publicKey.bytes).toEqual(own.identity.publicKey.bytes);
        expect(back?.deviceKey.publicKey).toEqual(own.deviceKey.publicKey);
        expect(back?.status).toBe(own.status);
        expect(back?.former).toBe(own.former);
        expect(back?.quarantinedAt).toBe(own.quarantinedAt);
        expect(back?.time).toEqual(own.time);
        expect(back?.successor?.list).toEqual(own.successor?.list);
        expect(back?.successor?.sealed).toEqual(own.successor?.sealed);
        expect(back?.toldUpTo).toBe(own.toldUpTo);
        expect(back?.successor?.removes).toBe(own.successor?.removes);
      }),
      { numRuns: 30 },
    );
  });

  it('is refused or read from any bytes, never thrown at', () => {
    const near = device.chain((own) => {
      const whole = seen(own);
      return fc
        .record({ at: fc.nat(whole.length - 1), byte: fc.nat(255), cut: fc.nat(whole.length) })
        .map(({ at, byte, cut }) => (byte & 1 ? whole.with(at, byte) : whole.slice(0, cut)));
    });
    fc.assert(
      fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 300 })), (input) => {
        decodeOwnDevice(input, crypto);
      }),
    );
  });
});

describe('a registration id', () => {
  it('is 1…16383, whatever was drawn', () => {
    for (let high = 0; high < 256; high++) {
      for (const low of [0, 1, 255]) {
        const id = registrationIdFrom(Uint8Array.of(high, low));
        expect(id).toBeGreaterThanOrEqual(1);
        expect(id).toBeLessThanOrEqual(REGISTRATION_ID_MAX);
      }
    }
  });
});
