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

/** Takes one, if there is any. */
export function spendHeal(work: Workspace, userId: UserId, deviceId: DeviceId): boolean {
  const heals = work.user(userId).devices.get(deviceId)?.heals;
  const nowMs = work.nowMs();
  const left = healsLeft(heals, nowMs);
  if (left === 0 && !work.isSabotaged('heal-without-limit')) return false;
  const isFull = heals === undefined || left === HEALS_MAX;
  const [jitter = 0] = work.env.entropy(1);
  const nextMs = HEAL_REFILL_MS + Math.floor((jitter / 256) * HEAL_JITTER_MS);
  const dueMs = heals === undefined || nowMs < heals.refillAt ? heals?.refillAt : undefined;
  const refillAt = isFull || dueMs === undefined ? nowMs + nextMs : dueMs;
  const allowance = { left: Math.max(0, left - 1), refillAt };
  changeUser(work, userId, [{ type: 'healSpent', deviceId, allowance }]);
  return true;
}
