/** Choices that can be had again. */

import type { Entropy } from '@simsim/crypto';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { encodeUtf8 } from '@simsim/bytes';

/** A whole number from 0 up to, but not including, `sides`. */
export type Dice = (sides: number) => number;

/** Randomness from a label: equal labels give equal bytes. For tests only. */
export function labelledEntropy(label: string): Entropy {
  return seededEntropy(encodeUtf8(label), nodeCrypto);
}

/** Dice from a label. Limits: at most 2^16 sides; the bias below 2^-16 does not matter here. */
export function createDice(label: string): Dice {
  const entropy = labelledEntropy(label);
  return (sides) => {
    const [a = 0, b = 0, c = 0, d = 0] = entropy(4);
    return (a + b * 2 ** 8 + c * 2 ** 16 + d * 2 ** 24) % sides;
  };
}
