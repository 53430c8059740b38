/** The end of a process at a chosen storage operation. */

import { StoreFailure } from '@simsim/event-log';

/** Thrown where a process dies; the world catches it where the process was called. */
export class Killed extends Error {
  override readonly name = 'Killed';
  /** The storage operation it died at. */
  readonly site: string;

  constructor(site: string) {
    super(`killed at ${site}`);
    this.site = site;
  }
}

/** Burns down with each storage operation, once it is lit; passed as the chaos hook of log and core. */
export class Fuse {
  #left = Number.POSITIVE_INFINITY;

  /** Kills at the storage operation that follows after so many. */
  light(operations: number): void {
    this.#left = operations;
  }

  /** Called at every named place. */
  at(site: string): void {
    if (this.#left === 0) {
      this.#left = Number.POSITIVE_INFINITY;
      throw new Killed(site);
    }
    this.#left--;
  }
}

/** Where the process died, if that is what a failure says. */
export function deathOf(failure: unknown): Killed | undefined {
  const cause = failure instanceof StoreFailure ? failure.cause : failure;
  return cause instanceof Killed ? cause : undefined;
}
