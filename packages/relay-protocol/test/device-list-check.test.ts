/**
 * Device lists and approvals: what is signed verifies, and whatever is changed afterwards, by
 * anybody, is refused with the code that names it.
 */

import { encodeUtf8, type Result } from '@simsim/bytes';
import type { Crypto, KeyPair, SigningKeyPair } from '@simsim/crypto';
import { seededEntropy } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  DeviceApprovalFields,
  DeviceEntry,
  DeviceId,
  DeviceList,
  DeviceListClaim,
  SignedDeviceList,
} from '../src/index.ts';
import {
  accountProofBytes,
  approvalBytes,
  deviceListHash,
  deviceProofBytes,
  encodeDeviceList,
  parseDeviceId,
  parseUserId,
  signDeviceApproval,
  signDeviceList,
  verifyDeviceApproval,
  verifyDeviceList,
} from '../src/index.ts';
import { preKeyUpload } from './arbitraries.ts';

const crypto: Crypto = nobleCrypto;
const entropy = seededEntropy(encodeUtf8('device lists'), crypto);
const identity = crypto.keyPair(entropy(32));
const otherIdentity = crypto.keyPair(entropy(32));

interface Device {
  readonly entry: DeviceEntry;
  readonly key: SigningKeyPair;
}

function deviceId(value: number): DeviceId {
  const parsed = parseDeviceId(value);
  if (!parsed.ok) throw new Error('a test uses good ids');
  return parsed.value;
}

function makeDevice(id: number): Device {
  const key = crypto.signingKeyPair(entropy(32));
  const entry = { deviceId: deviceId(id), registrationId: 100 + id, deviceKey: key.publicKey };
  return { entry, key };
}

function makeUserId(name: string): DeviceList['userId'] {
  const parsed = parseUserId(name);
  if (!parsed.ok) throw new Error('a test uses good names');
  return parsed.value;
}

const [phone, tablet, laptop] = [makeDevice(7), makeDevice(3), makeDevice(9)];

function sign(list: DeviceList, signer: Device, by: KeyPair = identity): SignedDeviceList {
  return signDeviceList(
    list,
    { deviceKey: signer.key, identity: by, entropy64: entropy(64) },
    crypto,
  );
}

const first = sign(
  {
    userId: makeUserId('ali'),
    version: 1,
    previous: new Uint8Array(32),
    identityKey: identity.publicKey.bytes,
    devices: [phone.entry],
    signer: phone.entry.deviceId,
  },
  phone,
);
const next: DeviceList = {
  ...first.list,
  version: 2,
  previous: deviceListHash(first.list, crypto),
  devices: [tablet.entry, phone.entry],
};
const second = sign(next, phone);

function code(claim: DeviceListClaim, on: Crypto = crypto): string {
  const verified = verifyDeviceList(claim, on);
  return verified.ok ? 'OK' : verified.error.code;
}

describe('a signed list', () => {
  test('of version 1 verifies by itself', () => {
    expect(verifyDeviceList({ signed: first }, crypto)).toEqual({ ok: true, value: first.list });
  });

  test('verifies against the version before, against a pin, and unseen', () => {
    expect(code({ signed: second, previous: first.list })).toBe('OK');
    const pin = { identityKey: identity.publicKey.bytes, version: 1 };
    expect(code({ signed: second, pin })).toBe('OK');
    expect(code({ signed: second })).toBe('OK');
  });

  test('has its devices sorted by the signer', () => {
    const turned = sign({ ...next, devices: next.devices.toReversed() }, phone);
    expect(turned.list).toEqual(second.list);
  });

  test('may drop its signer', () => {
    const without = { ...next, version: 3, previous: deviceListHash(second.list, crypto) };
    const third = sign({ ...without, devices: [tablet.entry] }, phone);
    expect(code({ signed: third, previous: second.list })).toBe('OK');
    // Who skipped a version cannot check the gone signer's signature; the identity's still counts.
    expect(code({ signed: third })).toBe('OK');
    const forged = { ...third, identitySignature: second.identitySignature };
    expect(code({ signed: forged })).toBe('BAD_IDENTITY_SIGNATURE');
  });
});

describe('a list is refused', () => {
  const previous = first.list;
  const refusals: readonly [string, DeviceListClaim][] = [
    ['WRONG_VERSION', { signed: sign({ ...next, version: 3 }, phone), previous }],
    ['WRONG_VERSION', { signed: first, previous }],
    [
      'WRONG_VERSION',
      { signed: second, pin: { identityKey: identity.publicKey.bytes, version: 3 } },
    ],
    ['BROKEN_CHAIN', { signed: sign({ ...next, previous: entropy(32) }, phone), previous }],
    ['BROKEN_CHAIN', { signed: sign({ ...first.list, previous: entropy(32) }, phone) }],
    ['OTHER_USER', { signed: sign({ ...next, userId: makeUserId('baba') }, phone), previous }],
    [
      'IDENTITY_CHANGED',
      {
        signed: sign({ ...next, identityKey: otherIdentity.publicKey.bytes }, phone, otherIdentity),
        previous,
      },
    ],
    [
      'IDENTITY_CHANGED',
      { signed: second, pin: { identityKey: otherIdentity.publicKey.bytes, version: 1 } },
    ],
    [
      'SIGNER_NOT_LISTED',
      { signed: sign({ ...next, signer: tablet.entry.deviceId }, tablet), previous },
    ],
    ['SIGNER_NOT_LISTED', { signed: sign({ ...first.list, signer: deviceId(1) }, phone) }],
    [
      'DEVICE_KEY_CHANGED',
      {
        signed: sign(
          { ...next, devices: [{ ...phone.entry, deviceKey: laptop.entry.deviceKey }] },
          phone,
        ),
        previous,
      },
    ],
    ['BAD_DEVICE_SIGNATURE', { signed: sign(next, tablet), previous }],
    ['BAD_DEVICE_SIGNATURE', { signed: sign(first.list, tablet) }],
    ['BAD_IDENTITY_SIGNATURE', { signed: sign(next, phone, otherIdentity), previous }],
    [
      'BAD_IDENTITY_KEY',
      { signed: sign({ ...first.list, identityKey: new Uint8Array(32) }, phone) },
    ],
  ];
  test.each(refusals)('%s', (expected, claim) => {
    expect(code(claim)).toBe(expected);
  });
});

/** Any single change of a signed list, after the signatures were made. */
const tampering = fc.oneof(
  fc.record({ kind: fc.constant('list' as const), at: fc.nat(), bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('device' as const), at: fc.nat(63), bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('identity' as const), at: fc.nat(63), bit: fc.nat(7) }),
);
type Tampering = typeof tampering extends fc.Arbitrary<infer T> ? T : never;

function flip(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  return bytes.map((byte, i) => (i === at % bytes.length ? byte ^ (1 << bit) : byte));
}

function tampered({ kind, at, bit }: Tampering): SignedDeviceList {
  if (kind === 'device') {
    return { ...second, deviceSignature: flip(second.deviceSignature, at, bit) };
  }
  if (kind === 'identity') {
    return { ...second, identitySignature: flip(second.identitySignature, at, bit) };
  }
  const key = flip(tablet.entry.deviceKey, at, bit);
  return {
    ...second,
    list: { ...next, devices: [{ ...tablet.entry, deviceKey: key }, phone.entry] },
  };
}

const noTamperingPasses = (on: Crypto): fc.IProperty<[Tampering]> =>
  fc.property(
    tampering,
    (one) => code({ signed: tampered(one), previous: first.list }, on) !== 'OK',
  );

describe('no single flipped bit verifies', () => {
  test('with the real checks', () => {
    fc.assert(noTamperingPasses(crypto), { numRuns: 60 });
  });

  test('and the law catches a verifier that skips either signature', () => {
    for (const broken of [
      { ...crypto, verify: () => true },
      { ...crypto, verifyDeviceKey: () => true },
    ]) {
      expect(fc.check(noTamperingPasses(broken), { numRuns: 60 }).failed).toBe(true);
    }
  });
});

describe('an approval', () => {
  const fields: DeviceApprovalFields = {
    userId: first.list.userId,
    ...tablet.entry,
    listVersion: 2,
    approver: phone.entry.deviceId,
  };
  const approval = signDeviceApproval(fields, phone.key, crypto);
  const codeOf = (result: Result<unknown, { readonly code: string }>): string =>
    result.ok ? 'OK' : result.error.code;

  test('by a listed device verifies', () => {
    expect(verifyDeviceApproval(approval, first.list, crypto)).toEqual({
      ok: true,
      value: approval,
    });
  });

  test.each([
    ['OTHER_USER', { ...approval, userId: makeUserId('baba') }],
    ['WRONG_VERSION', { ...approval, listVersion: 3 }],
    ['APPROVER_NOT_LISTED', { ...approval, approver: tablet.entry.deviceId }],
    ['BAD_SIGNATURE', { ...approval, deviceId: laptop.entry.deviceId }],
    ['BAD_SIGNATURE', { ...approval, registrationId: 1 }],
    ['BAD_SIGNATURE', { ...approval, deviceKey: laptop.entry.deviceKey }],
    ['BAD_SIGNATURE', signDeviceApproval(fields, tablet.key, crypto)],
  ])('is refused: %s', (expected, changed) => {
    expect(codeOf(verifyDeviceApproval(changed, first.list, crypto))).toBe(expected);
  });

  test('is good for one version only', () => {
    expect(codeOf(verifyDeviceApproval(approval, second.list, crypto))).toBe('WRONG_VERSION');
  });
});

test('what is signed for one purpose has no meaning for another', () => {
  fc.assert(
    fc.property(preKeyUpload, (keys) => {
      const fields = {
        userId: first.list.userId,
        deviceId: phone.entry.deviceId,
        nonce: new Uint8Array(32),
        list: first.list,
        tokenHash: new Uint8Array(32),
        keys,
      };
      const texts = [
        accountProofBytes(fields),
        deviceProofBytes(fields),
        approvalBytes({ ...fields, ...phone.entry, listVersion: 1, approver: fields.deviceId }),
        encodeDeviceList(first.list),
      ].map((bytes) => bytes.join());
      expect(new Set(texts).size).toBe(texts.length);
    }),
  );
});
