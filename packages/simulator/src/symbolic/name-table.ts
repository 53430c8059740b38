/** Numbers for names, counted from 0: open addressing over plain words, which costs nothing to keep. */

import type { TermName } from './term-hash.ts';

const CAPACITY_FIRST = 1024;

/** A table that only grows. */
export class NameTable {
  #count = 0;
  /** Four words a name, in order of their numbers. */
  #words = new Int32Array(4 * CAPACITY_FIRST);
  /** Numbers and one, by the first word of their name; 0 is empty. */
  #slots = new Int32Array(2 * CAPACITY_FIRST);

  get count(): number {
    return this.#count;
  }

  /** The number of a name, the next one where it has none yet. */
  intern(name: TermName): number {
    const known = this.find(name.w0, name.w1, name.w2, name.w3);
    if (known !== undefined) return known;
    const number = this.#count++;
    if (4 * number === this.#words.length) this.#grow();
    const at = 4 * number;
    this.#words[at] = name.w0;
    this.#words[at + 1] = name.w1;
    this.#words[at + 2] = name.w2;
    this.#words[at + 3] = name.w3;
    this.#put(number);
    return number;
  }

  /** The number of a name, if it has one. */
  find(w0: number, w1: number, w2: number, w3: number): number | undefined {
    const [slots, words] = [this.#slots, this.#words];
    const mask = slots.length - 1;
    for (let slot = w0 & mask; ; slot = (slot + 1) & mask) {
      const number = (slots[slot] ?? 0) - 1;
      if (number < 0) return undefined;
      const at = 4 * number;
      if (
        words[at] === w0 &&
        words[at + 1] === w1 &&
        words[at + 2] === w2 &&
        words[at + 3] === w3
      ) {
        return number;
      }
    }
  }

  /** One of the four words of a name. */
  word(number: number, which: 0 | 1 | 2 | 3): number {
    return this.#words[4 * number + which] ?? 0;
  }

  /** A name. */
  name(number: number): TermName {
    const word = (which: 0 | 1 | 2 | 3): number => this.word(number, which);
    return { w0: word(0), w1: word(1), w2: word(2), w3: word(3) };
  }

  #put(number: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.word(number, 0) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = number + 1;
  }

  #grow(): void {
    const words = this.#words;
    this.#words = new Int32Array(2 * words.length);
    this.#words.set(words);
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let number = 0; 4 * number < words.length; number++) this.#put(number);
  }
}
