/** A device's head: signed under its own label, and good for one key and one incarnation only. */

import { encodeUtf8 } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { nobleCrypto } from '@simsim/crypto/noble';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeviceHead, DeviceHeadFields } from '../src/index.ts';
import {
  decodeDeviceHead,
  deviceHeadBytes,
  encodeDeviceHead,
  isDeviceHeadOf,
  isSameHead,
  signDeviceHead,
} from '../src/index.ts';

const entropy = seededEntropy(encodeUtf8('device head'), nodeCrypto);
const key = nodeCrypto.signingKeyPair(entropy(32));
const other = nodeCrypto.signingKeyPair(entropy(32));
const fields: DeviceHeadFields = {
  logId: entropy(16),
  incarnation: 77,
  seq: 300,
  hash: entropy(32),
  at: 1_700_000_000_000,
};
const owner = { deviceKey: key.publicKey, registrationId: 77 };
const head = signDeviceHead(fields, key, nodeCrypto);

describe('a device head', () => {
  test('is known by its device in its incarnation, on every backend', () => {
    for (const crypto of [nodeCrypto, nobleCrypto]) {
      expect(isDeviceHeadOf(head, owner, crypto)).toBe(true);
      expect(isDeviceHeadOf(head, { ...owner, registrationId: 78 }, crypto)).toBe(false);
      expect(isDeviceHeadOf(head, { ...owner, deviceKey: other.publicKey }, crypto)).toBe(false);
    }
  });

  test('is no other head once any bit of it is another', () => {
    const bytes = encodeDeviceHead(head);
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const turned = bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
        const decoded = decodeDeviceHead(turned);
        if (decoded.ok) expect(isDeviceHeadOf(decoded.value, owner, nodeCrypto)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test('a signature over the fields alone does not do: the label keeps it apart', () => {
    const bare = deviceHeadBytes(fields).subarray(1 + 'Simsim device head 1'.length);
    const signature = nodeCrypto.signWithDeviceKey(key, [bare]);
    expect(isDeviceHeadOf({ ...fields, signature }, owner, nodeCrypto)).toBe(false);
  });

  test('is the same where it names the same event, whenever it was signed', () => {
    const later: DeviceHead = signDeviceHead({ ...fields, at: fields.at + 5 }, key, nodeCrypto);
    expect(isSameHead(head, later)).toBe(true);
    expect(isSameHead(head, { ...head, seq: 301 })).toBe(false);
    expect(isSameHead(head, { ...head, hash: entropy(32) })).toBe(false);
    expect(isSameHead(head, { ...head, logId: entropy(16) })).toBe(false);
  });
});
