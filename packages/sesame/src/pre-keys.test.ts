import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, crypto, entropyOf, keyPair, stored } from '../test/arbitraries.ts';
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
const preKeys: fc.Arbitrary<PreKeys> = fc.record({
  nextId: id,
  batches: fc.array(id, { maxLength: 5 }),
  signed: fc.array(
    fc.record({ id, pair: keyPair, signature: bytes(64), madeAt: fc.nat(2 ** 31) }),
    { maxLength: 3 },
  ),
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
      fc.property(preKeys, batch, (keys, oneTime) => {
        const sealed = stored(encodePreKeys(keys));
        const back = decodePreKeys(sealed, crypto);
        expect(back === undefined ? undefined : stored(encodePreKeys(back))).toEqual(sealed);
        expect(back?.batches).toEqual(keys.batches);
        const sealedBatch = stored(encodeOneTimeBatch(oneTime));
        const backBatch = decodeOneTimeBatch(sealedBatch, crypto);
        const again = backBatch === undefined ? undefined : stored(encodeOneTimeBatch(backBatch));
        expect(again).toEqual(sealedBatch);
        expect([...(backBatch?.pairs.keys() ?? [])]).toEqual([...oneTime.pairs.keys()]);
      }),
      { numRuns: 30 },
    );
  });

  it('are refused or read from any bytes, never thrown at', () => {
    const near = fc.oneof(
      preKeys.chain((keys) => spoilt(stored(encodePreKeys(keys)))),
      batch.chain((keys) => spoilt(stored(encodeOneTimeBatch(keys)))),
      fc.uint8Array({ maxLength: 300 }),
    );
    fc.assert(
      fc.property(near, (input) => {
        decodePreKeys(input, crypto);
        decodeOneTimeBatch(input, crypto);
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

  it('of one batch count up from its first id and are found by it', () => {
    const env = { crypto, entropy: entropyOf(2) };
    const made = makeOneTimeBatch(40, ONE_TIME_BATCH_KEYS + 9, env);
    const ids = [...made.pairs.keys()];
    expect(ids).toEqual(Array.from({ length: ONE_TIME_BATCH_KEYS }, (_, i) => 40 + i));
    const keys: PreKeys = { nextId: 65, signed: [], batches: [2, 40] };
    for (const each of ids) expect(batchOf(keys, each)).toBe(40);
    expect(batchOf(keys, 39)).toBeUndefined();
    expect(batchOf(keys, 65)).toBeUndefined();
  });

  it('of a short batch end where the next batch begins', () => {
    const keys: PreKeys = { nextId: 67, signed: [], batches: [27, 42] };
    expect(batchOf(keys, 41)).toBe(27);
    for (const each of [42, 51, 52, 66]) expect(batchOf(keys, each)).toBe(42);
  });

  it('are uploaded by their public halves, in rising order', () => {
    const env = { crypto, entropy: entropyOf(3) };
    const identity = crypto.keyPair(env.entropy(32));
    const signed = makeSignedPreKey({ id: 1, identity, madeAt: 5 }, env);
    const batches = [makeOneTimeBatch(30, 3, env), makeOneTimeBatch(2, 2, env)];
    const upload = uploadOf({ nextId: 60, signed: [signed], batches: [2, 30] }, batches);
    expect(upload.signedPreKey.publicKey).toEqual(signed.pair.publicKey.bytes);
    expect(upload.oneTimePreKeys.map((key) => key.id)).toEqual([2, 3, 30, 31, 32]);
    expect(upload.oneTimePreKeys[2]?.publicKey).toEqual(batches[0]?.pairs.get(30)?.publicKey.bytes);
  });
});
