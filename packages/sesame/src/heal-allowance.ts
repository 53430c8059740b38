/**
 * How often a device may make this one begin a new session by asking for mail again: a request says
 * nothing of who wrote it (SES-79), and each new session may use up a one-time prekey of the device. A
 * token bucket of {@link HEALS_MAX}; one comes back an hour, not at the same moment for all.
 */

import type { DeviceId, UserId } from '@simsim/relay-protocol';
import { HEAL_JITTER_MS, HEAL_REFILL_MS, HEALS_MAX } from './limits.ts';
import { changeUser } from './peer-session.ts';
import type { HealAllowance } from './user-record.ts';
import type { Workspace } from './workspace.ts';

/** What is left at a moment; full where nothing was ever spent. */
export function healsLeft(heals: HealAllowance | undefined, nowMs: number): number {
  if (heals === undefined) return HEALS_MAX;
  const refilled = nowMs < heals.refillAt ? 0 : 1 + refillsSince(heals, nowMs);
  return Math.min(HEALS_MAX, heals.left + refilled);
}

/** Whole refills after the next one. */
function refillsSince({ refillAt }: HealAllowance, nowMs: number): number {
  return Math.floor((nowMs - refillAt) / HEAL_REFILL_MS);
}

/**
 * What is left after one was taken. The next refill stays where it was; only where there was none to come does
 * the time begin, with some of `jitterMs` beyond it.
 */
export function withoutOne(
  heals: HealAllowance | undefined,
  { nowMs, jitterMs }: { readonly nowMs: number; readonly jitterMs: number },
): HealAllowance {
  const left = healsLeft(heals, nowMs);
  const isComing = heals !== undefined && nowMs < heals.refillAt;
  const refillAt = isComing ? heals.refillAt : nowMs + HEAL_REFILL_MS + jitterMs;
  return { left: Math.max(0, left - 1), refillAt };
}

/** Takes one, if there is any. */
export function spendHeal(work: Workspace, userId: UserId, deviceId: DeviceId): boolean {
  const heals = work.user(userId).devices.get(deviceId)?.heals;
  const nowMs = work.nowMs();
  if (healsLeft(heals, nowMs) === 0 && !work.isSabotaged('heal-without-limit')) return false;
  const [drawn = 0] = work.env.entropy(1);
  const jitterMs = Math.floor((drawn / 256) * HEAL_JITTER_MS);
  const allowance = withoutOne(heals, { nowMs, jitterMs });
  changeUser(work, userId, [{ type: 'healSpent', deviceId, allowance }]);
  return true;
}
