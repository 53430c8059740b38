/**
 * Own prekeys: the `prekeys` stream holds signed ones and the id counter, `opk/<n>` a batch of
 * one-time keys each, so that using one rewrites a few hundred bytes. Ids only go up and are never
 * minted twice: the counter moves in the commit that makes the keys, before any upload (X3-11).
 */

import type { Crypto, Entropy, KeyPair, Part } from '@simsim/crypto';
import type { PreKeyUpload } from '@simsim/relay-protocol';
import { ONE_TIME_BATCH_KEYS } from './limits.ts';
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
  /** The next id of either kind. */
  readonly nextId: number;
  /** Newest first; one previous key is kept for late initiations (X3-10). */
  readonly signed: readonly SignedPreKey[];
  /** First ids of the batches that still hold keys, ascending. */
  readonly batches: readonly number[];
}

/** An `opk/<firstId>` stream: the one-time keys of one batch that nobody has used. */
export interface OneTimeBatch {
  readonly firstId: number;
  readonly pairs: ReadonlyMap<number, KeyPair>;
}

const VERSION = 1;

/** The bytes a prekey signature covers: Signal's encoding, 05 ‖ key (X3-8). */
function encodedKey(publicKey: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(33);
  encoded[0] = 5;
  encoded.set(publicKey, 1);
  return encoded;
}

/** Makes and signs a prekey. */
export function makeSignedPreKey(
  { id, identity, madeAt }: { id: number; identity: KeyPair; madeAt: number },
  env: { crypto: Crypto; entropy: Entropy },
): SignedPreKey {
  const pair = env.crypto.keyPair(env.entropy(32));
  const signature = env.crypto.sign(identity, [encodedKey(pair.publicKey.bytes)], env.entropy(64));
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
    pairs.set(firstId + i, env.crypto.keyPair(env.entropy(32)));
  }
  return { firstId, pairs };
}

/**
 * The batch that would hold a one-time prekey id, if any does. Batches may be short, so the one that
 * begins last before the id is it; a batch before that ends where the next began.
 */
export function batchOf(preKeys: PreKeys, id: number): number | undefined {
  const firstId = preKeys.batches.findLast((each) => each <= id);
  return firstId !== undefined && id < firstId + ONE_TIME_BATCH_KEYS ? firstId : undefined;
}

/** What the relay is told: public halves only. */
export function uploadOf(preKeys: PreKeys, batches: readonly OneTimeBatch[]): PreKeyUpload {
  const [current] = preKeys.signed;
  const oneTimePreKeys = batches
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
  };
}

/** The state as parts to be sealed. */
export function encodePreKeys(state: PreKeys): readonly Part[] {
  const writer = createStateWriter(VERSION).fields((fields) => {
    fields.varint(state.nextId).varint(state.batches.length);
    for (const batch of state.batches) fields.varint(batch);
    fields.varint(state.signed.length);
  });
  for (const key of state.signed) {
    writer
      .fields((fields) => fields.varint(key.id).varint(key.madeAt).raw(key.signature))
      .pair(key.pair);
  }
  return writer.finish();
}

/** Reads a sealed state; `undefined` where it is malformed. */
export function decodePreKeys(bytes: Uint8Array, crypto: Crypto): PreKeys | undefined {
  const reader = createStateReader(bytes, VERSION, crypto);
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
  return fields.isDone() ? { nextId, signed, batches } : undefined;
}

/** The state as parts to be sealed. */
export function encodeOneTimeBatch(state: OneTimeBatch): readonly Part[] {
  const writer = createStateWriter(VERSION).fields((fields) =>
    fields.varint(state.firstId).varint(state.pairs.size),
  );
  for (const [id, pair] of state.pairs) writer.fields((fields) => fields.varint(id)).pair(pair);
  return writer.finish();
}

/** Reads a sealed state; `undefined` where it is malformed. */
export function decodeOneTimeBatch(bytes: Uint8Array, crypto: Crypto): OneTimeBatch | undefined {
  const reader = createStateReader(bytes, VERSION, crypto);
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
