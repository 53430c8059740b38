/** How long sessions live (Sesame §4.2), and how long mail may be on its way. */

import { err, invariant, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { LATENCY_MAX_MS } from '@simsim/relay-protocol';

/** Sesame's three times, ms. Made by {@link sessionExpiry} only, which checks how they relate. */
export interface SessionExpiry {
  /** MAXLATENCY: mail older than this counts as lost (SES-11). No less than what the relay keeps. */
  readonly latencyMs: number;
  /** MAXSEND: a session this old sends nothing any more (SES-83). */
  readonly sendMs: number;
  /** MAXRECV: a session this old is deleted after one full fetch (SES-84). */
  readonly receiveMs: number;
}

/** Why times do not do. */
export interface ExpiryRejection {
  readonly code: 'BAD_EXPIRY';
}

const DAY_MS = 24 * 3600 * 1000;

/**
 * Checks times. What is left out is 30 days for MAXLATENCY and MAXSEND, and a day more than the least for
 * MAXRECV.
 *
 * Rejects: `BAD_EXPIRY` unless MAXRECV > MAXSEND + 2 MAXLATENCY, equality included (SES-82), and each
 * is a positive whole number.
 */
export function sessionExpiry(
  times: Partial<SessionExpiry> = {},
): Result<SessionExpiry, ExpiryRejection> {
  const { latencyMs = LATENCY_MAX_MS, sendMs = 30 * DAY_MS } = times;
  const { receiveMs = sendMs + 2 * latencyMs + DAY_MS } = times;
  const expiry = { latencyMs, sendMs, receiveMs };
  const isWhole = Object.values(expiry).every((ms) => Number.isSafeInteger(ms) && ms > 0);
  return isWhole && receiveMs > sendMs + 2 * latencyMs ? ok(expiry) : err({ code: 'BAD_EXPIRY' });
}

function defaultsOf(): SessionExpiry {
  const expiry = sessionExpiry();
  invariant(expiry.ok, 'the defaults are sound');
  return expiry.value;
}

/** Times that nobody chose. */
export const DEFAULT_EXPIRY: SessionExpiry = defaultsOf();
