/**
 * A whole fetch of the mailbox, where the engine wants one before it deletes what is old (SES-25). A new
 * line to the relay brings all mail that was not acknowledged, and then says that there is no more.
 */

import type { CoreInput } from '@simsim/device-core';
import { SWEPT_USERS_MAX } from '@simsim/sesame';
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
  #wanted: Drain | undefined;
  #underWay: Drain | undefined;

  constructor(owner: DrainerOwner) {
    this.#owner = owner;
  }

  /** The engine wants a whole fetch from here on. It says so every hour for as long as there is none. */
  wanted(drain: Drain): void {
    const isFirst = this.#wanted === undefined;
    this.#wanted = joined(this.#wanted, drain);
    if (isFirst) this.#owner.reconnect();
  }

  /** A line is up: what comes on it is a fetch from its beginning. */
  connected(): void {
    this.#underWay = joined(this.#underWay, this.#wanted);
    this.#wanted = undefined;
  }

  /** Everything that waited was handed over to be decided. */
  emptied(): void {
    const { dueMs, users } = this.#underWay ?? {};
    this.#underWay = undefined;
    if (dueMs === undefined || users === undefined) return;
    for (let from = 0; from === 0 || from < users.length; from += SWEPT_USERS_MAX) {
      const some = users.slice(from, from + SWEPT_USERS_MAX);
      this.#owner.drained({ type: 'drained', dueMs, users: some });
    }
  }
}

/** One for both: a fetch that begins now is later than what either of them asks about. */
function joined(one: Drain | undefined, other: Drain | undefined): Drain | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const users = [...new Set([...one.users, ...other.users])];
  return { ...other, dueMs: Math.max(one.dueMs, other.dueMs), users };
}
