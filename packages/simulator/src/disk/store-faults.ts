/** A store whose medium fails, fills up or loses power between or inside of commits, or that is busy. */

import { failStore } from '@simsim/event-log';
import type { CommitAnswer, EventStore, StoreChange } from '@simsim/event-log';
import type { Dice } from '../dice.ts';
import type { DiskSabotage } from './disk.ts';

/** What a store says that waited in vain for another program. */
export const BUSY = 'another process holds the database; try it again';

/** What goes wrong with the commits of one store. */
export class StoreFaults {
  isDark = false;
  isFull = false;
  /** Another program holds the database. */
  isBusy = false;
  /** Commits that fail, and that may be there all the same. */
  failing = 0;
  /** Commits that power lasts for. */
  powerLeft: number = Number.POSITIVE_INFINITY;
  readonly #dice: Dice;
  readonly #sabotage: DiskSabotage;

  constructor(dice: Dice, sabotage: DiskSabotage) {
    this.#dice = dice;
    this.#sabotage = sabotage;
  }

  /** Nothing goes wrong from now on. */
  heal(): void {
    this.isDark = false;
    this.isFull = false;
    this.isBusy = false;
    this.failing = 0;
    this.powerLeft = Number.POSITIVE_INFINITY;
  }

  /** A sound store on this medium. */
  wrap(store: EventStore): EventStore {
    return { ...store, commit: (change) => this.#commit(store, change) };
  }

  #commit(store: EventStore, change: StoreChange): CommitAnswer {
    if (this.isDark) return failStore('STORE_FAILED', 'there is no power');
    if (this.isBusy && this.#sabotage.takesBusyForDone === true) return { kind: 'committed' };
    if (this.isBusy) return failStore('STORE_FAILED', BUSY);
    if (this.isFull) return failStore('STORE_FAILED', 'nothing more fits');
    const isLast = this.powerLeft-- <= 0;
    const hasFailed = !isLast && this.failing > 0;
    if (hasFailed) this.failing--;
    if (isLast) this.isDark = true;
    if (!isLast && !hasFailed) return store.commit(change);
    // Nobody can tell whether it is there.
    if (this.#dice.chance(0.5)) store.commit(change);
    return failStore('STORE_FAILED', isLast ? 'power failed in a commit' : 'a sync failed');
  }
}
