/** Where a device keeps its log: the seam between the front door and a store. */

import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import type { Chaos, EventLog, StoreRefusal } from '@simsim/event-log';
import { createEventLog, createMemoryStore, createMemoryVault } from '@simsim/event-log';

/** What a store is opened with. */
export interface StoreParts {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly chaos?: Chaos;
}

/** A place for one device's log and vault. */
export interface StoreSpec {
  /** True when something is there, readable or not. */
  exists(): boolean;
  /** Opens what is there. */
  open(parts: StoreParts): Result<EventLog, StoreRefusal>;
  /** Makes a new log; refuses where one is. */
  create(parts: StoreParts): Result<EventLog, StoreRefusal>;
}

/** A log in memory, gone with the process: for trying things out and for tests. */
export function memory(): StoreSpec {
  let isMade = false;
  return {
    exists: () => isMade,
    open: () => ({ ok: false, error: { code: 'STORE_MISSING', detail: 'a log in memory opens once' } }),
    create({ crypto, entropy, chaos }) {
      isMade = true;
      return createEventLog(
        { store: createMemoryStore(), vault: createMemoryVault({ crypto, entropy }), crypto, entropy },
        chaos === undefined ? {} : { chaos },
      );
    },
  };
}
