/** A connection with the settings the log's promises rest on, and its prepared queries. */

import Database from 'better-sqlite3';
import { StoreFailure } from '@simsim/event-log';
import type { StoreRefusal, StoreRefusalCode } from '@simsim/event-log';
import { prepareQuery } from './compiled-query.ts';
import type { CompiledText, PreparedQuery } from './compiled-query.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';

/** The first version without the bug that could lose a reset WAL. */
const SQLITE_VERSION_MIN = [3, 51, 3] as const;

const SYNCHRONOUS_FULL = 2;

/** Settings of a connection. */
export interface ConnectionOptions {
  readonly mode: 'write' | 'read';
  /** Page cache in KiB. */
  readonly cacheKiB: number;
}

/** An open database. */
export interface Connection {
  readonly db: Database.Database;
  /** A query, prepared at its first use. */
  readonly query: (text: CompiledText) => PreparedQuery;
}

/** Opens a file. Throws: SqliteError, StoreFailure; see {@link refusalOf}. */
export function connect(path: string, { mode, cacheKiB }: ConnectionOptions): Connection {
  const db = new Database(path, { readonly: mode === 'read', timeout: 5000 });
  try {
    db.exec(`PRAGMA cache_size = -${cacheKiB}; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
      PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;`);
    if (mode === 'write') settleWriting(db);
    return { db, query: queryCache(db) };
  } catch (failure) {
    db.close();
    throw failure;
  }
}

/** What a database is: ours and whole, ours and new, empty, or not ours. */
export function schemaState(db: Database.Database): 'ours' | 'too-new' | 'empty' | 'foreign' {
  const version = db.pragma('user_version', { simple: true });
  const application = db.pragma('application_id', { simple: true });
  if (application === APPLICATION_ID) return version === SCHEMA_VERSION ? 'ours' : 'too-new';
  const tables = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get();
  return application === 0 && version === 0 && tables === undefined ? 'empty' : 'foreign';
}

/** A failure to open as a refusal; anything that is neither ours nor SQLite's goes on. */
export function refusalOf(failure: unknown): StoreRefusal {
  if (failure instanceof StoreFailure) return { code: failure.code, detail: failure.message };
  if (failure instanceof Database.SqliteError) {
    return { code: codeOf(failure.code), detail: `${failure.code}: ${failure.message}` };
  }
  throw failure;
}

/** A failure in the middle of work as one of ours. */
export function failureOf(failure: unknown): Error {
  if (failure instanceof Database.SqliteError) {
    return new StoreFailure(codeOf(failure.code), failure.message, failure);
  }
  return failure instanceof Error ? failure : new Error('unknown failure', { cause: failure });
}

function codeOf(code: string): StoreRefusalCode {
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return 'STORE_CORRUPT';
  if (code.startsWith('SQLITE_CONSTRAINT')) return 'STORE_CORRUPT';
  return 'STORE_FAILED';
}

/**
 * Recursive triggers make a REPLACE fire the trigger that forbids deleting events.
 *
 * Asserts what durability rests on, by reading it back: the library opens databases that are in WAL
 * mode already with `synchronous = NORMAL`, which loses acknowledged commits when power fails.
 */
function settleWriting(db: Database.Database): void {
  assertVersion(db);
  const journal = db.pragma('journal_mode = WAL', { simple: true });
  db.exec(`PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST; PRAGMA recursive_triggers = ON; PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON; PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = 16777216;`);
  const synchronous = db.pragma('synchronous', { simple: true });
  if (journal !== 'wal' || synchronous !== SYNCHRONOUS_FULL) {
    throw new StoreFailure('STORE_UNSAFE', 'the database does not take WAL with full syncs');
  }
}

function assertVersion(db: Database.Database): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  const parts = version.split('.').map(Number);
  for (const [i, least] of SQLITE_VERSION_MIN.entries()) {
    const part = parts[i] ?? 0;
    if (part > least) return;
    if (part < least) throw new StoreFailure('STORE_UNSAFE', `SQLite ${version} is too old`);
  }
}

function queryCache(db: Database.Database): Connection['query'] {
  const prepared = new Map<CompiledText, PreparedQuery>();
  return (text) => {
    const known = prepared.get(text);
    if (known !== undefined) return known;
    const query = prepareQuery(db, text);
    prepared.set(text, query);
    return query;
  };
}
