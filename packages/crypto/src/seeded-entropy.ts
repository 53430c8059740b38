/** Randomness that can be had again: for tests, simulations and replays, never for real keys. */

import { createWriter } from '@simsim/bytes';
import type { Crypto, Entropy } from './crypto.ts';

/**
 * A stream of bytes that depends on nothing but the seed: SHA-256 over seed and block number.
 * Equal seeds give equal streams on every backend, and each byte is handed out once.
 */
export function seededEntropy(seed: Uint8Array, crypto: Pick<Crypto, 'digest'>): Entropy {
  let blockNumber = 0;
  let block = new Uint8Array(0);
  let at = 0;
  return (length) => {
    const drawn = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      if (at === block.length) {
        const counter = createWriter(8).varint(blockNumber++).finish();
        block = crypto.digest([seed, counter]).slice();
        at = 0;
      }
      drawn[i] = block[at++] ?? 0;
    }
    return drawn;
  };
}
