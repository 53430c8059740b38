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
  const made: WasmStatement[] = [];
  const prepare = (sql: string): SqliteStatement =>
    named(sqlite, () => {
      const statement = db.prepare(sql);
      made.push(statement);
      return new Statement(sqlite, { db, statement });
    });
  const known = new Map<string, SqliteStatement>();
  /** Runs one of the few statements of transactions, prepared at its first use. */
  const run = (sql: string): void => {
    const statement = known.get(sql) ?? prepare(sql);
    known.set(sql, statement);
    statement.run([]);
  };
  return {
    exec,
    prepare,
    transaction(kind, work) {
      if (inTransaction()) return work();
      run(kind === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN');
      try {
        const result = work();
        run('COMMIT');
        return result;
      } catch (failure) {
        if (inTransaction()) run('ROLLBACK');
        throw failure;
      }
    },
    serialize: () => named(sqlite, () => capi.sqlite3_js_db_export(db)),
    close() {
      // While one of them is left SQLite closes nothing, and the library leaves them all.
      for (const statement of made.splice(0)) statement.finalize();
      db.close();
    },
  };
}

interface Prepared {
  readonly db: WasmDatabase;
  readonly statement: WasmStatement;
}

/** A prepared statement; what most of its values and columns are goes straight to SQLite and back. */
class Statement implements SqliteStatement {
  readonly #sqlite: WasmModule;
  readonly #db: WasmDatabase;
  readonly #statement: WasmStatement;
  readonly #pointer: number;
  readonly #columns: number;

  constructor(sqlite: WasmModule, { db, statement }: Prepared) {
    this.#sqlite = sqlite;
    this.#db = db;
    this.#statement = statement;
    this.#pointer = statement.pointer ?? 0;
    this.#columns = statement.columnCount;
  }

  run(values: readonly SqlValue[]): number {
    return this.#with(values, () => {
      while (this.#step());
      return Number(this.#db.changes());
    });
  }

  get(values: readonly SqlValue[]): unknown[] | undefined {
    return this.#with(values, () => (this.#step() ? this.#row() : undefined));
  }

  all(values: readonly SqlValue[]): unknown[][] {
    return this.#with(values, () => {
      const found: unknown[][] = [];
      while (this.#step()) found.push(this.#row());
      return found;
    });
  }

  *iterate(values: readonly SqlValue[]): Iterable<unknown[]> {
    yield* this.all(values);
  }

  /** Reads rows; whatever happens, the statement is ready for the next use. */
  #with<T>(values: readonly SqlValue[], read: () => T): T {
    const { exports } = this.#sqlite.wasm;
    // Its memory is somebody else's once the database was closed.
    if (this.#statement.pointer === undefined) throw errorOf(this.#sqlite, 1, 'it was closed');
    try {
      for (let i = 0; i < values.length; i++) this.#bind(i + 1, values[i] ?? null);
      return read();
    } finally {
      // Answers the failure of the last step once more, which is thrown already.
      exports.sqlite3_reset(this.#pointer);
    }
  }

  #step(): boolean {
    const { capi, wasm } = this.#sqlite;
    const result = wasm.exports.sqlite3_step(this.#pointer);
    if (result === capi.SQLITE_ROW) return true;
    if (result === capi.SQLITE_DONE) return false;
    throw this.#error(result);
  }

  #bind(at: number, value: SqlValue): void {
    const { wasm } = this.#sqlite;
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
      this.#checked(wasm.exports.sqlite3_bind_int64(this.#pointer, at, BigInt(value)));
    } else if (value instanceof Uint8Array) {
      this.#bindBytes(at, value);
    } else {
      named(this.#sqlite, () => this.#statement.bind(at, value));
    }
  }

  #bindBytes(at: number, bytes: Uint8Array): void {
    const { capi, wasm } = this.#sqlite;
    // SQLite lets go of this memory; nothing at all would be a null.
    const memory = wasm.alloc(bytes.length || 1);
    wasm.heap8u().set(bytes, memory);
    const letGo = capi.SQLITE_WASM_DEALLOC;
    const { exports } = wasm;
    this.#checked(exports.sqlite3_bind_blob(this.#pointer, at, memory, bytes.length, letGo));
  }

  #checked(result: number): void {
    if (result !== this.#sqlite.capi.SQLITE_OK) throw this.#error(result);
  }

  #row(): unknown[] {
    const row: unknown[] = [];
    for (let column = 0; column < this.#columns; column++) row.push(this.#column(column));
    return row;
  }

  #column(column: number): unknown {
    const { capi, wasm } = this.#sqlite;
    const { exports } = wasm;
    switch (exports.sqlite3_column_type(this.#pointer, column)) {
      case capi.SQLITE_BLOB: {
        // The length first: asked for afterwards it could move the bytes.
        const length = exports.sqlite3_column_bytes(this.#pointer, column);
        const from = exports.sqlite3_column_blob(this.#pointer, column);
        return copyBytes(wasm.heap8u(), from, from + length);
      }
      case capi.SQLITE_INTEGER: {
        const value = exports.sqlite3_column_int64(this.#pointer, column);
        const number = Number(value);
        return Number.isSafeInteger(number) ? number : value;
      }
      case capi.SQLITE_FLOAT:
        return exports.sqlite3_column_double(this.#pointer, column);
      case capi.SQLITE_TEXT:
        return capi.sqlite3_column_text(this.#pointer, column);
      default:
        return null;
    }
  }

  #error(result: number): Error {
    const { capi } = this.#sqlite;
    return errorOf(this.#sqlite, result, capi.sqlite3_errmsg(this.#db));
  }
}

/** Gives the library's errors SQLite's own name of their result. */
function named<T>(sqlite: WasmModule, work: () => T): T {
  try {
    return work();
  } catch (failure) {
    if (!(failure instanceof sqlite.SQLite3Error)) throw failure;
    throw errorOf(sqlite, failure.resultCode ?? 1, failure.message);
  }
}

function errorOf({ capi }: WasmModule, result: number, message: string): Error {
  const code = capi.sqlite3_js_rc_str(result) ?? 'SQLITE_ERROR';
  return Object.assign(new Error(message), { code });
}
