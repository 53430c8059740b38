/** SQLite by better-sqlite3: native, synchronous, with an SQLite of its own. */

import Database from 'better-sqlite3';
import { failStore } from '@simsim/event-log';
import { makePrivate } from './file-system.ts';
import type { SqliteDatabase, SqliteDriver, SqliteStatement, SqlValue } from './sqlite-driver.ts';

/** How long a connection waits for another one's lock. */
const BUSY_MS = 5000;

/** The driver that ships. A file that it makes is its owner's alone. */
export const betterSqlite3: SqliteDriver = {
  open(path, mode) {
    // The library cuts them off, and would open another file.
    if (path.trim() !== path) failStore('STORE_FAILED', SPACES);
    if (mode === 'write') makePrivate(path);
    return databaseOver(new Database(path, { readonly: mode === 'read', timeout: BUSY_MS }));
  },
};

const SPACES = 'a path that begins or ends with a space cannot be opened; name another one';

/** An open database of the library as the store's. */
export function databaseOver(db: Database.Database): SqliteDatabase {
  const begin = { read: 'BEGIN', write: 'BEGIN IMMEDIATE' } as const;
  const statements = new Map<string, Database.Statement>();
  // Prepared when they are first needed: an unused one is a microsecond of every open.
  const run = (sql: string): void => {
    let statement = statements.get(sql);
    if (statement === undefined) statements.set(sql, (statement = db.prepare(sql)));
    statement.run();
  };
  return {
    exec: (sql) => void db.exec(sql),
    prepare: (sql) => statementOver(db.prepare<SqlValue[], unknown[]>(sql)),
    transaction(kind, work) {
      if (db.inTransaction) return work();
      run(begin[kind]);
      try {
        const result = work();
        run('COMMIT');
        return result;
      } catch (failure) {
        if (db.inTransaction) run('ROLLBACK');
        throw failure;
      }
    },
    serialize: () => new Uint8Array(db.serialize()),
    close: () => void db.close(),
  };
}

function statementOver(statement: Database.Statement<SqlValue[], unknown[]>): SqliteStatement {
  if (statement.reader) statement.raw(true);
  return {
    run: (values) => statement.run(...values).changes,
    get: (values) => statement.get(...values),
    all: (values) => statement.all(...values),
    iterate: (values) => statement.iterate(...values),
  };
}
