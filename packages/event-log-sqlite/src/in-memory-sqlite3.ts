/** Databases in memory that outlive their connections: SQLite itself, without a disk. */

import Database from 'better-sqlite3';
import { databaseOver } from './better-sqlite3-driver.ts';
import type { SqliteDriver } from './sqlite-driver.ts';

/** A driver whose databases can be copied and put back. */
export interface InMemorySqlite3 extends SqliteDriver {
  readonly isInMemory: true;
  /** The database of a path as a file would hold it; `undefined` where there is none. */
  copy(path: string): Uint8Array | undefined;
  /** Puts a copy in the place of what is there. */
  put(path: string, copy: Uint8Array): void;
}

/**
 * Makes a driver with databases of its own. What one connection closes the next one finds, as if the
 * path were a file; a killed process is one that does not close.
 */
export function inMemorySqlite3(): InMemorySqlite3 {
  const databases = new Map<string, Database.Database>();
  return {
    isInMemory: true,
    open(path) {
      const db = databases.get(path) ?? new Database(':memory:');
      databases.set(path, db);
      return { ...databaseOver(db), close: () => undefined };
    },
    copy(path) {
      const db = databases.get(path);
      return db && new Uint8Array(db.serialize());
    },
    put(path, copy) {
      databases.get(path)?.close();
      databases.set(path, new Database(Buffer.from(copy)));
    },
  };
}
