/**
 * Own KEM prekeys: a last-resort one, kept in the `prekeys` stream until it is replaced, and one-time
 * ones in batches, `kpk/<n>`. All are signed (PQ-4); ids come from the counter all prekeys share.
 *
 * What is held of a key is its 64-byte seed. The public half, 1.6 KB, and the expanded private one,
 * 3.2 KB, follow from it in 0.4 ms, and are made where they are wanted and not stored.
 */

import type { Crypto, Entropy, KemKeyPair, KemKind, KeyPair, Part, Secret } from '@simsim/crypto';
import type { KemPreKey } from '@simsim/relay-protocol';
import { encodeWireKemKey } from '@simsim/session';
import { ONE_TIME_KEM_BATCH_KEYS } from './limits.ts';
import { createStateReader, createStateWriter } from './sealed-state.ts';
import type { StateReader, StateWriter } from './sealed-state.ts';

/** What a signing device brings along. */
interface SigningEnv {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
}

/** A KEM prekey's secret, with the signature of its public half. */
export interface OwnKemKey {
  readonly privateKey: Secret<'kem'>;
  readonly signature: Uint8Array;
  /** There in the process that made the key, which is about to upload it; never sealed. */
  readonly publicKey?: Uint8Array;
}

/** A last-resort KEM prekey. */
export interface LastResort extends OwnKemKey {
  readonly id: number;
  /** Wall ms of this device. */
  readonly madeAt: number;
}

/** A `kpk/<firstId>` stream: the one-time KEM keys of one batch that nobody has used. */
export interface OneTimeKemBatch {
  readonly firstId: number;
  readonly keys: ReadonlyMap<number, OwnKemKey>;
}

/** The newest form of a batch of one-time KEM prekeys. */
export const KEM_BATCH_VERSION = 1;
const KIND: KemKind = 'kyber1024';

/** Makes and signs one KEM key. */
export function makeKemKey(identity: KeyPair, { crypto, entropy }: SigningEnv): OwnKemKey {
  const seed = entropy(64);
  const pair = crypto.kemKeyPair(KIND, seed);
  const signature = crypto.sign(identity, [encodeWireKemKey(pair.publicKey)], entropy(64));
  crypto.wipe(pair.privateKey);
  const privateKey = crypto.importSecret('kem', seed);
  seed.fill(0);
  return { privateKey, signature, publicKey: pair.publicKey };
}

/** Makes one batch of at most {@link ONE_TIME_KEM_BATCH_KEYS}, its ids counting up from `firstId`. */
export function makeOneTimeKemBatch(
  { firstId, count, identity }: { firstId: number; count: number; identity: KeyPair },
  env: SigningEnv,
): OneTimeKemBatch {
  const keys = new Map<number, OwnKemKey>();
  for (let i = 0; i < Math.min(count, ONE_TIME_KEM_BATCH_KEYS); i++) {
    keys.set(firstId + i, makeKemKey(identity, env));
  }
  return { firstId, keys };
}

/** The whole pair, for an agreement. Its private half is the given handle. */
export function kemPairOf(key: OwnKemKey, crypto: Crypto): KemKeyPair {
  return crypto.kemKeyPairOf(KIND, key.privateKey);
}

/** What the relay is told of a key. A copy is expanded and wiped: the key itself stays a seed. */
export function publicKemKey(id: number, key: OwnKemKey, crypto: Crypto): KemPreKey {
  if (key.publicKey !== undefined)
    return { id, publicKey: key.publicKey, signature: key.signature };
  const seed = crypto.exportSecret(key.privateKey);
  const { publicKey, privateKey } = crypto.kemKeyPair(KIND, seed);
  seed.fill(0);
  crypto.wipe(privateKey);
  return { id, publicKey, signature: key.signature };
}

/** Places a key among a state's parts. */
export function writeKemKey(writer: StateWriter, key: OwnKemKey): void {
  writer.fields((fields) => fields.raw(key.signature)).secret(key.privateKey);
}

/** Reads {@link writeKemKey}. */
export function readKemKey(reader: StateReader): OwnKemKey {
  const signature = reader.fields.raw(64);
  return { signature, privateKey: reader.secret('kem') };
}

/** The state as parts to be sealed. */
export function encodeOneTimeKemBatch(state: OneTimeKemBatch): readonly Part[] {
  const writer = createStateWriter(KEM_BATCH_VERSION).fields((fields) =>
    fields.varint(state.firstId).varint(state.keys.size),
  );
  for (const [id, key] of state.keys) {
    writer.fields((fields) => fields.varint(id));
    writeKemKey(writer, key);
  }
  return writer.finish();
}

/** Reads a sealed state; `undefined` where it is malformed. */
export function decodeOneTimeKemBatch(
  bytes: Uint8Array,
  crypto: Crypto,
): OneTimeKemBatch | undefined {
  const reader = createStateReader(bytes, KEM_BATCH_VERSION, crypto);
  const { fields } = reader;
  const firstId = fields.varint();
  const keys = new Map<number, OwnKemKey>();
  for (let left = fields.varint(); left > 0 && fields.isIntact(); left--) {
    const id = fields.varint();
    keys.set(id, readKemKey(reader));
  }
  return fields.isDone() ? { firstId, keys } : undefined;
}
