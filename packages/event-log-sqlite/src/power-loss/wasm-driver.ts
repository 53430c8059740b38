/** SQLite in WebAssembly as the store's driver. Only tests use it; a browser's would be the same. */

import { copyBytes } from '@simsim/bytes';
import type { SqliteDatabase, SqliteDriver, SqliteStatement, SqlValue } from '../index.ts';
import type { WasmDatabase, WasmModule, WasmStatement } from './wasm-module.ts';
import { VFS_NAME } from './wasm-vfs.ts';

/** The driver over a loaded module. */
export function wasmDriver(sqlite: WasmModule): SqliteDriver {
  return {
    open: (path, mode) =>
      named(sqlite, () => {
        const flags = mode === 'read' ? 'r' : 'cw';
        return databaseOver(sqlite, new sqlite.oo1.DB({ filename: path, flags, vfs: VFS_NAME }));
      }),
  };
}

function databaseOver(sqlite: WasmModule, db: WasmDatabase): SqliteDatabase {
  const { capi } = sqlite;
  capi.sqlite3_extended_result_codes(db, 1);
  const inTransaction = (): boolean => capi.sqlite3_get_autocommit(db) === 0;
  const exec = (sql: string): void => named(sqlite, () => void db.exec(sql));
  return {
    exec,
    prepare: (sql) =>
      named(sqlite, () => statementOver(sqlite, { db, statement: db.prepare(sql) })),
    transaction(kind, work) {
      if (inTransaction()) return work();
      exec(kind === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN');
      try {
        const result = work();
        exec('COMMIT');
        return result;
      } catch (failure) {
        if (inTransaction()) exec('ROLLBACK');
        throw failure;
      }
    },
    serialize: () => named(sqlite, () => capi.sqlite3_js_db_export(db)),
    close: () => db.close(),
  };
}

interface Prepared {
  readonly db: WasmDatabase;
  readonly statement: WasmStatement;
}

function statementOver(sqlite: WasmModule, { db, statement }: Prepared): SqliteStatement {
  /** Steps through the rows; whatever happens, the statement is ready for the next use. */
  const rows = <T>(values: readonly SqlValue[], read: (step: () => boolean) => T): T =>
    named(sqlite, () => {
      try {
        if (values.length > 0) statement.bind([...values]);
        return read(() => statement.step());
      } finally {
        // Answers the failure of the last step once more, which is thrown already.
        sqlite.capi.sqlite3_reset(statement);
      }
    });
  const row = (): unknown[] =>
    Array.from({ length: statement.columnCount }, (_, i) => columnOf(sqlite, statement, i));
  const all = (values: readonly SqlValue[]): unknown[][] =>
    rows(values, (step) => {
      const found: unknown[][] = [];
      while (step()) found.push(row());
      return found;
    });
  return {
    run: (values) =>
      rows(values, (step) => {
        while (step());
        return Number(db.changes());
      }),
    get: (values) => rows(values, (step) => (step() ? row() : undefined)),
    all,
    *iterate(values) {
      yield* all(values);
    },
  };
}

/** A column of the row that a statement stands on: what most hold straight from SQLite. */
function columnOf({ capi, wasm }: WasmModule, statement: WasmStatement, column: number): unknown {
  const { pointer } = statement;
  const { exports } = wasm;
  switch (exports.sqlite3_column_type(pointer, column)) {
    case capi.SQLITE_BLOB: {
      // The length first: asked for afterwards it could move the bytes.
      const length = exports.sqlite3_column_bytes(pointer, column);
      const from = exports.sqlite3_column_blob(pointer, column);
      return copyBytes(wasm.heap8u(), from, from + length);
    }
    case capi.SQLITE_INTEGER: {
      const value = Number(exports.sqlite3_column_int64(pointer, column));
      return Number.isSafeInteger(value) ? value : statement.get(column);
    }
    default:
      return statement.get(column);
  }
}

/** Gives the library's errors SQLite's own name of their result. */
function named<T>(sqlite: WasmModule, work: () => T): T {
  try {
    return work();
  } catch (failure) {
    if (!(failure instanceof sqlite.SQLite3Error)) throw failure;
    const code = sqlite.capi.sqlite3_js_rc_str(failure.resultCode ?? 1) ?? 'SQLITE_ERROR';
    throw Object.assign(new Error(failure.message, { cause: failure }), { code });
  }
}
