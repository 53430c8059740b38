import { nobleCrypto } from '@simsim/crypto/noble';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReplayRecord } from './replay-record.ts';
import {
  REPLAY_RECORD_MAX,
  agreementFingerprint,
  agreementsIn,
  decodeReplayRecord,
  emptyReplayRecord,
  encodeReplayRecord,
  rememberAgreement,
} from './replay-record.ts';

const crypto = nobleCrypto;
const root = (byte: number) => crypto.importSecret('root', new Uint8Array(32).fill(byte));
const fingerprint = (seed: number): Uint8Array =>
  crypto.digest([Uint8Array.of(seed, seed >> 8, seed >> 16)]);

function filled(seeds: readonly number[], capacity?: number): ReplayRecord {
  let record = emptyReplayRecord(capacity);
  for (const seed of seeds) {
    const result = rememberAgreement(record, fingerprint(seed));
    if (result.ok) record = result.value.record;
  }
  return record;
}

describe('a replay record', () => {
  it('knows exactly what it was told, in any order', () => {
    const seeds = fc.uniqueArray(fc.nat({ max: 5000 }), { maxLength: 60 });
    fc.assert(
      fc.property(seeds, fc.nat({ max: 5000 }), (told, asked) => {
        const record = filled(told);
        expect(agreementsIn(record)).toBe(told.length);
        expect(record).toEqual(filled(told.toReversed()));
        const answer = rememberAgreement(record, fingerprint(asked));
        expect(answer.ok).toBe(!told.includes(asked));
        if (!answer.ok) expect(answer.error.code).toBe('REPLAYED');
      }),
    );
  });

  it('is not changed in place', () => {
    const record = filled([1, 2, 3]);
    const before = record.fingerprints.slice();
    rememberAgreement(record, fingerprint(4));
    expect(record.fingerprints).toEqual(before);
  });

  it.each([1, 2, 9, 10, 100])(
    'with room for %i tells at nine tenths and fails closed',
    (capacity) => {
      let record = emptyReplayRecord(capacity);
      for (let i = 0; i < capacity; i++) {
        const result = rememberAgreement(record, fingerprint(i));
        if (!result.ok) throw new Error(result.error.code);
        expect(result.value.isNearlyFull).toBe(i + 1 >= capacity * 0.9);
        ({ record } = result.value);
      }
      expect(rememberAgreement(record, fingerprint(capacity))).toEqual({
        ok: false,
        error: { code: 'REPLAY_RECORD_FULL' },
      });
      for (let i = 0; i < capacity; i++) {
        const again = rememberAgreement(record, fingerprint(i));
        expect(again).toEqual({ ok: false, error: { code: 'REPLAYED' } });
      }
    },
  );

  it('holds no more than its maximum', () => {
    expect(emptyReplayRecord().capacity).toBe(REPLAY_RECORD_MAX);
    for (const bad of [0, -1, 1.5, REPLAY_RECORD_MAX + 1]) {
      expect(() => emptyReplayRecord(bad)).toThrow();
    }
  });
});

describe('a fingerprint', () => {
  it('follows from the root key alone and leaves no secret', () => {
    const made: unknown[] = [];
    const wiped: unknown[] = [];
    const watching: typeof crypto = {
      ...crypto,
      hkdf(ikm, salt, info, out) {
        const secrets = crypto.hkdf(ikm, salt, info, out);
        made.push(...secrets);
        return secrets;
      },
      wipe: (secret) => void wiped.push(secret),
    };
    const [one, again, other] = [root(1), root(1), root(2)].map((key) =>
      agreementFingerprint(key, watching),
    );
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
    expect(one).toHaveLength(32);
    expect(wiped).toEqual(made);
  });
});

describe('a saved replay record', () => {
  it('comes back the same', () => {
    const seeds = fc.uniqueArray(fc.nat({ max: 5000 }), { maxLength: 40 });
    fc.assert(
      fc.property(seeds, (told) => {
        const record = filled(told, 64);
        expect(decodeReplayRecord(encodeReplayRecord(record))).toEqual({ ok: true, value: record });
      }),
    );
  });

  it('is refused where it is cut, extended, out of order, overfull or of another version', () => {
    const bytes = encodeReplayRecord(filled([1, 2, 3], 3));
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeReplayRecord(bytes.subarray(0, length)).ok).toBe(false);
    }
    expect(decodeReplayRecord(Uint8Array.of(...bytes, 0)).ok).toBe(false);
    const swapped = bytes.slice();
    swapped.set(bytes.subarray(3 + 32, 3 + 64), 3);
    swapped.set(bytes.subarray(3, 3 + 32), 3 + 32);
    expect(decodeReplayRecord(swapped).ok).toBe(false);
    const twice = bytes.slice();
    twice.set(bytes.subarray(3, 3 + 32), 3 + 32);
    expect(decodeReplayRecord(twice).ok).toBe(false);
    for (const capacity of [0, 2]) {
      const other = bytes.slice();
      other[1] = capacity;
      expect(decodeReplayRecord(other).ok).toBe(false);
    }
    const newer = bytes.slice();
    newer[0] = 2;
    const error = { code: 'UNSUPPORTED_VERSION', version: 2 };
    expect(decodeReplayRecord(newer)).toEqual({ ok: false, error });
  });

  it('never throws, and what decodes encodes to the same bytes', () => {
    const bytes = encodeReplayRecord(filled([1, 2, 3]));
    const change = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), fc.nat({ max: 120 }), (changes, length) => {
        const damaged = bytes.slice(0, Math.min(length, bytes.length));
        for (const [at, value] of changes) damaged[at % Math.max(1, damaged.length)] = value;
        const result = decodeReplayRecord(damaged);
        if (result.ok) expect(encodeReplayRecord(result.value)).toEqual(damaged);
      }),
      { numRuns: 500 },
    );
  });
});
