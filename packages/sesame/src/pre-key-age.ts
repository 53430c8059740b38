/** How signed prekeys and last resorts grow old: they are replaced, kept for late initiations, and destroyed. */

import { PRE_KEY_GRACE_MS, PRE_KEY_LIFE_MS, PRE_KEYS_KEPT_MAX } from './limits.ts';
import { hasEnded } from './own-device.ts';
import { addLastResort, addSignedPreKey } from './pre-key-mint.ts';
import { tellRelay } from './pre-key-supply.ts';
import type { PreKeys } from './pre-keys.ts';
import { DEVICE_STREAM, PRE_KEYS_STREAM, replaysStream } from './streams.ts';
import type { Workspace } from './workspace.ts';

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

/**
 * Replaces the last resort at once, because its record of agreements is nearly full: a full one
 * refuses every stranger (PQ-12). Once: first messages under one that was replaced are on their way
 * still, and if each of them made another one, there would soon be no room for theirs.
 */
export function replaceLastResort(work: Workspace, id: number | undefined): void {
  const before = work.value('prekeys', PRE_KEYS_STREAM);
  if (before === undefined || before.lastResorts[0]?.id !== id) return;
  tellRelay(work, dropped(work, addLastResort(work, before, work.self().identity)));
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
export function dropped(work: Workspace, preKeys: PreKeys): PreKeys {
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
