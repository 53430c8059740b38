/** Signal's form of a public key: a type byte in front of the raw bytes. */

import { concatBytes, invariant } from '@simsim/bytes';

/** In front of 32 bytes of Curve25519, or of 1568 bytes of Kyber-1024. */
const TYPE_BYTE = { curve: 0x05, kem: 0x08 } as const;

/** Puts the type byte in front. */
export function withType(kind: keyof typeof TYPE_BYTE, raw: Uint8Array): Buffer {
  return Buffer.from(concatBytes([Uint8Array.of(TYPE_BYTE[kind]), raw]));
}

/** Takes the type byte off, by copy. Throws where it is another one: the peer's key is malformed. */
export function withoutType(kind: keyof typeof TYPE_BYTE, encoded: Uint8Array): Uint8Array {
  invariant(encoded[0] === TYPE_BYTE[kind], `a ${kind} key has its type byte`);
  return Uint8Array.from(encoded.subarray(1));
}
