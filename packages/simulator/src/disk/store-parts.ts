/** The stores of devices: rows in memory, or SQLite in memory. */

import { invariant } from '@simsim/bytes';
import { createMemoryStore } from '@simsim/event-log';
import type { Chaos, EventStore, MemorySnapshot } from '@simsim/event-log';
import { inMemorySqlite3, openSqliteStore } from '@simsim/event-log-sqlite';
import type { LeaseClaim } from '@simsim/event-log-sqlite';
import type { RowPart } from '../case/case.ts';
import type { Dice } from '../dice.ts';
import { rotRow, rottenImage } from './row-rot.ts';

/** A store that a process opens, and after it the next one. */
export interface StorePart {
  /**
   * Opens what was committed, an empty store at first. The process before may have been killed, which is
   * not telling anybody; `chaos` is to be called in the middle of a commit, where the store has one.
   */
  open(chaos: Chaos): EventStore;
  /** A copy of all that was committed: a backup, or what a clone begins with. */
  copy(): StorePart;
  /**
   * Turns a bit over in a row of what was committed, while nobody has it open; false where there is no
   * such row. A store without it does not rot.
   */
  rot?(part: RowPart, dice: Dice): boolean;
}

/** The store in memory. */
export function memoryStorePart(from?: MemorySnapshot): StorePart {
  let store = createMemoryStore(from);
  return {
    open(chaos) {
      // The one before may have been closed.
      const opened = createMemoryStore(store.image());
      store = opened;
      return {
        ...opened,
        commit(change) {
          chaos.at('commit:inside');
          return opened.commit(change);
        },
      };
    },
    copy: () => memoryStorePart(store.image()),
    rot(part, dice) {
      const image = rottenImage(store.image(), part, dice);
      if (image !== undefined) store = createMemoryStore(image);
      return image !== undefined;
    },
  };
}

const PATH = 'log.db';

/** SQLite in memory, with the store that ships. */
export function sqliteStorePart(from?: Uint8Array): StorePart {
  const driver = inMemorySqlite3();
  if (from !== undefined) driver.put(PATH, from);
  return {
    open(chaos) {
      const options = {
        ifMissing: 'create',
        driver,
        lease: nextLease(),
        files: NO_FILES,
        chaos,
      } as const;
      const opened = openSqliteStore(PATH, options);
      invariant(opened.ok, 'SQLite in memory opens');
      return opened.value;
    },
    copy: () => sqliteStorePart(driver.copy(PATH)),
    rot: (part, dice) => rotRow(driver.open(PATH, 'write'), part, dice),
  };
}

/** SQLite in memory has no files beside it. */
const NO_FILES = {
  exists: () => false,
  read: () => new Uint8Array(0),
  open: () => ({
    read: () => new Uint8Array(0),
    write: () => undefined,
    sync: () => undefined,
    close: () => undefined,
  }),
  rename: () => undefined,
  remove: () => undefined,
  syncDirectoryOf: () => undefined,
};

let leases = 0;

/** A lease of a process whose boot is over when the next one begins, and that depends on no clock. */
export function nextLease(): LeaseClaim {
  const nonce = new Uint8Array(16);
  new DataView(nonce.buffer).setUint32(0, ++leases);
  const owner = { pid: 1, start: '', boot: `${leases}`, host: 'simulated' };
  return { owner, nonce, at: 0, isShared: false };
}
