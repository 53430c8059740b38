import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes, concatBytes, equalBytes, wipe } from './compare.ts';
import { InvariantError, invariant, unreachable } from './invariant.ts';
import { err, ok } from './result.ts';

const { Buffer } = globalThis;
const bytes = fc.uint8Array({ maxLength: 6, max: 3 });

describe('byte arrays', () => {
  it('compare as the platform does', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, b)).toBe(Buffer.from(a).equals(b));
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(equalBytes(a, a.slice())).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('join into memory of their own', () => {
    const part = Uint8Array.of(2, 3);
    const joined = concatBytes([Uint8Array.of(1), new Uint8Array(0), part]);
    part.fill(9);
    expect([...joined]).toEqual([1, 2, 3]);
    expect(concatBytes([])).toHaveLength(0);
  });

  it('are wiped in place', () => {
    const secret = Uint8Array.of(1, 2);
    const view = secret.subarray(1);
    wipe(secret);
    expect([...view]).toEqual([0]);
  });
});

describe('outcomes and bugs', () => {
  it('wrap', () => {
    expect([ok(1), err('no')]).toEqual([
      { ok: true, value: 1 },
      { ok: false, error: 'no' },
    ]);
  });

  it('throw only for a broken promise', () => {
    expect(() => invariant(true, 'holds')).not.toThrow();
    expect(() => invariant(false, 'it must hold')).toThrow(InvariantError);
    expect(() => invariant(0, 'it must hold')).toThrow('Invariant broken: it must hold');
    expect(() => unreachable('x' as never)).toThrow('Unreachable: string');
  });
});
