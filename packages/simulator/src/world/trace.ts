/** What happened in a run, as one hash: two runs of one case must agree on it. */

import { createHash } from 'node:crypto';

/** A line of the trace, for diagrams. */
export interface TraceLine {
  readonly atMs: number;
  /** Who did it, or from whom it came. */
  readonly from: string;
  /** To whom it went, where it went somewhere. */
  readonly to: string | undefined;
  readonly what: string;
}

/** Hashes lines, and keeps them where somebody will read them. */
export class Trace {
  readonly lines: TraceLine[] = [];
  readonly #hash = createHash('sha256');
  readonly #isKept: boolean;

  constructor({ isKept }: { readonly isKept: boolean }) {
    this.#isKept = isKept;
  }

  /** Something happened; `bytes` are hashed as well. */
  add(line: TraceLine, bytes?: Uint8Array): void {
    const { atMs, from, to = '', what } = line;
    this.#hash.update(`${atMs} ${from} ${to} ${what}\n`);
    if (bytes !== undefined) this.#hash.update(bytes);
    if (this.#isKept) this.lines.push(line);
  }

  /** 32 bytes in hex, of everything so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
