/**
 * Repeatable randomness for what a play decides: who sends, when something is torn down. Never for
 * keys. The same seed and label give the same draws on every machine.
 */

import { createHash } from 'node:crypto';

/** Greatest seed: an unsigned 32-bit integer. */
export const SEED_MAX = 0xffff_ffff;

/** A stream of draws. */
export interface Random {
  /** A whole number of `min` to `max`, both included. */
  integer(min: number, max: number): number;
  /** One of the items; `undefined` where there is none. */
  pick<T>(items: readonly T[]): T | undefined;
}

/** A stream of its own for each label, so that one part's draws do not move another's. */
export function createRandom(seed: number, label: string): Random {
  let state = createHash('sha256').update(`simsim/play/${seed}/${label}`).digest().readUInt32LE(0);
  const next = (): number => {
    // mulberry32: 32 bits of state are plenty for a few thousand draws of a test drive.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    integer,
    pick: (items) => items[integer(0, items.length - 1)],
  };
}
