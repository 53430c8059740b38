/** A small seeded generator: every choice of a power-loss run comes from it. */

export interface Random {
  /** A natural number below `limit`. */
  below(limit: number): number;
  /** True once in `n` times. */
  oneIn(n: number): boolean;
  pick<T>(values: readonly T[]): T;
}

/** A generator that a seed begins. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    oneIn: (n) => below(n) === 0,
    pick(values) {
      const value = values[below(values.length)];
      if (value === undefined) throw new Error('there is something to pick from');
      return value;
    },
  };
}
