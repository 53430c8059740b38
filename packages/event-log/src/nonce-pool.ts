/** Nonces from one buffered draw: a draw of 12 bytes costs as much as one of thousands. */

import { invariant } from '@simsim/bytes';
import type { Entropy } from '@simsim/crypto';

const NONCE_BYTES = 12;
const NONCES_PER_DRAW = 128;

/** Answers a fresh 12-byte nonce, owned by the caller. */
export type NonceSource = () => Uint8Array;

/** Makes a source over `entropy`. */
export function createNoncePool(entropy: Entropy): NonceSource {
  let pool: Uint8Array = new Uint8Array(0);
  let at = 0;
  return () => {
    if (at === pool.length) {
      pool = entropy(NONCE_BYTES * NONCES_PER_DRAW);
      at = 0;
    }
    at += NONCE_BYTES;
    return pool.subarray(at - NONCE_BYTES, at);
  };
}

/** For readers: a box that is only opened never asks for a nonce. */
export const noNonces: NonceSource = () => {
  invariant(false, 'a reader seals nothing');
};
