/** Keys as Signal writes them: a type byte in front. Inside our code they have none. */

import { concatBytes } from '@simsim/bytes';

/** In front of the 32 bytes of a Curve25519 public key. */
export const KEY_TYPE: Uint8Array = Uint8Array.of(0x05);

/** In front of the 1568 bytes of a Kyber-1024 public key or ciphertext. */
export const KEM_TYPE: Uint8Array = Uint8Array.of(0x08);

const KEY_BYTES = 32;
const KEM_BYTES = 1568;

/** 33 bytes from 32: how bundles and messages of Signal's peers hold a public key. */
export function encodeWireKey(key: Uint8Array): Uint8Array {
  return concatBytes([KEY_TYPE, key]);
}

/**
 * The 32 bytes behind the type byte; `undefined` on anything else than 33 bytes with type 05. Only
 * the form is checked: a step refuses a bad key.
 *
 * Differs: real peers ignore trailing bytes.
 */
export function decodeWireKey(encoded: Uint8Array): Uint8Array | undefined {
  return behindType(encoded, KEY_TYPE, KEY_BYTES);
}

/** 1569 bytes from 1568: a Kyber-1024 public key or ciphertext on Signal's wire. */
export function encodeWireKemKey(key: Uint8Array): Uint8Array {
  return concatBytes([KEM_TYPE, key]);
}

/** The 1568 bytes behind the type byte of a KEM key or ciphertext; `undefined` on anything else. */
export function decodeWireKemKey(encoded: Uint8Array): Uint8Array | undefined {
  return behindType(encoded, KEM_TYPE, KEM_BYTES);
}

function behindType(encoded: Uint8Array, type: Uint8Array, length: number): Uint8Array | undefined {
  const hasForm = encoded.length === length + 1 && encoded[0] === type[0];
  return hasForm ? encoded.slice(1) : undefined;
}
