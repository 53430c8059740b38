import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceTime, dueAnchor } from './device-time.ts';
import type { Clock, TimeAnchor } from './device-time.ts';

const DAY_MS = 24 * 3600 * 1000;
const YEAR_MS = 365 * DAY_MS;
const start: Clock = { wallMs: 1_700_000_000_000, elapsedMs: 500.7, bootId: 'one' };
const anchored = (clock: Clock): TimeAnchor => {
  const anchor = dueAnchor(undefined, clock);
  if (anchor === undefined) throw new Error('the first anchor is always due');
  return anchor;
};
const at = anchored(start);
const later = (change: Partial<Clock>): number => deviceTime(at, { ...start, ...change });

describe('device time', () => {
  it('begins at the wall clock', () => {
    expect(deviceTime(undefined, start)).toBe(start.wallMs);
    expect(at.atMs).toBe(start.wallMs);
  });

  it('moves with what passed since the boot, whatever the wall clock says (SES-97)', () => {
    for (const wallMs of [0, start.wallMs - 10 * YEAR_MS, start.wallMs + 10 * YEAR_MS]) {
      expect(later({ wallMs, elapsedMs: 500 + DAY_MS })).toBe(at.atMs + DAY_MS);
    }
  });

  it('moves with the wall clock over a boot, never back and at most a week', () => {
    const boot = (wallMs: number): number => later({ wallMs, elapsedMs: 3, bootId: 'two' });
    expect(boot(start.wallMs + DAY_MS)).toBe(at.atMs + DAY_MS);
    expect(boot(start.wallMs - YEAR_MS)).toBe(at.atMs);
    expect(boot(start.wallMs + 10 * YEAR_MS)).toBe(at.atMs + 7 * DAY_MS);
    expect(boot(start.wallMs + 60 * DAY_MS)).toBe(at.atMs + 7 * DAY_MS);
  });

  it('is written down at each boot, and once a day while one runs', () => {
    expect(dueAnchor(at, start)).toBeUndefined();
    expect(dueAnchor(at, { ...start, elapsedMs: 400 + DAY_MS })).toBeUndefined();
    expect(dueAnchor(at, { ...start, elapsedMs: 500 + DAY_MS })).toMatchObject({
      atMs: at.atMs + DAY_MS,
    });
    expect(dueAnchor(at, { ...start, bootId: 'two' })).toMatchObject({ bootId: 'two' });
  });

  it('is whole and never goes back, over any boots and clocks', () => {
    const clock = fc.record({
      wallMs: fc.double({ min: -1e15, max: 1e15, noNaN: true }),
      elapsedMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
      bootId: fc.constantFrom('one', 'two', 'three'),
    });
    fc.assert(
      fc.property(fc.array(clock, { minLength: 1, maxLength: 20 }), (clocks) => {
        let anchor: TimeAnchor | undefined;
        let before = 0;
        for (const each of clocks) {
          const now = deviceTime(anchor, each);
          expect(Number.isSafeInteger(now)).toBe(true);
          // Within one boot the elapsed clock does not go back; here it may, and stays at its anchor.
          expect(now).toBeGreaterThanOrEqual(anchor?.atMs ?? 0);
          anchor = dueAnchor(anchor, each) ?? anchor;
          expect(anchor?.atMs ?? 0).toBeGreaterThanOrEqual(before);
          before = anchor?.atMs ?? 0;
        }
      }),
    );
  });
});
