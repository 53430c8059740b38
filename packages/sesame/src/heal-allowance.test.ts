import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { healsLeft, withoutOne } from './heal-allowance.ts';
import { HEAL_REFILL_MS, HEALS_MAX } from './limits.ts';

describe('new sessions that a device may cause', () => {
  it('are four at first', () => {
    expect(healsLeft(undefined, 0)).toBe(HEALS_MAX);
    expect(HEALS_MAX).toBe(4);
  });

  it('come back one by one', () => {
    const heals = { left: 0, refillAt: 1000 };
    expect(healsLeft(heals, 999)).toBe(0);
    expect(healsLeft(heals, 1000)).toBe(1);
    expect(healsLeft(heals, 1000 + HEAL_REFILL_MS - 1)).toBe(1);
    expect(healsLeft(heals, 1000 + HEAL_REFILL_MS)).toBe(2);
  });

  it('come back an hour after the first was taken, however many are taken meanwhile', () => {
    const first = withoutOne(undefined, { nowMs: 1000, jitterMs: 70 });
    expect(first).toEqual({ left: HEALS_MAX - 1, refillAt: 1000 + HEAL_REFILL_MS + 70 });
    const second = withoutOne(first, { nowMs: 50_000, jitterMs: 90 });
    expect(second).toEqual({ left: HEALS_MAX - 2, refillAt: first.refillAt });
    const third = withoutOne(second, { nowMs: first.refillAt - 1, jitterMs: 5 });
    expect(third).toEqual({ left: HEALS_MAX - 3, refillAt: first.refillAt });
    expect(healsLeft(third, first.refillAt)).toBe(HEALS_MAX - 2);
  });

  it('are never more than four, and never fewer as time passes', () => {
    const heals = fc.record({ left: fc.nat(HEALS_MAX), refillAt: fc.nat(1e9) });
    fc.assert(
      fc.property(heals, fc.nat(1e9), fc.nat(1e9), (allowance, nowMs, passedMs) => {
        const left = healsLeft(allowance, nowMs);
        const later = healsLeft(allowance, nowMs + passedMs);
        expect(left).toBeGreaterThanOrEqual(allowance.left);
        expect(later).toBeGreaterThanOrEqual(left);
        expect(later).toBeLessThanOrEqual(HEALS_MAX);
      }),
    );
  });
});
