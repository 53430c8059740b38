/**
 * A whole fetch of the mailbox, where the engine wants one before it deletes what is old (SES-25). A new
 * line to the relay brings all mail that was not acknowledged, and then says that there is no more.
 */

import type { CoreInput } from '@simsim/device-core';
import type { Effect } from '@simsim/sesame';

type Drain = Extract<Effect, { type: 'drain' }>;

/** What a drainer works with. */
export interface DrainerOwner {
  /** Gives the line up; it comes back by itself. */
  reconnect(): void;
  /** Decides after all mail that came before. */
  drained(input: CoreInput): void;
}

/** Keeps what waits for a fetch, and for which: one that began before the asking does not count. */
export class Drainer {
  readonly #owner: DrainerOwner;
  #wanted: Drain[] = [];
  #underWay: Drain[] = [];

  constructor(owner: DrainerOwner) {
    this.#owner = owner;
  }

  /** The engine wants a whole fetch from here on. */
  wanted(drain: Drain): void {
    this.#wanted.push(drain);
    if (this.#wanted.length === 1) this.#owner.reconnect();
  }

  /** A line is up: what comes on it is a fetch from its beginning. */
  connected(): void {
    this.#underWay.push(...this.#wanted);
    this.#wanted = [];
  }

  /** Everything that waited was handed over to be decided. */
  emptied(): void {
    for (const { dueMs, users } of this.#underWay) {
      this.#owner.drained({ type: 'drained', dueMs, users });
    }
    this.#underWay = [];
  }
}
