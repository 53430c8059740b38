/** Opening a relay's file: pragmas set and read back, schema brought up to date. */

import { chmodSync } from 'node:fs';
import type { Database as Connection } from 'better-sqlite3';
import Database from 'better-sqlite3';
import { lockFile } from './file-lock.ts';
import type { FileLock } from './file-lock.ts';
import { createQueryBuilder } from './prepare.ts';
import { MIGRATIONS } from './schema.ts';
import { RelayStoreError } from './store-error.ts';

/** 'SiRe': marks a file as a relay's. */
const APPLICATION_ID = 0x53695265;
/** Before 3.51.3 a WAL could be damaged by two connections that checkpoint at once. */
const SQLITE_VERSION_MIN = [3, 51, 3];

/** A relay's file, locked for this process. */
export interface RelayFile {
  readonly database: Connection;
  /** Closes the file, then lets others have it. */
  close(): void;
}

/** Opens or makes a relay's file. Throws: {@link RelayStoreError}, or SQLite's own error. */
export function openDatabase(file: string): RelayFile {
  const database = new Database(file);
  let lock: FileLock | undefined;
  const close = (): void => {
    database.close();
    lock?.release();
  };
  try {
    checkFile(database);
    lock = lockFile(file);
    // Mail and token hashes are nobody else's on this machine.
    chmodSync(file, 0o600);
    prepareFile(database);
    return { database, close };
  } catch (error) {
    close();
    throw error;
  }
}

function checkFile(database: Connection): void {
  const version = String(database.prepare('select sqlite_version()').pluck().get());
  if (isOlder(version)) throw new RelayStoreError('NOT_DURABLE', `SQLite ${version} is too old`);
  database.pragma('busy_timeout = 5000');
  const applicationId = database.pragma('application_id', { simple: true });
  const isEmpty = database.prepare('select count(*) from sqlite_schema').pluck().get() === 0;
  if (applicationId !== APPLICATION_ID && !isEmpty) {
    throw new RelayStoreError('DAMAGED', 'the file is not a relay');
  }
}

function prepareFile(database: Connection): void {
  const journal = database.pragma('journal_mode = wal', { simple: true });
  database.pragma('synchronous = full');
  const synchronous = database.pragma('synchronous', { simple: true });
  if (journal !== 'wal' || synchronous !== 2) {
    throw new RelayStoreError('NOT_DURABLE', 'WAL with full synchronisation cannot be had here');
  }
  for (const pragma of ['fullfsync = on', 'checkpoint_fullfsync = on', 'temp_store = memory']) {
    database.pragma(pragma);
  }
  for (const pragma of ['trusted_schema = off', 'cell_size_check = on', 'foreign_keys = on']) {
    database.pragma(pragma);
  }
  settleWal(database);
  migrate(database);
}

/**
 * Moves what a killed relay left in the WAL into the file. A sync that failed may have left frames there
 * which the system shows and the medium has not; commits that were appended to them would be lost with
 * them when power fails.
 */
function settleWal(database: Connection): void {
  database.pragma('wal_checkpoint(passive)');
}

function migrate(database: Connection): void {
  const build = createQueryBuilder();
  const step = database.transaction(() => {
    const done = Number(database.pragma('user_version', { simple: true }));
    if (done > MIGRATIONS.length) {
      throw new RelayStoreError('DAMAGED', 'the file is from a newer version');
    }
    if (done === 0) database.pragma(`application_id = ${APPLICATION_ID}`);
    for (const migration of MIGRATIONS.slice(done)) {
      for (const text of migration(build)) database.exec(text);
    }
    database.pragma(`user_version = ${MIGRATIONS.length}`);
  });
  step.immediate();
}

function isOlder(version: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [i, least] of SQLITE_VERSION_MIN.entries()) {
    const part = parts[i] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}
