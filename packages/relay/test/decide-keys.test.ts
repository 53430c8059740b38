/** Uploading and claiming prekeys: what is taken, what is refused, what is handed out when. */

import type { PreKeyBundle, PreKeyUpload, UploadKeysRequest } from '@simsim/relay-protocol';
import { nodeCrypto as crypto } from '@simsim/crypto/node';
import {
  claimIdFromBytes,
  KEM_PRE_KEYS_LOW,
  ONE_TIME_PRE_KEYS_MAX,
  PRE_KEYS_LOW,
  preKeyDigest,
} from '@simsim/relay-protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { ONE_TIME_KEM_KEPT_MAX, ONE_TIME_KEPT_MAX } from '../src/core/limits.ts';
import { createMemoryStore } from '../src/memory/index.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { deviceIdOf, TestUser } from '../src/conformance/people.ts';
import { BareRelay } from '../src/conformance/bare-relay.ts';

let relay: BareRelay;
let ali: TestUser;
let baba: TestUser;
let phone: TestDevice;
let desk: TestDevice;

function create(user: TestUser, id: number): TestDevice {
  const device = user.makeDevice(id);
  const made = relay.answer(user.createAccount(device, relay.nonce()));
  expect(made).toEqual({ kind: 'createAccount' });
  return device;
}

beforeEach(() => {
  relay = new BareRelay(createMemoryStore());
  ali = new TestUser('ali');
  baba = new TestUser('baba');
  phone = create(ali, 7);
  desk = create(baba, 7);
});

describe('uploading keys', () => {
  const upload = (keys: PreKeyUpload): unknown =>
    relay.answer({ kind: 'uploadKeys', keys } satisfies UploadKeysRequest, phone);
  const claimOne = (): void => {
    const claimId = claimIdFromBytes(baba.entropy(16));
    const devices = [phone.deviceId];
    relay.call({ kind: 'claimKeys', claimId, userId: ali.userId, devices }, desk);
  };

  test('the same again is fine, also after some were handed out', () => {
    claimOne();
    expect(upload(phone.keys)).toEqual({
      kind: 'uploadKeys',
      count: 2,
      lastIssuedId: 1,
      highestSeenId: 3,
      refusedIds: [],
      isSignedPreKeyTaken: true,
      // A KEM prekey that was handed out is gone, and its id is never taken again.
      kem: { count: 2, lastIssuedId: 1, highestSeenId: 3, refusedIds: [1] },
      isLastResortTaken: true,
    });
  });

  test('refuses one by one: other bytes under a known id, and ids that go down', () => {
    const [first] = phone.keys.oneTimePreKeys;
    const fresh = ali.makeKeys(10, 2);
    const changed = { id: 2, publicKey: ali.entropy(32) };
    if (first === undefined) throw new Error('there is a first key');
    const keys = { ...fresh, oneTimePreKeys: [first, changed, ...fresh.oneTimePreKeys] };
    expect(upload(keys)).toMatchObject({ count: 5, highestSeenId: 11, refusedIds: [2] });
    const down = { ...fresh, oneTimePreKeys: [{ id: 5, publicKey: ali.entropy(32) }] };
    expect(upload(down)).toMatchObject({ count: 5, highestSeenId: 11, refusedIds: [5] });
  });

  test('a signed prekey is replaced by a newer one only', () => {
    const newer = { ...ali.makeKeys(5, 0) };
    expect(upload(newer)).toMatchObject({ isSignedPreKeyTaken: true });
    expect(upload(phone.keys)).toMatchObject({ isSignedPreKeyTaken: false });
    expect(upload({ ...ali.makeKeys(5, 0) })).toMatchObject({ isSignedPreKeyTaken: false });
    expect(upload(newer)).toMatchObject({ isSignedPreKeyTaken: true });
  });
});

test('keys that replace all others are there when that is asked again, its answer lost (X3-11)', () => {
  const keys = ali.makeKeys(20, 4);
  const request = { kind: 'uploadKeys', keys, replacesOneTime: true } as const;
  const first = relay.answer(request, phone);
  expect(first).toMatchObject({ count: 4, refusedIds: [], kem: { count: 4, refusedIds: [] } });
  expect(relay.answer(request, phone)).toEqual(first);
  // One of them was handed out in between.
  const claimId = claimIdFromBytes(baba.entropy(16));
  relay.call({ kind: 'claimKeys', claimId, userId: ali.userId, devices: [phone.deviceId] }, desk);
  expect(relay.answer(request, phone)).toMatchObject({ count: 3, kem: { count: 3 } });
  const next = { ...request, keys: ali.makeKeys(30, 2) };
  expect(relay.answer(next, phone)).toMatchObject({ count: 2, kem: { count: 2 } });
});

describe('uploading KEM keys', () => {
  const upload = (change: Partial<PreKeyUpload>): unknown =>
    relay.answer({ kind: 'uploadKeys', keys: { ...phone.keys, ...change } }, phone);

  test('two of them never share an id, whatever their kind (PQ-4)', () => {
    const asLast = { lastResortKemPreKey: ali.makeKemKey(2) };
    expect(upload({ ...asLast, oneTimeKemPreKeys: [] })).toMatchObject({
      isLastResortTaken: false,
    });
    const asOneTime = [ali.makeKemKey(phone.keys.lastResortKemPreKey.id)];
    const other = { lastResortKemPreKey: ali.makeKemKey(3000), oneTimeKemPreKeys: asOneTime };
    expect(upload(other)).toMatchObject({ kem: { refusedIds: [1001], count: 3 } });
  });

  test('refuses one by one: other bytes under a known id, and ids that go down', () => {
    const keys = [ali.makeKemKey(2), ali.makeKemKey(10)];
    expect(upload({ oneTimeKemPreKeys: keys })).toMatchObject({
      kem: { count: 4, highestSeenId: 10, refusedIds: [2] },
    });
    expect(upload({ oneTimeKemPreKeys: [ali.makeKemKey(9)] })).toMatchObject({
      kem: { count: 4, highestSeenId: 10, refusedIds: [9] },
    });
  });

  test('a last resort is replaced by a newer one only', () => {
    const [older, newer, other] = [900, 2000, 2000].map((id) => ali.makeKemKey(id));
    if (older === undefined || newer === undefined || other === undefined) throw new Error('made');
    expect(upload({ lastResortKemPreKey: older })).toMatchObject({ isLastResortTaken: false });
    expect(upload({ lastResortKemPreKey: newer })).toMatchObject({ isLastResortTaken: true });
    expect(upload({ lastResortKemPreKey: other })).toMatchObject({ isLastResortTaken: false });
    expect(upload({ lastResortKemPreKey: newer })).toMatchObject({ isLastResortTaken: true });
  });
});

test('of more keys than a device may keep here the rest is refused, of either kind', () => {
  const { signedPreKey, lastResortKemPreKey } = phone.keys;
  const upload = (from: number): { count: number; kem: { count: number } } => {
    const { oneTimePreKeys } = ali.makeKeys(from, ONE_TIME_PRE_KEYS_MAX);
    const oneTimeKemPreKeys = Array.from({ length: 50 }, (_, i) => ali.makeKemKey(4000 + from + i));
    const keys = { signedPreKey, oneTimePreKeys, lastResortKemPreKey, oneTimeKemPreKeys };
    return relay.answer({ kind: 'uploadKeys', keys }, phone) as ReturnType<typeof upload>;
  };
  for (let from = 10; from < 3000; from += ONE_TIME_PRE_KEYS_MAX) upload(from);
  const refusedIds = Array.from({ length: ONE_TIME_PRE_KEYS_MAX }, (_, i) => 5000 + i);
  expect(upload(5000)).toMatchObject({
    count: ONE_TIME_KEPT_MAX,
    refusedIds,
    kem: { count: ONE_TIME_KEM_KEPT_MAX },
  });
});

describe('checking keys', () => {
  test('tells whether those that are handed out again and again are what the device has', () => {
    const check = (keys: PreKeyUpload): unknown =>
      relay.answer({ kind: 'checkKeys', digest: preKeyDigest(keys, crypto) }, phone);
    expect(check(phone.keys)).toMatchObject({ kind: 'checkKeys', isSame: true });
    const { signedPreKey, lastResortKemPreKey } = ali.makeKeys(1, 0);
    for (const other of [{ signedPreKey }, { lastResortKemPreKey }]) {
      expect(check({ ...phone.keys, ...other })).toMatchObject({ isSame: false });
    }
  });
});

describe('claiming keys', () => {
  const claim = (options: { to?: TestUser; ids?: number[]; claimId?: Uint8Array }): unknown =>
    relay.answer(
      {
        kind: 'claimKeys',
        claimId: claimIdFromBytes(options.claimId ?? baba.entropy(16)),
        userId: (options.to ?? ali).userId,
        devices: (options.ids ?? [7]).map(deviceIdOf),
      },
      desk,
    );

  test('gives the oldest key first, then bundles without', () => {
    const ids = [1, 2, 3, 4].map(() => claim({}) as { results: [{ bundle: object }] });
    const bundles = ids.map((answer) => answer.results[0].bundle);
    expect(bundles).toMatchObject([
      { oneTimePreKey: { id: 1 } },
      { oneTimePreKey: { id: 2 } },
      { oneTimePreKey: { id: 3 } },
      { registrationId: phone.entry.registrationId, signedPreKey: phone.keys.signedPreKey },
    ]);
    expect(bundles[3]).not.toHaveProperty('oneTimePreKey');
  });

  test('gives the last-resort KEM key only where no one-time one is left, and again then (PQ-6)', () => {
    const { oneTimeKemPreKeys, lastResortKemPreKey } = phone.keys;
    const given = [1, 2, 3, 4, 5].map(() => {
      const answer = claim({}) as { results: [{ bundle: PreKeyBundle }] };
      return answer.results[0].bundle.kemPreKey;
    });
    expect(given).toEqual([...oneTimeKemPreKeys, lastResortKemPreKey, lastResortKemPreKey]);
    const keys = { ...phone.keys, oneTimeKemPreKeys: [ali.makeKemKey(20)] };
    relay.call({ kind: 'uploadKeys', keys }, phone);
    expect(claim({})).toMatchObject({ results: [{ bundle: { kemPreKey: { id: 20 } } }] });
  });

  test('tells the device when only KEM keys run low', () => {
    const from = (count: number, base: number): number[] =>
      Array.from({ length: count }, (_, i) => base + i);
    const oneTimePreKeys = from(PRE_KEYS_LOW + 5, 10).map((id) => ({
      id,
      publicKey: ali.entropy(32),
    }));
    const oneTimeKemPreKeys = from(KEM_PRE_KEYS_LOW - 2, 10).map((id) => ali.makeKemKey(id));
    const keys = { ...phone.keys, oneTimePreKeys, oneTimeKemPreKeys };
    relay.call({ kind: 'uploadKeys', keys }, phone);
    const request = { kind: 'claimKeys', userId: ali.userId, devices: [phone.deviceId] } as const;
    const wakeups = [1, 2].map(() => {
      const claimId = claimIdFromBytes(baba.entropy(16));
      return relay.call({ ...request, claimId }, desk).wakeups;
    });
    const device = { userId: 'ali', deviceId: phone.deviceId };
    const low = {
      kind: 'keysLow',
      device,
      count: PRE_KEYS_LOW + 6,
      kemCount: KEM_PRE_KEYS_LOW - 1,
    };
    expect(wakeups).toEqual([[], [low]]);
  });

  test('tells which devices are gone', () => {
    expect(claim({ ids: [7, 9] })).toMatchObject({
      results: [{ deviceId: 7 }, { deviceId: 9, gone: true }],
    });
  });

  test('answers a repeat the same and refuses another body under the id', () => {
    const claimId = baba.entropy(16);
    const first = claim({ claimId });
    expect(claim({ claimId })).toEqual(first);
    expect(claim({ claimId, ids: [9] })).toBe('ID_REUSED');
    expect(claim({ claimId, to: baba })).toBe('ID_REUSED');
  });

  test('of nobody is refused', () => {
    expect(claim({ to: new TestUser('nobody') })).toBe('UNKNOWN_USER');
  });

  test('tells the device when its keys run low', () => {
    const claimId = claimIdFromBytes(baba.entropy(16));
    const request = { kind: 'claimKeys', claimId, userId: ali.userId, devices: [] } as const;
    const { wakeups } = relay.call({ ...request, devices: [phone.deviceId] }, desk);
    expect(PRE_KEYS_LOW).toBeGreaterThan(2);
    const device = { userId: 'ali', deviceId: phone.deviceId };
    expect(wakeups).toEqual([{ kind: 'keysLow', device, count: 2, kemCount: 2 }]);
  });
});
