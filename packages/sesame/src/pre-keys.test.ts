import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, crypto, entropyOf, keyPair, stored } from '../test/arbitraries.ts';
import {
  decodeOneTimeKemBatch,
  encodeOneTimeKemBatch,
  kemPairOf,
  makeKemKey,
  makeOneTimeKemBatch,
  publicKemKey,
} from './kem-pre-keys.ts';
import type { OneTimeKemBatch, OwnKemKey } from './kem-pre-keys.ts';
import { ONE_TIME_BATCH_KEYS } from './limits.ts';
import {
  batchOf,
  decodeOneTimeBatch,
  decodePreKeys,
  encodeOneTimeBatch,
  encodePreKeys,
  makeOneTimeBatch,
  makeSignedPreKey,
  uploadOf,
} from './pre-keys.ts';
import type { OneTimeBatch, PreKeys } from './pre-keys.ts';

const id = fc.integer({ min: 1, max: 0xff_ffff });
const kemKey: fc.Arbitrary<OwnKemKey> = fc.record({
  privateKey: bytes(64).map((seed) => crypto.importSecret('kem', seed)),
  signature: bytes(64),
});
const preKeys: fc.Arbitrary<PreKeys> = fc.record({
  nextId: id,
  batches: fc.array(id, { maxLength: 5 }),
  signed: fc.array(
    fc.record({ id, pair: keyPair, signature: bytes(64), madeAt: fc.nat(2 ** 31) }),
    { maxLength: 3 },
  ),
  kemBatches: fc.array(id, { maxLength: 3 }),
  lastResorts: fc.array(
    fc
      .tuple(id, fc.nat(2 ** 31), kemKey)
      .map(([each, madeAt, key]) => ({ id: each, madeAt, ...key })),
    { maxLength: 3 },
  ),
  told: fc.record({ oneTime: id, kem: id }),
});
const kemBatch: fc.Arbitrary<OneTimeKemBatch> = fc.record({
  firstId: id,
  keys: fc.array(fc.tuple(id, kemKey), { maxLength: 4 }).map((all) => new Map(all)),
});
const batch: fc.Arbitrary<OneTimeBatch> = fc.record({
  firstId: id,
  pairs: fc.array(fc.tuple(id, keyPair), { maxLength: 4 }).map((all) => new Map(all)),
});
const spoilt = (whole: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .record({ at: fc.nat(whole.length - 1), byte: fc.nat(255), cut: fc.nat(whole.length) })
    .map(({ at, byte, cut }) => (byte & 1 ? whole.with(at, byte) : whole.slice(0, cut)));

describe('prekeys', () => {
  it('read back as they were sealed', () => {
    fc.assert(
      fc.property(preKeys, batch, kemBatch, (keys, oneTime, oneTimeKem) => {
        const sealed = stored(encodePreKeys(keys));
        const back = decodePreKeys(sealed, crypto);
        expect(back === undefined ? undefined : stored(encodePreKeys(back))).toEqual(sealed);
        expect(back?.batches).toEqual(keys.batches);
        const sealedBatch = stored(encodeOneTimeBatch(oneTime));
        const backBatch = decodeOneTimeBatch(sealedBatch, crypto);
        const again = backBatch === undefined ? undefined : stored(encodeOneTimeBatch(backBatch));
        expect(again).toEqual(sealedBatch);
        expect([...(backBatch?.pairs.keys() ?? [])]).toEqual([...oneTime.pairs.keys()]);
        const sealedKem = stored(encodeOneTimeKemBatch(oneTimeKem));
        const backKem = decodeOneTimeKemBatch(sealedKem, crypto);
        const kemAgain = backKem === undefined ? undefined : stored(encodeOneTimeKemBatch(backKem));
        expect(kemAgain).toEqual(sealedKem);
        expect([...(backKem?.keys.keys() ?? [])]).toEqual([...oneTimeKem.keys.keys()]);
      }),
      { numRuns: 30 },
    );
  });

  it('are refused or read from any bytes, never thrown at', () => {
    const near = fc.oneof(
      preKeys.chain((keys) => spoilt(stored(encodePreKeys(keys)))),
      batch.chain((keys) => spoilt(stored(encodeOneTimeBatch(keys)))),
      kemBatch.chain((keys) => spoilt(stored(encodeOneTimeKemBatch(keys)))),
      fc.uint8Array({ maxLength: 300 }),
    );
    fc.assert(
      fc.property(near, (input) => {
        decodePreKeys(input, crypto);
        decodeOneTimeBatch(input, crypto);
        decodeOneTimeKemBatch(input, crypto);
      }),
    );
  });

  it('are signed in the form that peers verify (X3-8)', () => {
    const env = { crypto, entropy: entropyOf(1) };
    const identity = crypto.keyPair(env.entropy(32));
    const signed = makeSignedPreKey({ id: 7, identity, madeAt: 5 }, env);
    const { bytes: publicKey } = signed.pair.publicKey;
    const encoded = Uint8Array.of(5, ...publicKey);
    expect(crypto.verify(identity.publicKey, [encoded], signed.signature)).toBe(true);
    expect(crypto.verify(identity.publicKey, [publicKey], signed.signature)).toBe(false);
  });

  it('of KEMs are each signed in the form that peers verify, and stay seeds (PQ-4)', () => {
    const env = { crypto, entropy: entropyOf(4) };
    const identity = crypto.keyPair(env.entropy(32));
    const batch = makeOneTimeKemBatch({ firstId: 9, count: 2, identity }, env);
    for (const [each, key] of batch.keys) {
      const { publicKey, signature } = publicKemKey(each, key, crypto);
      const { publicKey: _, ...reread } = key;
      expect(publicKemKey(each, reread, crypto)).toEqual({ id: each, publicKey, signature });
      const encoded = Uint8Array.of(8, ...publicKey);
      expect(crypto.verify(identity.publicKey, [encoded], signature)).toBe(true);
      expect(crypto.verify(identity.publicKey, [publicKey], signature)).toBe(false);
      expect(kemPairOf(key, crypto)).toMatchObject({ kind: 'kyber1024', publicKey });
    }
    const [one, two] = [...batch.keys].map(([each, key]) => publicKemKey(each, key, crypto));
    expect(one?.publicKey).not.toEqual(two?.publicKey);
    expect(stored(encodeOneTimeKemBatch(batch)).length).toBeLessThan(2 * 130 + 5);
  });

  it('of a state of before PQXDH are read, without KEM keys', () => {
    fc.assert(
      fc.property(preKeys, (keys) => {
        const told = { oneTime: 0, kem: 0 };
        const whole = stored(encodePreKeys({ ...keys, lastResorts: [], kemBatches: [], told }));
        const old = whole.slice(0, -4).with(0, 1);
        expect(decodePreKeys(old, crypto)).toMatchObject({
          nextId: keys.nextId,
          batches: keys.batches,
          lastResorts: [],
          kemBatches: [],
          told: { oneTime: keys.nextId - 1, kem: keys.nextId - 1 },
        });
      }),
      { numRuns: 20 },
    );
  });

  it('of one batch count up from its first id and are found by it', () => {
    const env = { crypto, entropy: entropyOf(2) };
    const made = makeOneTimeBatch(40, ONE_TIME_BATCH_KEYS + 9, env);
    const ids = [...made.pairs.keys()];
    expect(ids).toEqual(Array.from({ length: ONE_TIME_BATCH_KEYS }, (_, i) => 40 + i));
    const size = ONE_TIME_BATCH_KEYS;
    for (const each of ids) expect(batchOf([2, 40], { id: each, size })).toBe(40);
    expect(batchOf([2, 40], { id: 39, size })).toBeUndefined();
    expect(batchOf([2, 40], { id: 65, size })).toBeUndefined();
  });

  it('of a short batch end where the next batch begins', () => {
    const size = ONE_TIME_BATCH_KEYS;
    expect(batchOf([27, 42], { id: 41, size })).toBe(27);
    for (const id of [42, 51, 52, 66]) expect(batchOf([27, 42], { id, size })).toBe(42);
  });

  it('are uploaded by their public halves, in rising order', () => {
    const env = { crypto, entropy: entropyOf(3) };
    const identity = crypto.keyPair(env.entropy(32));
    const signed = makeSignedPreKey({ id: 1, identity, madeAt: 5 }, env);
    const batches = [makeOneTimeBatch(30, 3, env), makeOneTimeBatch(2, 2, env)];
    const last = { id: 4, madeAt: 5, ...makeKemKey(identity, env) };
    const kem = [
      makeOneTimeKemBatch({ firstId: 50, count: 2, identity }, env),
      makeOneTimeKemBatch({ firstId: 40, count: 1, identity }, env),
    ];
    const lists = { batches: [2, 30], kemBatches: [40, 50], told: { oneTime: 0, kem: 0 } };
    const all: PreKeys = { nextId: 60, signed: [signed], lastResorts: [last], ...lists };
    const upload = uploadOf(all, { oneTime: batches, kem }, crypto);
    expect(upload.lastResortKemPreKey.id).toBe(4);
    expect(upload.oneTimeKemPreKeys.map((key) => key.id)).toEqual([40, 50, 51]);
    expect(upload.signedPreKey.publicKey).toEqual(signed.pair.publicKey.bytes);
    expect(upload.oneTimePreKeys.map((key) => key.id)).toEqual([2, 3, 30, 31, 32]);
    expect(upload.oneTimePreKeys[2]?.publicKey).toEqual(batches[0]?.pairs.get(30)?.publicKey.bytes);
  });
});
