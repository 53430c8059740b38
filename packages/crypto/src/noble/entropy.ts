/** Randomness of whatever platform there is, through the Web's own interface. */

import { randomBytes } from '@noble/hashes/utils.js';
import type { Entropy } from '../crypto.ts';

/**
 * Fresh bytes of `crypto.getRandomValues`, in memory of their own.
 *
 * Throws: if the platform has none.
 */
export const nobleEntropy: Entropy = (length) => randomBytes(length);
