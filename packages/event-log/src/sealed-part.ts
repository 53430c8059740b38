/**
 * The sealed part of an event: the whole live secret state of its stream, under a key that is used
 * once and that the vault forgets when the next one comes.
 *
 *   key index varint │ pad count u8 │ pad │ nonce 12 │ ChaCha20-Poly1305(state)
 *
 * Associated data: format, log id, the event's header and the previous link, so a part opens only
 * in the very history it was written in. The pad is one byte where the part would otherwise be 32
 * bytes long, the length that means pruned.
 */

import { createReader, encodeUtf8, newBytes } from '@simsim/bytes';
import type { Crypto, Part, Secret } from '@simsim/crypto';
import { PRUNED_BYTES } from './chain.ts';

const LABEL = encodeUtf8('simsim/sealed/1');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Where a part lies: what its associated data is made of. */
export interface SealedPlace {
  readonly logId: Uint8Array;
  /** {@link encodeHeader} of its event. */
  readonly header: Uint8Array;
  /** Link of the event before. */
  readonly previous: Uint8Array;
}

/** How to seal one part. */
export interface SealedInput {
  readonly key: Secret<'seal'>;
  /** How many times the stream's key was ratcheted. */
  readonly index: number;
  readonly nonce: Uint8Array;
  readonly state: readonly Part[];
}

/** Seals a stream's state. Never 32 bytes long. */
export function sealPart(crypto: Crypto, place: SealedPlace, input: SealedInput): Uint8Array {
  const { key, index, nonce, state } = input;
  const ciphertext = crypto.seal(key, nonce, associatedData(place), state);
  const front = varintBytes(index) + 1 + NONCE_BYTES;
  const padCount = front + ciphertext.length === PRUNED_BYTES ? 1 : 0;
  const sealed = newBytes(front + padCount + ciphertext.length);
  let at = 0;
  for (let rest = index; ; rest = Math.floor(rest / 0x80)) {
    sealed[at++] = rest > 0x7f ? (rest % 0x80) | 0x80 : rest;
    if (rest <= 0x7f) break;
  }
  sealed[at] = padCount;
  at += 1 + padCount;
  sealed.set(nonce, at);
  sealed.set(ciphertext, at + NONCE_BYTES);
  return sealed;
}

/** The key index of a live part; `undefined` where it is pruned or malformed. */
export function sealedIndex(sealed: Uint8Array): number | undefined {
  return splitPart(sealed)?.index;
}

/** Opens a part; the caller wipes the state. `undefined` under the wrong key or place. */
export function openPart(
  crypto: Crypto,
  input: {
    readonly key: Secret<'seal'>;
    readonly place: SealedPlace;
    readonly sealed: Uint8Array;
  },
): Uint8Array | undefined {
  const { key, place, sealed } = input;
  const part = splitPart(sealed);
  if (part === undefined) return undefined;
  return crypto.open(key, part.nonce, associatedData(place), part.ciphertext);
}

interface SplitPart {
  readonly index: number;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

function splitPart(sealed: Uint8Array): SplitPart | undefined {
  if (sealed.length === PRUNED_BYTES) return undefined;
  const reader = createReader(sealed);
  const index = reader.varint();
  const padCount = reader.u8();
  if (padCount > 1) reader.fail();
  reader.raw(padCount);
  const nonce = reader.raw(NONCE_BYTES);
  if (!reader.isIntact() || reader.left() < TAG_BYTES) return undefined;
  return { index, nonce, ciphertext: sealed.subarray(sealed.length - reader.left()) };
}

function associatedData({ logId, header, previous }: SealedPlace): readonly Uint8Array[] {
  return [LABEL, logId, header, previous];
}

function varintBytes(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length++;
  return length;
}
