/** The end of a process at a chosen storage operation. */

import { StoreFailure } from '@simsim/event-log';
import type { Dice } from '../dice.ts';
import type { Disk } from '../disk/disk.ts';

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

/** Places where processes die at random. */
export interface DeadlySites {
  readonly sites: readonly string[];
  /** How often, of the times they are passed. */
  readonly rate: number;
  readonly dice: Dice;
}

/** Burns down with each storage operation, once it is lit; passed as the chaos hook of log and core. */
export class Fuse {
  #left = Number.POSITIVE_INFINITY;
  #deadly: DeadlySites | undefined;

  /** Kills at random where it says, until told otherwise. */
  lurk(deadly: DeadlySites | undefined): void {
    this.#deadly = deadly;
  }

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
    if (this.#deadly !== undefined) lurkAt(site, this.#deadly);
  }
}

function lurkAt(site: string, { sites, rate, dice }: DeadlySites): void {
  if (sites.includes(site) && dice.chance(rate)) throw new Killed(site);
}

/**
 * Where the process died, if that is what a failure says. A medium that something happened to may fail
 * by itself; then its process ends with the medium's code.
 */
export function deathOf(
  failure: unknown,
  { hasSuffered }: Pick<Disk, 'hasSuffered'>,
): Killed | undefined {
  const cause = failure instanceof StoreFailure ? failure.cause : failure;
  if (cause instanceof Killed) return cause;
  return hasSuffered && failure instanceof StoreFailure ? new Killed(failure.code) : undefined;
}
