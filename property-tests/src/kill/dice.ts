/** Choices that can be had again. */

/** A whole number from 0 up to, but not including, `sides`. */
export type Dice = (sides: number) => number;

/** Dice from a seed and a label: equal ones fall alike. Small and fast; decides nothing secret. */
export function createDice(seed: number, label: string): Dice {
  let state = seed >>> 0;
  for (const char of label) state = Math.imul(state ^ char.charCodeAt(0), 0x01000193) >>> 0;
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

/** The same items in an order that the dice chose. */
export function shuffled<T>(items: readonly T[], dice: Dice): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = dice(i + 1);
    const [a, b] = [all[i], all[j]];
    if (a !== undefined && b !== undefined) [all[i], all[j]] = [b, a];
  }
  return all;
}
