/** Own prekeys on their way to the relay: what it has not acknowledged, and what is missing beside that. */

import type { PreKeyUpload } from '@simsim/relay-protocol';
import type { OneTimeKemBatch } from './kem-pre-keys.ts';
import { ONE_TIME_ID_MAX } from './limits.ts';
import { addLastResort, mintKemKeys, mintOneTimeKeys } from './pre-key-mint.ts';
import { pendingBatches, uploadOf } from './pre-keys.ts';
import type { PreKeys, UploadedBatches } from './pre-keys.ts';
import { DEVICE_STREAM, oneTimeKemStream, oneTimeStream, PRE_KEYS_STREAM } from './streams.ts';
import type { StreamId } from './streams.ts';
import type { Workspace } from './workspace.ts';

/** Has keys uploaded: `more` beside what is at the relay, or `all` in the place of one-time ones. */
export function wantUpload(
  work: Workspace,
  keys: PreKeyUpload,
  what: 'more' | 'all' = 'more',
): void {
  const identityKey = work.self().identity.publicKey.bytes;
  const anew = what === 'all' ? ({ replacesOneTime: true } as const) : {};
  work.effect({ type: 'uploadKeys', keys, identityKey, ...anew });
}

/** Tells a registered device's relay of its newest signed prekey and last resort, and of these beside them. */
export function tellRelay(
  work: Workspace,
  preKeys: PreKeys,
  kem: readonly OneTimeKemBatch[] = [],
): void {
  if (work.self().status !== 'registered') return;
  const keys = uploadOf(preKeys, { oneTime: [], kem }, work.env.crypto);
  wantUpload(work, keys);
}

/** The streams of what is still to be acknowledged, and what tells which those are. */
export function pendingStreams(work: Workspace): readonly StreamId[] {
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM]);
  const preKeys = first.length > 0 ? undefined : work.value('prekeys', PRE_KEYS_STREAM);
  if (preKeys === undefined) return first;
  const { oneTime, kem } = pendingBatches(preKeys);
  return work.missing([...oneTime.map(oneTimeStream), ...kem.map(oneTimeKemStream)]);
}

/**
 * Makes what is missing beside what waits to be acknowledged, and answers all of it as one upload.
 * `undefined` where the ids are used up. The pending batches must be loaded.
 */
export function topUp(
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
