/** A connection with the settings the log's promises rest on, and its prepared queries. */

import { StoreFailure } from '@simsim/event-log';
import type { StoreRefusal, StoreRefusalCode } from '@simsim/event-log';
import { betterSqlite3 } from './better-sqlite3-driver.ts';
import { prepareQuery } from './compiled-query.ts';
import type { CompiledText, PreparedQuery } from './compiled-query.ts';
import { adviceOn } from './failure-advice.ts';
import { APPLICATION_ID, SCHEMA_VERSION, schemaVersions } from './schema.ts';
import { sqliteCodeOf } from './sqlite-driver.ts';
import type { SqliteDatabase, SqliteDriver } from './sqlite-driver.ts';

/** The first version without the bug that could lose a reset WAL. */
const SQLITE_VERSION_MIN = [3, 51, 3] as const;

const SYNCHRONOUS_FULL = 2;

/** Settings of a connection. */
export interface ConnectionOptions {
  readonly mode: 'write' | 'read';
  /** Page cache in KiB. */
  readonly cacheKiB: number;
  /** Default {@link betterSqlite3}. */
  readonly driver?: SqliteDriver | undefined;
  /** Why the file must be left alone; asked before a connection for writing changes anything. */
  readonly vet?: (connection: Connection) => StoreRefusal | undefined;
}

/** An open database. */
export interface Connection {
  readonly db: SqliteDatabase;
  /** A query, prepared at its first use. */
  readonly query: (text: CompiledText) => PreparedQuery;
}

/** Opens a file. Throws: errors of the driver, StoreFailure; see {@link refusalOf}. */
export function connect(path: string, options: ConnectionOptions): Connection {
  const { mode, cacheKiB, driver, vet } = options;
  const db = (driver ?? betterSqlite3).open(path, mode);
  try {
    db.exec(`PRAGMA cache_size = -${cacheKiB}; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
      PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;`);
    const connection = { db, query: queryCache(db) };
    const refusal = vet?.(connection);
    if (refusal !== undefined) throw new StoreFailure(refusal.code, refusal.detail);
    if (mode === 'write') {
      settleWriting(db);
      if (driver?.isInMemory !== true) {
        assertDurable(db);
        settleWal(db);
      }
    }
    return connection;
  } catch (failure) {
    db.close();
    throw failure;
  }
}

/** The one value a pragma or a query answers. */
export function valueOf(db: SqliteDatabase, sql: string): unknown {
  return db.prepare(sql).get([])?.[0];
}

/**
 * What a database is: ours, of a later release and `readable` for this one or not, empty, or not a log.
 */
export type SchemaState = 'ours' | 'readable' | 'too-new' | 'empty' | 'foreign';

/** Finds out what a database is. */
export function schemaState(db: SqliteDatabase): SchemaState {
  const version = Number(valueOf(db, 'PRAGMA user_version'));
  const application = valueOf(db, 'PRAGMA application_id');
  if (application !== APPLICATION_ID) {
    const table = valueOf(db, 'SELECT 1 FROM sqlite_schema LIMIT 1');
    return application === 0 && version === 0 && table === undefined ? 'empty' : 'foreign';
  }
  const { written, readable } = schemaVersions(version);
  if (written === SCHEMA_VERSION) return 'ours';
  if (written < SCHEMA_VERSION) return 'foreign';
  return readable <= SCHEMA_VERSION ? 'readable' : 'too-new';
}

/** A failure to open as a refusal; anything that is neither ours nor the medium's goes on. */
export function refusalOf(failure: unknown): StoreRefusal {
  if (failure instanceof StoreFailure) return { code: failure.code, detail: failure.detail };
  if (failure instanceof Error && 'code' in failure && typeof failure.code === 'string') {
    return { code: codeOf(failure.code), detail: detailOf(failure.code, failure.message) };
  }
  throw failure;
}

/** A failure in the middle of work as one of ours. */
export function failureOf(failure: unknown): Error {
  const code = sqliteCodeOf(failure);
  if (failure instanceof Error && code !== undefined) {
    return new StoreFailure(codeOf(code), detailOf(code, failure.message), failure);
  }
  return failure instanceof Error ? failure : new Error('unknown failure', { cause: failure });
}

function detailOf(code: string, message: string): string {
  const advice = adviceOn(code);
  const said = message.startsWith(code) ? message : `${code}: ${message}`;
  return advice === undefined ? said : `${advice} (${said})`;
}

function codeOf(code: string): StoreRefusalCode {
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return 'STORE_CORRUPT';
  if (code.startsWith('SQLITE_CONSTRAINT')) return 'STORE_CORRUPT';
  return 'STORE_FAILED';
}

/**
 * Recursive triggers make a REPLACE fire the trigger that forbids deleting events; the page size is
 * that of the medium, and some builds of SQLite have another default.
 */
function settleWriting(db: SqliteDatabase): void {
  assertVersion(db);
  db.exec('PRAGMA page_size = 4096');
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST; PRAGMA recursive_triggers = ON; PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON; PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = 16777216;`);
}

/**
 * Asserts what durability rests on, by reading it back: the library opens databases that are in WAL
 * mode already with `synchronous = NORMAL`, which loses acknowledged commits when power fails; and
 * the pragma that sets the journal answers `wal` before it has written the mode down, which may fail.
 */
function assertDurable(db: SqliteDatabase): void {
  if (
    valueOf(db, 'PRAGMA journal_mode') !== 'wal' ||
    valueOf(db, 'PRAGMA synchronous') !== SYNCHRONOUS_FULL
  ) {
    throw new StoreFailure('STORE_UNSAFE', 'the database does not take WAL with full syncs');
  }
}

/**
 * Moves what a killed owner left in the WAL into the database. A sync that failed may have left
 * frames there which the system shows and the medium has not; commits that were appended to them
 * would be lost with them. Where the owner closed, there is no WAL and nothing to do.
 */
function settleWal(db: SqliteDatabase): void {
  db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get([]);
}

function assertVersion(db: SqliteDatabase): void {
  const version = String(valueOf(db, 'SELECT sqlite_version()'));
  const parts = version.split('.').map(Number);
  for (const [i, least] of SQLITE_VERSION_MIN.entries()) {
    const part = parts[i] ?? 0;
    if (part > least) return;
    if (part < least) throw new StoreFailure('STORE_UNSAFE', `SQLite ${version} is too old`);
  }
}

function queryCache(db: SqliteDatabase): Connection['query'] {
  const prepared = new Map<CompiledText, PreparedQuery>();
  return (text) => {
    const known = prepared.get(text);
    if (known !== undefined) return known;
    const query = prepareQuery(db, text);
    prepared.set(text, query);
    return query;
  };
}
