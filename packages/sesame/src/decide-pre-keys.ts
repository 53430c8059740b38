/** Making own prekeys, replenishing them at the relay, and replacing those that are not one-time. */

import { invariant } from '@simsim/bytes';
import type { KeyPair } from '@simsim/crypto';
import { KEM_PRE_KEYS_LOW, PRE_KEY_ID_MAX, PRE_KEYS_LOW } from '@simsim/relay-protocol';
import type { PreKeyUpload } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import type { Input } from './input.ts';
import { makeKemKey, makeOneTimeKemBatch } from './kem-pre-keys.ts';
import type { OneTimeKemBatch } from './kem-pre-keys.ts';
import {
  ONE_TIME_BATCH_KEYS,
  ONE_TIME_BATCHES_MAX,
  ONE_TIME_ID_MAX,
  ONE_TIME_KEM_BATCH_KEYS,
  ONE_TIME_KEM_BATCHES_MAX,
  ONE_TIME_KEM_TARGET_KEYS,
  ONE_TIME_TARGET_KEYS,
  PRE_KEY_GRACE_MS,
  PRE_KEY_ID_GAP_MAX,
  PRE_KEY_LIFE_MS,
  PRE_KEY_RENEWAL_MS,
  PRE_KEYS_KEPT_MAX,
} from './limits.ts';
import { hasEnded } from './own-device.ts';
import { makeOneTimeBatch, makeSignedPreKey, pendingBatches, uploadOf } from './pre-keys.ts';
import type { OneTimeBatch, PreKeys, UploadedBatches } from './pre-keys.ts';
import {
  DEVICE_STREAM,
  oneTimeKemStream,
  oneTimeStream,
  PRE_KEYS_STREAM,
  replaysStream,
} from './streams.ts';
import type { StreamId } from './streams.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

/** How many one-time prekeys of each kind a new device makes. */
export interface FirstKeys {
  readonly oneTimeKeys?: number;
  readonly oneTimeKemKeys?: number;
}

const NO_KEYS: PreKeys = {
  nextId: 1,
  signed: [],
  batches: [],
  lastResorts: [],
  kemBatches: [],
  told: { oneTime: 0, kem: 0 },
};

/** Makes all prekeys of a new device, or of a new incarnation, whose ids begin higher. */
export function makePreKeys(
  work: Workspace,
  identity: KeyPair,
  wanted: FirstKeys & { readonly nextId?: number },
): void {
  const { nextId = NO_KEYS.nextId } = wanted;
  const { oneTimeKeys = ONE_TIME_TARGET_KEYS } = wanted;
  const { oneTimeKemKeys = Math.min(oneTimeKeys, ONE_TIME_KEM_TARGET_KEYS) } = wanted;
  const signed = addLastResort(
    work,
    addSignedPreKey(work, { ...NO_KEYS, nextId }, identity),
    identity,
  );
  const { preKeys } = mintOneTimeKeys(work, signed, oneTimeKeys);
  mintKemKeys(work, preKeys, { count: oneTimeKemKeys, identity });
}

function addSignedPreKey(work: Workspace, preKeys: PreKeys, identity: KeyPair): PreKeys {
  const { nextId: id } = preKeys;
  if (id > PRE_KEY_ID_MAX) return preKeys;
  const key = makeSignedPreKey({ id, identity, madeAt: work.nowMs() }, work.env);
  const next = { ...preKeys, nextId: id + 1, signed: [key, ...preKeys.signed] };
  work.write(PRE_KEYS_STREAM, { name: 'SignedPreKeyMade', fields: { id } }, next);
  return next;
}

function addLastResort(work: Workspace, preKeys: PreKeys, identity: KeyPair): PreKeys {
  const { nextId: id } = preKeys;
  if (id > PRE_KEY_ID_MAX) return preKeys;
  const key = { id, madeAt: work.nowMs(), ...makeKemKey(identity, work.env) };
  const next = { ...preKeys, nextId: id + 1, lastResorts: [key, ...preKeys.lastResorts] };
  work.write(PRE_KEYS_STREAM, { name: 'LastResortMade', fields: { id } }, next);
  return next;
}

/** Makes one-time prekeys in batches; the id counter moves in the same commit. */
function mintOneTimeKeys(
  work: Workspace,
  preKeys: PreKeys,
  count: number,
): { readonly preKeys: PreKeys; readonly made: readonly OneTimeBatch[] } {
  const made: OneTimeBatch[] = [];
  let { nextId } = preKeys;
  for (let left = count; left > 0; left -= ONE_TIME_BATCH_KEYS) {
    const batch = makeOneTimeBatch(nextId, left, work.env);
    nextId += batch.pairs.size;
    made.push(batch);
    const fields = { firstId: batch.firstId, count: batch.pairs.size };
    work.write(oneTimeStream(batch.firstId), { name: 'OneTimePreKeysMade', fields }, batch);
  }
  if (made.length === 0) return { preKeys, made };
  const all = [...preKeys.batches, ...made.map((batch) => batch.firstId)];
  const batches = withoutOldest(work, all, {
    most: ONE_TIME_BATCHES_MAX,
    streamOf: oneTimeStream,
  });
  const next = { ...preKeys, nextId, batches };
  const event = { name: 'OneTimePreKeysMade', fields: { firstId: preKeys.nextId, count } } as const;
  work.write(PRE_KEYS_STREAM, event, next);
  return { preKeys: next, made };
}

/** The same of KEM prekeys, each of which is signed. */
function mintKemKeys(
  work: Workspace,
  preKeys: PreKeys,
  { count, identity }: { count: number; identity: KeyPair },
): { readonly preKeys: PreKeys; readonly made: readonly OneTimeKemBatch[] } {
  const made: OneTimeKemBatch[] = [];
  let { nextId } = preKeys;
  for (let left = count; left > 0; left -= ONE_TIME_KEM_BATCH_KEYS) {
    const batch = makeOneTimeKemBatch({ firstId: nextId, count: left, identity }, work.env);
    nextId += batch.keys.size;
    made.push(batch);
    const fields = { firstId: batch.firstId, count: batch.keys.size };
    work.write(oneTimeKemStream(batch.firstId), { name: 'OneTimeKemPreKeysMade', fields }, batch);
  }
  if (made.length === 0) return { preKeys, made };
  const all = [...preKeys.kemBatches, ...made.map((batch) => batch.firstId)];
  const kemBatches = withoutOldest(work, all, {
    most: ONE_TIME_KEM_BATCHES_MAX,
    streamOf: oneTimeKemStream,
  });
  const next = { ...preKeys, nextId, kemBatches };
  const fields = { firstId: preKeys.nextId, count };
  work.write(PRE_KEYS_STREAM, { name: 'OneTimeKemPreKeysMade', fields }, next);
  return { preKeys: next, made };
}

/**
 * Batches that were handed out longest ago go where there are too many: whoever claims keys and never
 * writes would have a device keep them for ever. Nothing that is still at the relay is among them.
 */
function withoutOldest(
  work: Workspace,
  firstIds: readonly number[],
  { most, streamOf }: { most: number; streamOf: (firstId: number) => StreamId },
): readonly number[] {
  for (const id of firstIds.slice(0, -most)) {
    work.close(streamOf(id), { name: 'PreKeyDropped', fields: { id } });
  }
  return firstIds.slice(-most);
}

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

/** Has keys uploaded: `more` beside what is at the relay, or `all` in the place of one-time ones. */
function wantUpload(work: Workspace, keys: PreKeyUpload, what: 'more' | 'all' = 'more'): void {
  const identityKey = work.self().identity.publicKey.bytes;
  const anew = what === 'all' ? ({ replacesOneTime: true } as const) : {};
  work.effect({ type: 'uploadKeys', keys, identityKey, ...anew });
}

/** The streams of what is still to be acknowledged, and what tells which those are. */
function pendingStreams(work: Workspace): readonly StreamId[] {
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM]);
  const preKeys = first.length > 0 ? undefined : work.value('prekeys', PRE_KEYS_STREAM);
  if (preKeys === undefined) return first;
  const { oneTime, kem } = pendingBatches(preKeys);
  return work.missing([...oneTime.map(oneTimeStream), ...kem.map(oneTimeKemStream)]);
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

/**
 * Makes what is missing beside what waits to be acknowledged, and answers all of it as one upload.
 * `undefined` where the ids are used up. The pending batches must be loaded.
 */
function topUp(
  work: Workspace,
  before: PreKeys,
  { wanted, kemWanted }: { wanted: number; kemWanted: number },
): PreKeyUpload | undefined {
  const { identity } = work.self();
  const pending = loadedPending(work, before);
  const count = Math.max(0, wanted - sizeOf(pending.oneTime.map(({ pairs }) => pairs)));
  const kemCount = Math.max(0, kemWanted - sizeOf(pending.kem.map(({ keys }) => keys)));
  if (count + kemCount > 0 && before.nextId + count + kemCount > ONE_TIME_ID_MAX) return undefined;
  const current = before.lastResorts.length > 0 ? before : addLastResort(work, before, identity);
  const classical = mintOneTimeKeys(work, current, count);
  const kem = mintKemKeys(work, classical.preKeys, { count: kemCount, identity });
  return uploadOf(kem.preKeys, loadedPending(work, kem.preKeys), work.env.crypto);
}

function loadedPending(work: Workspace, preKeys: PreKeys): UploadedBatches {
  const { oneTime, kem } = pendingBatches(preKeys);
  return {
    oneTime: oneTime.flatMap((id) => work.value('opk', oneTimeStream(id)) ?? []),
    kem: kem.flatMap((id) => work.value('kpk', oneTimeKemStream(id)) ?? []),
  };
}

function sizeOf(maps: readonly { readonly size: number }[]): number {
  return maps.reduce((sum, { size }) => sum + size, 0);
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

function tellRelay(work: Workspace, preKeys: PreKeys, kem: readonly OneTimeKemBatch[] = []): void {
  if (work.self().status !== 'registered') return;
  const keys = uploadOf(preKeys, { oneTime: [], kem }, work.env.crypto);
  wantUpload(work, keys);
}

/**
 * Replaces the last resort at once, because its record of agreements is nearly full: a full one
 * refuses every stranger (PQ-12).
 */
export function replaceLastResort(work: Workspace): void {
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  if (before === undefined) return;
  tellRelay(work, dropped(work, addLastResort(work, before, work.self().identity)));
}

/**
 * Replaces prekeys that were handed out long enough and forgets those whose grace is over (X3-9), whatever
 * the relay says to it (SES-94).
 */
export function tendPreKeys(work: Workspace): void {
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  const own = work.value('device', DEVICE_STREAM);
  if (before === undefined || own === undefined) return;
  if (hasEnded(own.status)) {
    destroyPreKeys(work);
    return;
  }
  const isDue = work.nowMs() - (before.signed[0]?.madeAt ?? 0) >= PRE_KEY_LIFE_MS;
  if (!isDue) {
    dropped(work, before);
    return;
  }
  const { identity } = own;
  const added = addLastResort(work, addSignedPreKey(work, before, identity), identity);
  tellRelay(work, dropped(work, added));
}

/** Destroys every prekey: this device takes no first message any more. Nothing where there is none left. */
export function destroyPreKeys(work: Workspace): void {
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  if (before === undefined || before.signed.length + before.lastResorts.length === 0) return;
  for (const prefix of ['opk/', 'kpk/', 'replays/']) {
    for (const stream of work.live(prefix)) work.close(stream, { name: 'PreKeysReplaced' });
  }
  const { signed, lastResorts } = before;
  const none = { ...before, signed: [], batches: [], lastResorts: [], kemBatches: [] };
  for (const { id } of [...signed, ...lastResorts]) {
    work.write(PRE_KEYS_STREAM, { name: 'PreKeyDropped', fields: { id } }, none);
  }
  work.consume(signed.map(({ pair }) => pair.privateKey));
  work.consume(lastResorts.map(({ privateKey }) => privateKey));
}

/** Without the prekeys that no initiation on its way can name any more; their secrets are consumed. */
function dropped(work: Workspace, preKeys: PreKeys): PreKeys {
  if (work.isSabotaged('keep-old-pre-keys')) return preKeys;
  const nowMs = work.nowMs();
  const signed = stillKept(preKeys.signed, nowMs);
  const lastResorts = stillKept(preKeys.lastResorts, nowMs);
  const oldSigned = preKeys.signed.slice(signed.length);
  const oldLast = preKeys.lastResorts.slice(lastResorts.length);
  if (oldSigned.length + oldLast.length === 0) return preKeys;
  const next = { ...preKeys, signed, lastResorts };
  for (const { id } of [...oldSigned, ...oldLast]) {
    work.write(PRE_KEYS_STREAM, { name: 'PreKeyDropped', fields: { id } }, next);
  }
  for (const { id } of oldLast) {
    const stream = replaysStream(id);
    const isLive = work.live(stream).includes(stream);
    if (isLive) work.close(stream, { name: 'PreKeyDropped', fields: { id } });
  }
  work.consume(oldSigned.map((key) => key.pair.privateKey));
  work.consume(oldLast.map((key) => key.privateKey));
  return next;
}

/** Newest first: each one's grace begins when the one before it in the list was made. */
function stillKept<T extends { readonly madeAt: number }>(
  keys: readonly T[],
  nowMs: number,
): readonly T[] {
  const isOver = (_: T, i: number): boolean =>
    i > 0 && nowMs - (keys[i - 1]?.madeAt ?? nowMs) > PRE_KEY_GRACE_MS;
  const end = keys.findIndex(isOver);
  return keys.slice(0, Math.min(end < 0 ? keys.length : end, PRE_KEYS_KEPT_MAX));
}
