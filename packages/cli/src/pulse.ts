/** Words of a long command in between: a pipe shows that its reader went away to those only who write. */

import type { Output } from './output.ts';

/** Until the first words, and between two of them at most, ms. */
const FIRST_MS = 1000;
const MOST_MS = 10_000;

/** Says something every while, each time after twice as long. */
export class Pulse {
  readonly #output: Output;
  #waitMs = FIRST_MS;
  #nextMs: number;

  constructor(output: Output, nowMs: number) {
    this.#output = output;
    this.#nextMs = nowMs + FIRST_MS;
  }

  /** Writes `words`, where standard output is a pipe and it is time to. */
  beat(nowMs: number, words: () => string): void {
    if (nowMs < this.#nextMs) return;
    this.#waitMs = Math.min(2 * this.#waitMs, MOST_MS);
    this.#nextMs = nowMs + this.#waitMs;
    this.#output.pulse(words());
  }
}
