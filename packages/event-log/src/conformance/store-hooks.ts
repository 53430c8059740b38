/** What the suite asks of whoever has a store to prove, and what it is made of. */

import type { ConformanceCase } from '@simsim/bytes/conformance';
import type { EventStore, StoreChange } from '../event-store.ts';

/**
 * How far a store was proved.
 *
 * - `L0`: the contract, while the process lives.
 * - `L1`: a process that is killed leaves all it answered, and nothing by halves.
 * - `L2`: a store that was put back says so by its tip, which is what a log above detects it by.
 * - `L3`: the same as L1 where the machine loses power and with it whatever was not synced.
 */
export type StoreLevel = 'L0' | 'L1' | 'L2' | 'L3';

/** A machine that loses power. */
export interface PowerRun {
  /** An empty store; its functions throw once there is no power. */
  readonly store: EventStore;
  /** Opens what the medium kept, on a machine that has power again. */
  readonly restart: () => EventStore;
}

/** How the suite gets its stores. A level runs where all hooks up to it are given. */
export interface StoreHooks<Image = unknown> {
  /** A new empty store. */
  readonly make: () => EventStore;
  /**
   * The same store as a second process has it open: adds to L0 what several owners rely on. The second
   * one should not wait long for a lock, because nobody lets go of it meanwhile.
   */
  readonly beside?: (store: EventStore) => EventStore;
  /** L1: its process is killed now, open or closed as the store is; opens what is left. */
  readonly crash?: (store: EventStore) => EventStore;
  /**
   * L1: its process is killed inside the commit of `change`, at moment 0, 1, … of all that can be
   * brought about; opens what is left. `undefined` where there is no such moment.
   */
  readonly crashInside?: (
    store: EventStore,
    change: StoreChange,
    moment: number,
  ) => EventStore | undefined;
  /** L2: everything durable of an open store, which goes on. */
  readonly snapshot?: (store: EventStore) => Image;
  /** L2: opens a store on what was durable then. May be called again. */
  readonly restore?: (image: Image) => EventStore;
  /** L3: a machine whose power fails at another moment in each run. */
  readonly losePower?: (run: number) => PowerRun;
}

/** One thing a store must do. */
export type StoreCase = ConformanceCase<StoreLevel>;

/** A case of the contract, before it has a store. */
export interface BareCase<Hooks = Pick<StoreHooks, 'make'>> {
  readonly name: string;
  readonly run: (hooks: Hooks) => void;
}
