import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateLimit, takeOne } from './token-bucket.ts';

const rate = { burst: 3, perMinute: 60 };

describe('a bucket', () => {
  test('gives its burst, then one a second', () => {
    const limit = new RateLimit(rate);
    const take = (nowMs: number): number => limit.take('a', nowMs);
    expect([take(0), take(0), take(0)]).toEqual([0, 0, 0]);
    expect(take(0)).toBe(1000);
    expect(take(400)).toBe(600);
    expect(take(1000)).toBe(0);
    expect(take(1000)).toBe(1000);
  });

  test('never holds more than its burst, and a clock that goes back gives nothing', () => {
    const { bucket } = takeOne({ left: 3, atMs: 0 }, rate, 1_000_000);
    expect(bucket).toEqual({ left: 2, atMs: 1_000_000 });
    expect(takeOne({ left: 0, atMs: 1_000_000 }, rate, 0).retryAfterMs).toBe(1000);
  });

  test('gives in any stretch of time at most its burst and what refilled', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3000), { maxLength: 60 }), (waits) => {
        const limit = new RateLimit(rate);
        let nowMs = 0;
        let given = 0;
        for (const wait of waits) {
          nowMs += wait;
          if (limit.take('a', nowMs) === 0) given++;
        }
        expect(given).toBeLessThanOrEqual(rate.burst + nowMs / 1000);
      }),
    );
  });

  test('who waits as told is served', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 600 }),
        (burst, perMinute) => {
          const limit = new RateLimit({ burst, perMinute });
          for (let i = 0; i < burst; i++) expect(limit.take('a', 0)).toBe(0);
          const wait = limit.take('a', 0);
          expect(wait).toBeGreaterThan(0);
          expect(limit.take('a', wait)).toBe(0);
        },
      ),
    );
  });
});

test('names do not share a bucket, and a flood of names forgets the oldest', () => {
  const limit = new RateLimit({ burst: 1, perMinute: 1 }, 2);
  expect([limit.take('a', 0), limit.take('b', 0)]).toEqual([0, 0]);
  expect(limit.take('a', 0)).toBe(60_000);
  expect(limit.take('c', 0)).toBe(0);
  expect(limit.take('b', 0)).toBe(0);
});
