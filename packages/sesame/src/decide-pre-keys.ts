/** Deciding about own prekeys at the relay: what it has, what it lacks, what it says that it has seen. */

import { invariant } from '@simsim/bytes';
import { KEM_PRE_KEYS_LOW, PRE_KEYS_LOW } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import type { Input } from './input.ts';
import {
  ONE_TIME_ID_MAX,
  ONE_TIME_KEM_TARGET_KEYS,
  ONE_TIME_TARGET_KEYS,
  PRE_KEY_ID_GAP_MAX,
  PRE_KEY_RENEWAL_MS,
} from './limits.ts';
import { dropped } from './pre-key-age.ts';
import { addLastResort, addSignedPreKey, mintKemKeys } from './pre-key-mint.ts';
import { pendingStreams, tellRelay, topUp, wantUpload } from './pre-key-supply.ts';
import { pendingBatches } from './pre-keys.ts';
import type { PreKeys } from './pre-keys.ts';
import { DEVICE_STREAM, PRE_KEYS_STREAM } from './streams.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

/**
 * The relay has few of our one-time prekeys left: uploads what it has not acknowledged, and as many new
 * ones as are still missing then.
 */
export function decideReplenish(
  input: Extract<Input, { type: 'replenish' }>,
  work: Workspace,
): DecideResult {
  const missing = pendingStreams(work);
  if (missing.length > 0) return needMore(missing);
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  invariant(before !== undefined, 'a device has prekeys');
  const { target = ONE_TIME_TARGET_KEYS } = input;
  const kemTarget = Math.min(target, ONE_TIME_KEM_TARGET_KEYS);
  const { count, kemCount = kemTarget } = input;
  const upload = topUp(work, before, { wanted: target - count, kemWanted: kemTarget - kemCount });
  if (upload === undefined) return refused('PRE_KEYS_EXHAUSTED');
  wantUpload(work, upload);
  return work.decided();
}

/**
 * Compares what the relay has with what it should have, at a start: keys that did not arrive go up again,
 * byte for byte; ids go on above all that either side knows; a relay that was put back is told of.
 */
export function decideKeysChecked(
  input: Extract<Input, { type: 'keysChecked' }>,
  work: Workspace,
): DecideResult {
  const missing = pendingStreams(work);
  if (missing.length > 0) return needMore(missing);
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  if (before === undefined || work.self().status !== 'registered') return work.decided();
  const { isSame, oneTime, kem } = input;
  const { signedPreKeyId, lastResortId } = input;
  const told = [oneTime.highestSeenId, kem.highestSeenId, signedPreKeyId, lastResortId];
  // An answer that cannot be is none.
  const isCertain = work.isSabotaged('believe-any-pre-key-id');
  if (!isCertain && !told.every((id) => isCredible(before, id))) return work.decided();
  const isPutBack =
    oneTime.highestSeenId < before.told.oneTime || kem.highestSeenId < before.told.kem;
  if (isPutBack) work.effect({ type: 'relayPutBack' });
  const known = withIdsAbove(work, before, Math.max(...told));
  const raised = isSame ? known : renewedKeys(work, known, input);
  const pending = pendingBatches(raised);
  // Ids beyond our counter are of keys that this log has forgotten: whoever gets one writes in vain.
  const hasForgotten = Math.max(oneTime.highestSeenId, kem.highestSeenId) >= before.nextId;
  const left = hasForgotten ? { oneTime: 0, kem: 0 } : { oneTime: oneTime.count, kem: kem.count };
  const isLow = left.oneTime < PRE_KEYS_LOW || left.kem < KEM_PRE_KEYS_LOW;
  if (isSame && !isLow && pending.oneTime.length + pending.kem.length === 0) return work.decided();
  const wanted = isLow ? ONE_TIME_TARGET_KEYS - left.oneTime : 0;
  const kemWanted = isLow ? ONE_TIME_KEM_TARGET_KEYS - left.kem : 0;
  const keys = topUp(work, raised, { wanted, kemWanted });
  // Where ids are used up the relay hands out what it has; nobody asked, so nobody is told.
  if (keys !== undefined) wantUpload(work, keys, hasForgotten ? 'all' : 'more');
  return work.decided();
}

/**
 * A relay that has newer keys than this log, or others under their ids, hands out what nobody can answer:
 * the log was put back. Only newer ones take their place, now and then: the relay may say it for ever.
 */
function renewedKeys(
  work: Workspace,
  preKeys: PreKeys,
  { signedPreKeyId, lastResortId }: { signedPreKeyId: number; lastResortId: number },
): PreKeys {
  const { identity } = work.self();
  const isSignedOld = signedPreKeyId >= (preKeys.signed[0]?.id ?? 0);
  const isLastOld = lastResortId >= (preKeys.lastResorts[0]?.id ?? 0);
  const isNew = work.nowMs() - (preKeys.signed[0]?.madeAt ?? 0) < PRE_KEY_RENEWAL_MS;
  if (isNew || (!isSignedOld && !isLastOld)) return preKeys;
  return addLastResort(work, addSignedPreKey(work, preKeys, identity), identity);
}

/** Ids that the relay has seen are never given out again, also where this log has forgotten them. */
function withIdsAbove(work: Workspace, preKeys: PreKeys, highestSeenId: number): PreKeys {
  if (highestSeenId < preKeys.nextId) return preKeys;
  const next = { ...preKeys, nextId: highestSeenId + 1 };
  work.write(PRE_KEYS_STREAM, { name: 'PreKeyIdsRaised', fields: { nextId: next.nextId } }, next);
  return next;
}

/** Whether there can be a prekey of this id: ours, or one that this log has forgotten. */
function isCredible({ nextId }: PreKeys, id: number): boolean {
  return id < nextId || (id - nextId <= PRE_KEY_ID_GAP_MAX && id <= ONE_TIME_ID_MAX);
}

/** The relay took an upload: those one-time keys need not go up again. */
export function decideKeysUploaded(
  input: Extract<Input, { type: 'keysUploaded' }>,
  work: Workspace,
): DecideResult {
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM]);
  if (first.length > 0) return needMore(first);
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  const { oneTime, kem } = input;
  if (before !== undefined) noteTold(work, before, { oneTime, kem });
  return work.decided();
}

/** Notes the highest ids that the relay has taken. */
export function noteTold(
  work: Workspace,
  before: PreKeys,
  { oneTime, kem }: { oneTime: number; kem: number },
): void {
  const told = {
    oneTime: Math.max(before.told.oneTime, Math.min(oneTime, before.nextId - 1)),
    kem: Math.max(before.told.kem, Math.min(kem, before.nextId - 1)),
  };
  if (told.oneTime === before.told.oneTime && told.kem === before.told.kem) return;
  work.write(PRE_KEYS_STREAM, { name: 'PreKeysTold', fields: told }, { ...before, told });
}

/** A state of before PQXDH gets KEM prekeys, and the relay is told. */
export function owedPreKeys(work: Workspace): void {
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  if (before === undefined || before.lastResorts.length > 0) return;
  const { identity } = work.self();
  const added = addLastResort(work, before, identity);
  const count = ONE_TIME_KEM_TARGET_KEYS;
  const { preKeys, made } = mintKemKeys(work, added, { count, identity });
  tellRelay(work, preKeys, made);
}

/**
 * Makes anew what another identity key has to sign. Signed prekeys and last resorts of before stay for
 * late initiations, for the relay has had them under the new key too; one-time prekeys of before were
 * given under the former key, whose initiations nobody can take any more.
 */
export function succeedPreKeys(work: Workspace): void {
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  if (before === undefined) return;
  for (const prefix of ['opk/', 'kpk/']) {
    for (const stream of work.live(prefix)) work.close(stream, { name: 'PreKeysReplaced' });
  }
  const told = { oneTime: before.nextId - 1, kem: before.nextId - 1 };
  const { identity } = work.self();
  const signed = addSignedPreKey(work, { ...before, batches: [], kemBatches: [], told }, identity);
  const current = dropped(work, addLastResort(work, signed, identity));
  const wanted = { wanted: ONE_TIME_TARGET_KEYS, kemWanted: ONE_TIME_KEM_TARGET_KEYS };
  const keys = topUp(work, current, wanted);
  // Where ids are used up, the relay goes on with the signatures that it got with the list.
  if (keys === undefined || work.self().status !== 'registered') return;
  wantUpload(work, keys, 'all');
}
