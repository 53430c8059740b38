/** Randomness from the operating system. */

import { randomFillSync } from 'node:crypto';
import type { Entropy } from '../crypto.ts';

/** A draw of the system's generator costs about 4 us whatever its size, so small ones share one. */
const POOL_BYTES = 4096;
const SHARED_BYTES_MAX = 64;

let pool: Uint8Array = new Uint8Array(0);
let at = 0;

/**
 * Fresh bytes of the system's generator, in memory of their own. What is handed out is wiped from
 * the shared draw at once, so the pool never holds a secret that somebody uses.
 *
 * Throws: if the system has no randomness.
 */
export const nodeEntropy: Entropy = (length) => {
  if (length > SHARED_BYTES_MAX) return randomFillSync(new Uint8Array(length));
  if (at + length > pool.length) {
    pool = randomFillSync(new Uint8Array(POOL_BYTES));
    at = 0;
  }
  const drawn = pool.slice(at, at + length);
  pool.fill(0, at, at + length);
  at += length;
  return drawn;
};
