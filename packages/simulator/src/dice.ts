/**
 * Randomness by name: equal seed and label give equal draws, and no stream depends on another. A case
 * without one of its actions draws everything else as before, which is what makes shrinking work.
 */

import { TermHash } from './symbolic/term-hash.ts';

const hash = new TermHash();

/** One labelled stream of draws (sfc32). */
export class Dice {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number, label: string) {
    hash.begin(seed >>> 0).word(Math.floor(seed / 2 ** 32));
    for (let i = 0; i < label.length; i++) hash.word(label.charCodeAt(i));
    hash.end();
    this.#a = hash.w0;
    this.#b = hash.w1;
    this.#c = hash.w2;
    this.#d = hash.w3;
  }

  /** 32 bits. */
  word(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** An integer from 0 to below `count`. */
  below(count: number): number {
    return Math.floor((this.word() / 2 ** 32) * count);
  }

  /** An integer, both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.word() < probability * 2 ** 32;
  }

  /** One of a list; `undefined` for an empty one. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  /** The same items in another order. */
  shuffled<T>(items: readonly T[]): T[] {
    const mixed = [...items];
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const [one, other] = [mixed[i], mixed[j]];
      if (one !== undefined && other !== undefined) [mixed[i], mixed[j]] = [other, one];
    }
    return mixed;
  }

  /** Fresh bytes, the caller's. */
  bytes(length: number): Uint8Array {
    const drawn = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.word();
      for (let j = 0; j < 4 && i + j < length; j++) drawn[i + j] = word >>> (8 * j);
    }
    return drawn;
  }
}
