/** When a list may name another identity key: a removal, by a device that stays, and nothing else. */

import { encodeUtf8 } from '@simsim/bytes';
import type { KeyPair, SigningKeyPair } from '@simsim/crypto';
import { seededEntropy } from '@simsim/crypto';
import { nobleCrypto as crypto } from '@simsim/crypto/noble';
import { describe, expect, test } from 'vitest';
import type { DeviceEntry, DeviceList, SignedDeviceList } from '../src/index.ts';
import {
  deviceListHash,
  parseDeviceId,
  parseUserId,
  signDeviceList,
  verifyDeviceList,
} from '../src/index.ts';

const entropy = seededEntropy(encodeUtf8('succession'), crypto);
const [former, next] = [crypto.keyPair(entropy(32)), crypto.keyPair(entropy(32))];

interface Device {
  readonly entry: DeviceEntry;
  readonly key: SigningKeyPair;
}

function make(id: number): Device {
  const key = crypto.signingKeyPair(entropy(32));
  const deviceId = parseDeviceId(id);
  if (!deviceId.ok) throw new Error('a test uses good ids');
  return {
    key,
    entry: { deviceId: deviceId.value, registrationId: 100 + id, deviceKey: key.publicKey },
  };
}

const [phone, tablet, stolen, stranger] = [make(3), make(7), make(9), make(11)];
const userId = parseUserId('ali');
if (!userId.ok) throw new Error('a test uses good names');
const current: DeviceList = {
  userId: userId.value,
  version: 5,
  previous: entropy(32),
  identityKey: former.publicKey.bytes,
  devices: [phone.entry, tablet.entry, stolen.entry],
  signer: phone.entry.deviceId,
};

function succession(
  by: Device,
  devices: readonly Device[],
  how: { deviceKey?: SigningKeyPair; identity?: KeyPair; named?: Uint8Array } = {},
): SignedDeviceList {
  const { deviceKey = by.key, identity = next, named = next.publicKey.bytes } = how;
  return signDeviceList(
    {
      ...current,
      version: 6,
      previous: deviceListHash(current, crypto),
      identityKey: named,
      devices: devices.map(({ entry }) => entry),
      signer: by.entry.deviceId,
    },
    { deviceKey, identity, entropy64: entropy(64) },
    crypto,
  );
}

function code(signed: SignedDeviceList, previous: DeviceList = current): string {
  const verified = verifyDeviceList({ signed, previous }, crypto);
  return verified.ok ? 'OK' : verified.error.code;
}

describe('another identity key', () => {
  test('is taken in a list that removes devices, whoever stays and signs', () => {
    expect(code(succession(phone, [phone, tablet]))).toBe('OK');
    expect(code(succession(tablet, [tablet]))).toBe('OK');
  });

  test('is refused where nobody leaves, somebody joins or is another, or the signer leaves', () => {
    const renewed = { ...tablet, entry: { ...tablet.entry, registrationId: 9 } };
    const rekeyed = { ...tablet, entry: { ...tablet.entry, deviceKey: stranger.entry.deviceKey } };
    for (const devices of [
      [phone, tablet, stolen],
      [phone, stranger],
      [phone, renewed],
      [phone, rekeyed],
      [tablet],
    ]) {
      expect(code(succession(phone, devices))).toBe('IDENTITY_CHANGED');
    }
  });

  test('needs the device key of the signer, whatever identity keys somebody has', () => {
    const byThief = { deviceKey: stolen.key };
    expect(code(succession(phone, [phone, tablet], byThief))).toBe('BAD_DEVICE_SIGNATURE');
    expect(code(succession(stranger, [phone, tablet]))).toBe('IDENTITY_CHANGED');
  });

  test('needs the next identity key, not the one before', () => {
    const byFormer = { identity: former };
    expect(code(succession(phone, [phone], byFormer))).toBe('BAD_IDENTITY_SIGNATURE');
  });

  test('is refused by a pin, however it came (SES-89)', () => {
    const pin = { identityKey: former.publicKey.bytes, version: 5 };
    const signed = succession(phone, [phone, tablet]);
    expect(verifyDeviceList({ signed, pin }, crypto)).toMatchObject({
      error: { code: 'IDENTITY_CHANGED' },
    });
  });

  test('is the one that counts from then on: the former one signs no list any more', () => {
    const { list } = succession(phone, [phone, tablet]);
    const byFormer = signDeviceList(
      {
        ...list,
        version: 7,
        previous: deviceListHash(list, crypto),
        identityKey: former.publicKey.bytes,
      },
      { deviceKey: phone.key, identity: former, entropy64: entropy(64) },
      crypto,
    );
    expect(code(byFormer, list)).toBe('IDENTITY_CHANGED');
  });
});
