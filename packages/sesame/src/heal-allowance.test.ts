import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceNumbered, userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import { healsLeft, spendHeal, withoutOne } from './heal-allowance.ts';
import { HEAL_JITTER_MS, HEAL_REFILL_MS, HEALS_MAX } from './limits.ts';
import { userStream } from './streams.ts';
import { emptyUserRecord } from './user-record.ts';
import { Workspace } from './workspace.ts';

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

  it('come back once: what is taken after an hour is an hour from the next', () => {
    const spent = withoutOne({ left: 0, refillAt: 1000 }, { nowMs: 1500, jitterMs: 70 });
    expect(spent).toEqual({ left: 0, refillAt: 1500 + HEAL_REFILL_MS + 70 });
    const atOnce = withoutOne({ left: 0, refillAt: 1000 }, { nowMs: 1000, jitterMs: 0 });
    expect(healsLeft(atOnce, 1000)).toBe(0);
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

  it('come back by up to a quarter of an hour later, as chance has it', () => {
    const [bo, deviceId] = [userNamed('bo'), deviceNumbered(7)];
    const entry = { deviceId, registrationId: 1, deviceKey: new Uint8Array(32), inactive: [] };
    const record = { ...emptyUserRecord(bo), devices: new Map([[deviceId, entry]]) };
    const delayOf = (drawn: number): number => {
      const slice = new MemorySlice();
      slice.take({ type: 'create', userId: userNamed('ada'), oneTimeKeys: 1 });
      const entropy = (length: number): Uint8Array => new Uint8Array(length).fill(drawn);
      const work = new Workspace(slice, { ...slice.env, entropy });
      work.write(userStream(bo), { name: 'UserChanged', fields: { changes: [] } }, record);
      expect(spendHeal(work, bo, deviceId)).toBe(true);
      const heals = work.user(bo).devices.get(deviceId)?.heals;
      expect(heals?.left).toBe(HEALS_MAX - 1);
      return (heals?.refillAt ?? 0) - work.nowMs() - HEAL_REFILL_MS;
    };
    expect([0, 128].map(delayOf)).toEqual([0, HEAL_JITTER_MS / 2]);
    expect(delayOf(255)).toBeGreaterThan(0.99 * HEAL_JITTER_MS);
    expect(delayOf(255)).toBeLessThan(HEAL_JITTER_MS);
  });
});
