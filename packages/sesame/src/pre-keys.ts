/**
 * Own prekeys: the `prekeys` stream holds signed ones, last-resort KEM ones and the id counter,
 * `opk/<n>` a batch of one-time keys each, so that using one rewrites a few hundred bytes. Ids only go
 * up and are never minted twice, whatever their kind: the counter moves in the commit that makes the
 * keys, before any upload (X3-11, PQ-4).
 */

import { invariant } from '@simsim/bytes';
import { drawKeyPair } from '@simsim/crypto';
import type { Crypto, Entropy, KeyPair, Part } from '@simsim/crypto';
import { ONE_TIME_KEM_PRE_KEYS_MAX, ONE_TIME_PRE_KEYS_MAX } from '@simsim/relay-protocol';
import type { PreKeyUpload } from '@simsim/relay-protocol';
import { encodeWireKey } from '@simsim/session';
import { publicKemKey, readKemKey, writeKemKey } from './kem-pre-keys.ts';
import type { LastResort, OneTimeKemBatch } from './kem-pre-keys.ts';
import { ONE_TIME_BATCH_KEYS, ONE_TIME_KEM_BATCH_KEYS } from './limits.ts';
import { createStateReader, createStateWriter } from './sealed-state.ts';

/** A signed prekey with its private half. */
export interface SignedPreKey {
  readonly id: number;
  readonly pair: KeyPair;
  readonly signature: Uint8Array;
  /** Wall ms of this device. */
  readonly madeAt: number;
}

/** The `prekeys` stream. */
export interface PreKeys {
  /** The next id of any kind. */
  readonly nextId: number;
  /** Newest first; previous keys are kept for late initiations (X3-10). */
  readonly signed: readonly SignedPreKey[];
  /** First ids of the batches that still hold keys, ascending. */
  readonly batches: readonly number[];
  /** Newest first, kept like the signed ones; none in a state of before PQXDH. */
  readonly lastResorts: readonly LastResort[];
  /** First ids of the batches of one-time KEM keys, ascending. */
  readonly kemBatches: readonly number[];
  /** The highest one-time ids that the relay has acknowledged; what is above goes up again. */
  readonly told: { readonly oneTime: number; readonly kem: number };
}

/** An `opk/<firstId>` stream: the one-time keys of one batch that nobody has used. */
export interface OneTimeBatch {
  readonly firstId: number;
  readonly pairs: ReadonlyMap<number, KeyPair>;
}

/** The newest form of own prekeys; 1 knew no KEM prekeys, 2 not what the relay was told. */
export const PRE_KEYS_VERSION = 3;
/** The newest form of a batch of one-time prekeys. */
export const ONE_TIME_BATCH_VERSION = 1;

/** Makes and signs a prekey; the signature covers Signal's encoding, 05 ‖ key (X3-8). */
export function makeSignedPreKey(
  { id, identity, madeAt }: { id: number; identity: KeyPair; madeAt: number },
  env: { crypto: Crypto; entropy: Entropy },
): SignedPreKey {
  const pair = drawKeyPair(env);
  const signature = env.crypto.sign(
    identity,
    [encodeWireKey(pair.publicKey.bytes)],
    env.entropy(64),
  );
  return { id, pair, signature, madeAt };
}

/** Makes one batch of at most {@link ONE_TIME_BATCH_KEYS} keys, its ids counting up from `firstId`. */
export function makeOneTimeBatch(
  firstId: number,
  count: number,
  env: { crypto: Crypto; entropy: Entropy },
): OneTimeBatch {
  const pairs = new Map<number, KeyPair>();
  for (let i = 0; i < Math.min(count, ONE_TIME_BATCH_KEYS); i++) {
    pairs.set(firstId + i, drawKeyPair(env));
  }
  return { firstId, pairs };
}

/**
 * Of the batches that begin at these ids, the one that would hold a key of this id, if any does.
 * Batches may be short, so the one that begins last before the id is it.
 */
export function batchOf(
  firstIds: readonly number[],
  { id, size }: { id: number; size: number },
): number | undefined {
  const firstId = firstIds.findLast((each) => each <= id);
  return firstId !== undefined && id < firstId + size ? firstId : undefined;
}

/** Batches whose keys the relay is told. */
export interface UploadedBatches {
  readonly oneTime: readonly OneTimeBatch[];
  readonly kem: readonly OneTimeKemBatch[];
}

/** First ids of the batches that the relay has not acknowledged, as many as one upload holds. */
export function pendingBatches({ batches, kemBatches, told }: PreKeys): {
  readonly oneTime: readonly number[];
  readonly kem: readonly number[];
} {
  const oneTime = batches.filter((firstId) => firstId > told.oneTime);
  const kem = kemBatches.filter((firstId) => firstId > told.kem);
  return {
    oneTime: oneTime.slice(0, Math.floor(ONE_TIME_PRE_KEYS_MAX / ONE_TIME_BATCH_KEYS)),
    kem: kem.slice(0, Math.floor(ONE_TIME_KEM_PRE_KEYS_MAX / ONE_TIME_KEM_BATCH_KEYS)),
  };
}

/** What the relay is told: public halves only. Bug for a device without a last resort. */
export function uploadOf(preKeys: PreKeys, batches: UploadedBatches, crypto: Crypto): PreKeyUpload {
  const [current] = preKeys.signed;
  const [lastResort] = preKeys.lastResorts;
  invariant(lastResort !== undefined, 'a device has a last resort');
  const oneTimeKemPreKeys = batches.kem
    .flatMap((batch) => [...batch.keys].map(([id, key]) => publicKemKey(id, key, crypto)))
    .sort((a, b) => a.id - b.id);
  const oneTimePreKeys = batches.oneTime
    .flatMap((batch) =>
      [...batch.pairs].map(([id, pair]) => ({ id, publicKey: pair.publicKey.bytes })),
    )
    .sort((a, b) => a.id - b.id);
  return {
    signedPreKey: {
      id: current?.id ?? 0,
      publicKey: current?.pair.publicKey.bytes ?? new Uint8Array(32),
      signature: current?.signature ?? new Uint8Array(64),
    },
    oneTimePreKeys,
    lastResortKemPreKey: publicKemKey(lastResort.id, lastResort, crypto),
    oneTimeKemPreKeys,
  };
}

/** The state as parts to be sealed. */
export function encodePreKeys(state: PreKeys): readonly Part[] {
  const writer = createStateWriter(PRE_KEYS_VERSION).fields((fields) => {
    fields.varint(state.nextId).varint(state.batches.length);
    for (const batch of state.batches) fields.varint(batch);
    fields.varint(state.signed.length);
  });
  for (const key of state.signed) {
    writer
      .fields((fields) => fields.varint(key.id).varint(key.madeAt).raw(key.signature))
      .pair(key.pair);
  }
  writer.fields((fields) => {
    fields.varint(state.kemBatches.length);
    for (const batch of state.kemBatches) fields.varint(batch);
    fields.varint(state.lastResorts.length);
  });
  for (const key of state.lastResorts) {
    writer.fields((fields) => fields.varint(key.id).varint(key.madeAt));
    writeKemKey(writer, key);
  }
  writer.fields((fields) => fields.varint(state.told.oneTime).varint(state.told.kem));
  return writer.finish();
}

/** Reads a sealed state; `undefined` where it is malformed. */
export function decodePreKeys(bytes: Uint8Array, crypto: Crypto): PreKeys | undefined {
  const reader = createStateReader(bytes, PRE_KEYS_VERSION, crypto);
  const { fields } = reader;
  const nextId = fields.varint();
  const batches: number[] = [];
  for (let left = fields.varint(); left > 0 && fields.isIntact(); left--)
    batches.push(fields.varint());
  const signed: SignedPreKey[] = [];
  for (let left = fields.varint(); left > 0; left--) {
    const id = fields.varint();
    const madeAt = fields.varint();
    const signature = fields.raw(64);
    const pair = reader.pair();
    if (pair === undefined) return undefined;
    signed.push({ id, pair, signature, madeAt });
  }
  const kemBatches: number[] = [];
  const lastResorts: LastResort[] = [];
  if (reader.version >= 2) {
    for (let left = fields.varint(); left > 0 && fields.isIntact(); left--)
      kemBatches.push(fields.varint());
    for (let left = fields.varint(); left > 0 && fields.isIntact(); left--) {
      const id = fields.varint();
      const madeAt = fields.varint();
      lastResorts.push({ id, madeAt, ...readKemKey(reader) });
    }
  }
  // Releases of before uploaded at once and forgot: all of it counts as told.
  const told =
    reader.version < PRE_KEYS_VERSION
      ? { oneTime: nextId - 1, kem: nextId - 1 }
      : { oneTime: fields.varint(), kem: fields.varint() };
  return fields.isDone() ? { nextId, signed, batches, lastResorts, kemBatches, told } : undefined;
}

/** The state as parts to be sealed. */
export function encodeOneTimeBatch(state: OneTimeBatch): readonly Part[] {
  const writer = createStateWriter(ONE_TIME_BATCH_VERSION).fields((fields) =>
    fields.varint(state.firstId).varint(state.pairs.size),
  );
  for (const [id, pair] of state.pairs) writer.fields((fields) => fields.varint(id)).pair(pair);
  return writer.finish();
}

/** Reads a sealed state; `undefined` where it is malformed. */
export function decodeOneTimeBatch(bytes: Uint8Array, crypto: Crypto): OneTimeBatch | undefined {
  const reader = createStateReader(bytes, ONE_TIME_BATCH_VERSION, crypto);
  const { fields } = reader;
  const firstId = fields.varint();
  const pairs = new Map<number, KeyPair>();
  for (let left = fields.varint(); left > 0; left--) {
    const id = fields.varint();
    const pair = reader.pair();
    if (pair === undefined) return undefined;
    pairs.set(id, pair);
  }
  return fields.isDone() ? { firstId, pairs } : undefined;
}
