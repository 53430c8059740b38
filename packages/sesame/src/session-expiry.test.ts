import { LATENCY_MAX_MS } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import { DEFAULT_EXPIRY, sessionExpiry } from './session-expiry.ts';

describe('the times of sessions', () => {
  it('leave mail that is on its way a session to open it with (SES-82)', () => {
    const { latencyMs, sendMs, receiveMs } = DEFAULT_EXPIRY;
    expect(latencyMs).toBeGreaterThanOrEqual(LATENCY_MAX_MS);
    expect(receiveMs).toBeGreaterThan(sendMs + 2 * latencyMs);
  });

  it('are refused where they do not, equality included', () => {
    const least = { latencyMs: 10, sendMs: 100 };
    expect(sessionExpiry({ ...least, receiveMs: 120 }).ok).toBe(false);
    expect(sessionExpiry({ ...least, receiveMs: 121 }).ok).toBe(true);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('are refused as %s ms', (ms) => {
    expect(sessionExpiry({ sendMs: ms }).ok).toBe(false);
    expect(sessionExpiry({ latencyMs: ms }).ok).toBe(false);
    expect(sessionExpiry({ receiveMs: ms }).ok).toBe(false);
  });
});
