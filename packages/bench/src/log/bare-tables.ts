/** What a store could do at the least: one bare table, SQLite itself, full syncs. */

import { randomBytes } from 'node:crypto';
import Database from 'better-sqlite3';

/** A table that is written to. */
export interface BareTable {
  /** Writes `count` rows in one commit; `i` numbers the first. */
  write(i: number, count?: number): void;
  close(): void;
}

function openBare(path: string): Database.Database {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  return db;
}

/** Appends rows of so many bytes, all different. */
export function bareInserts(path: string, bytes: number): BareTable {
  const db = openBare(path);
  db.exec('CREATE TABLE row (id INTEGER PRIMARY KEY, v BLOB NOT NULL) STRICT');
  const insert = db.prepare('INSERT INTO row (v) VALUES (?)');
  const all = db.transaction((count: number) => {
    for (let n = 0; n < count; n++) insert.run(randomBytes(bytes));
  });
  return {
    write(_, count = 1) {
      if (count === 1) insert.run(randomBytes(bytes));
      else all.immediate(count);
    },
    close: () => db.close(),
  };
}

const RECORD_BYTES = 1024;

/**
 * Reads a record of 1 KB by its name, then replaces it with other bytes: what a store of session
 * records does. The table has a TEXT key and is WITHOUT ROWID.
 */
export function bareUpserts(path: string, keys: number): BareTable {
  const db = openBare(path);
  db.exec('CREATE TABLE record (k TEXT PRIMARY KEY, v BLOB NOT NULL) STRICT, WITHOUT ROWID');
  const read = db.prepare('SELECT v FROM record WHERE k = ?');
  const write = db.prepare(
    'INSERT INTO record (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v',
  );
  const put = (i: number): void => {
    const key = `session-${i % keys}`;
    read.get(key);
    write.run(key, randomBytes(RECORD_BYTES));
  };
  const all = db.transaction((from: number, count: number) => {
    for (let i = from; i < from + count; i++) put(i);
  });
  all.immediate(0, keys);
  return {
    write(i, count = 1) {
      if (count === 1) put(i);
      else all.immediate(i, count);
    },
    close: () => db.close(),
  };
}
