/** Randomness from the operating system. */

import { randomFillSync } from 'node:crypto';
import type { Entropy } from '../crypto.ts';

/** Fresh bytes of the system's generator, in memory of their own. Throws: if the system has none. */
export const nodeEntropy: Entropy = (length) => randomFillSync(new Uint8Array(length));
