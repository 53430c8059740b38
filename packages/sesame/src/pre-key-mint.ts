/** Making own prekeys: the id counter moves in the commit that makes them, and no id is given twice. */

import type { KeyPair } from '@simsim/crypto';
import { PRE_KEY_ID_MAX } from '@simsim/relay-protocol';
import { makeKemKey, makeOneTimeKemBatch } from './kem-pre-keys.ts';
import type { OneTimeKemBatch } from './kem-pre-keys.ts';
import {
  ONE_TIME_BATCH_KEYS,
  ONE_TIME_BATCHES_MAX,
  ONE_TIME_KEM_BATCH_KEYS,
  ONE_TIME_KEM_BATCHES_MAX,
  ONE_TIME_KEM_TARGET_KEYS,
  ONE_TIME_TARGET_KEYS,
} from './limits.ts';
import { makeOneTimeBatch, makeSignedPreKey } from './pre-keys.ts';
import type { OneTimeBatch, PreKeys } from './pre-keys.ts';
import { oneTimeKemStream, oneTimeStream, PRE_KEYS_STREAM } from './streams.ts';
import type { StreamId } from './streams.ts';
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

/** Makes the next signed prekey, the newest one from here on. Nothing where the ids are used up. */
export function addSignedPreKey(work: Workspace, preKeys: PreKeys, identity: KeyPair): PreKeys {
  const { nextId: id } = preKeys;
  if (id > PRE_KEY_ID_MAX) return preKeys;
  const key = makeSignedPreKey({ id, identity, madeAt: work.nowMs() }, work.env);
  const next = { ...preKeys, nextId: id + 1, signed: [key, ...preKeys.signed] };
  work.write(PRE_KEYS_STREAM, { name: 'SignedPreKeyMade', fields: { id } }, next);
  return next;
}

/** The same of the last-resort KEM prekey. */
export function addLastResort(work: Workspace, preKeys: PreKeys, identity: KeyPair): PreKeys {
  const { nextId: id } = preKeys;
  if (id > PRE_KEY_ID_MAX) return preKeys;
  const key = { id, madeAt: work.nowMs(), ...makeKemKey(identity, work.env) };
  const next = { ...preKeys, nextId: id + 1, lastResorts: [key, ...preKeys.lastResorts] };
  work.write(PRE_KEYS_STREAM, { name: 'LastResortMade', fields: { id } }, next);
  return next;
}

/** Makes one-time prekeys in batches; the id counter moves in the same commit. */
export function mintOneTimeKeys(
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
export function mintKemKeys(
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
