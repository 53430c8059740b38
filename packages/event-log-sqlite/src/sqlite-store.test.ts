import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ChaosSite, EventStore } from '@simsim/event-log';
import { proveStore, storeConformance } from '@simsim/event-log/conformance';
import type { StoreHooks } from '@simsim/event-log/conformance';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { scratchFolder, unwrap } from '../test/files.ts';
import { databaseOver } from './better-sqlite3-driver.ts';
import { thisProcess } from './lease.ts';
import type { LeaseClaim } from './lease.ts';
import type { SqliteDriver } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';

const FILES = ['log.db', 'log.db-wal'];

let lives = 0;

/** A lease of a process of its own, of a boot that is over as soon as the next one begins. */
function newLife(): LeaseClaim {
  const owner = { ...thisProcess(), boot: `life ${++lives}` };
  return { owner, nonce: new Uint8Array(randomBytes(16)), at: lives, isShared: true };
}

/** A second opening in this very process: nobody can let go of a lock while it waits. */
const impatient: SqliteDriver = {
  open: (path, mode) => databaseOver(new Database(path, { readonly: mode === 'read', timeout: 1 })),
};

/** A copy of the files as they are now is what a killed process leaves. */
function copyOf(folder: string): string {
  const copy = scratchFolder();
  for (const name of FILES) {
    const from = join(folder, name);
    if (existsSync(from)) copyFileSync(from, join(copy, name));
  }
  return copy;
}

/** Stores in files; a kill falls between two commits, or before SQLite's COMMIT inside of one. */
function sqliteHooks(): StoreHooks<string> {
  const folders = new Map<EventStore, string>();
  const leases = new Map<EventStore, LeaseClaim>();
  let onSite: (site: ChaosSite) => void = () => undefined;
  const open = (folder: string): EventStore => {
    const chaos = { at: (site: ChaosSite) => onSite(site) };
    const lease = newLife();
    const options = { ifMissing: 'create', lease, chaos, driver: impatient } as const;
    const store = unwrap(openSqliteStore(join(folder, 'log.db'), options));
    folders.set(store, folder);
    leases.set(store, lease);
    return store;
  };
  const folderOf = (store: EventStore): string => {
    const folder = folders.get(store);
    if (folder === undefined) throw new Error('a store of ours');
    return folder;
  };
  return {
    make: () => open(scratchFolder()),
    beside(store) {
      const lease = { ...newLife(), ...leases.get(store), nonce: new Uint8Array(randomBytes(16)) };
      const path = join(folderOf(store), 'log.db');
      return unwrap(openSqliteStore(path, { lease, driver: impatient }));
    },
    crash: (store) => open(copyOf(folderOf(store))),
    crashInside(store, change, moment) {
      if (moment > 1) return undefined;
      let copy = '';
      onSite = (site) => {
        if (site === 'commit:inside') copy = copyOf(folderOf(store));
      };
      store.commit(change);
      onSite = () => undefined;
      return open(moment === 0 ? copy : copyOf(folderOf(store)));
    },
    snapshot: (store) => copyOf(folderOf(store)),
    restore: (folder) => open(copyOf(folder)),
  };
}

describe('the SQLite store', () => {
  for (const { name, level, run } of storeConformance(sqliteHooks())) {
    test(`${level}: ${name}`, run);
  }

  test('is proved up to where power would have to fail', () => {
    expect(proveStore(sqliteHooks())).toEqual({ level: 'L2', failed: [], notRun: ['L3'] });
  });
});
