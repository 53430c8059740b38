/**
 * What the store asks of an SQLite: four functions of an open database. better-sqlite3 is the one
 * that ships; an SQLite in WebAssembly fits as well, which the tests prove.
 *
 * Everything throws where SQLite refuses: an error whose `code` is SQLite's own name of the result,
 * such as `SQLITE_FULL` or `SQLITE_IOERR_FSYNC`.
 */

/** What a statement takes. */
export type SqlValue = string | number | Uint8Array | null;

/** A row by columns, as selected. Blobs are bytes of the row's own. */
export type SqlRow = readonly unknown[];

/** A prepared statement. Values stand in the order of its places. */
export interface SqliteStatement {
  /** Rows that were changed. */
  run(values: readonly SqlValue[]): number;
  get(values: readonly SqlValue[]): SqlRow | undefined;
  all(values: readonly SqlValue[]): readonly SqlRow[];
  /** Rows one by one; to be read to the end at once. */
  iterate(values: readonly SqlValue[]): Iterable<SqlRow>;
}

/** An open database. */
export interface SqliteDatabase {
  /** Runs statements that answer nothing. */
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  /**
   * Runs `work` in a transaction, or within the one that is running; `write` takes the writing lock
   * at once. Commits where `work` returns, rolls back and throws on where it throws.
   */
  transaction<T>(kind: 'read' | 'write', work: () => T): T;
  /** The whole database as a file would hold it. In memory at once, so for small ones. */
  serialize(): Uint8Array;
  /** Closes; once closed, does nothing. */
  close(): void;
}

/** An SQLite. */
export interface SqliteDriver {
  /**
   * Its databases are in memory and go with the process: no WAL and no syncs are asked of them. For
   * tests and simulation.
   */
  readonly isInMemory?: true;
  /** Opens a file; `write` makes it where there is none. */
  open(path: string, mode: 'read' | 'write'): SqliteDatabase;
}

/** SQLite's name of a failure's result; `undefined` where it is not SQLite's. */
export function sqliteCodeOf(failure: unknown): string | undefined {
  const code = failure instanceof Error && 'code' in failure ? failure.code : undefined;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined;
}
