/** What the suite asks of whoever has a relay's store to prove, and what it is made of. */

import type { ConformanceCase } from '@simsim/bytes/conformance';
import type { RelayStore } from '../core/store.ts';

/**
 * How far a store was proved.
 *
 * - `L0`: the contract, while the process lives.
 * - `L1`: a process that is killed leaves all that was committed, and nothing by halves.
 */
export type RelayStoreLevel = 'L0' | 'L1';

/** How the suite gets its stores. */
export interface RelayStoreHooks {
  /** A new empty store. */
  readonly make: () => RelayStore;
  /**
   * L1: its process is killed now, which may be inside a transaction; opens what is left. The store that
   * was killed is not asked again, but a transaction of it may still unwind.
   */
  readonly crash?: (store: RelayStore) => RelayStore;
}

/** One thing a relay's store must do. */
export type RelayStoreCase = ConformanceCase<RelayStoreLevel>;

/** A case whose hooks are there. */
export interface BareStoreCase<Hooks> {
  readonly name: string;
  readonly run: (hooks: Hooks) => void;
}
