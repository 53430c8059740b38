/**
 * Connections for looking only. A log in WAL mode wants two files beside it even from a reader, who has
 * no right to leave any: where they cannot be made the files are copied first, and where they were made
 * they go again.
 */

import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { StoreFailure } from '@simsim/event-log';
import { betterSqlite3 } from './better-sqlite3-driver.ts';
import { connect, schemaState } from './connection.ts';
import type { Connection, ConnectionOptions } from './connection.ts';
import { sqliteCodeOf } from './sqlite-driver.ts';

/** Times a log is copied that its owner goes on writing. */
const COPY_ATTEMPTS = 5;

/** Only its owner reads a copy. */
const COPY_MODE = 0o600;

/**
 * Opens a file for reading. On the machine's own files it leaves nothing beside the log, and reads from
 * a private copy where the medium or its rights allow no shared memory.
 *
 * Throws: as {@link connect}; errors of the system where there is no room for a copy.
 */
export function connectReading(
  path: string,
  options: Pick<ConnectionOptions, 'cacheKiB' | 'driver'>,
): Connection {
  if (options.driver !== undefined) return opened(path, options);
  try {
    return closing(opened(path, options), () => tidy(path));
  } catch (failure) {
    tidy(path);
    if (!lacksSharedMemory(failure)) throw failure;
    return connectCopy(path, options);
  }
}

/** The first read is what finds out whether there can be shared memory. */
function opened(
  path: string,
  { cacheKiB, driver }: Pick<ConnectionOptions, 'cacheKiB' | 'driver'>,
): Connection {
  const connection = connect(path, { mode: 'read', cacheKiB, driver });
  try {
    schemaState(connection.db);
    return connection;
  } catch (failure) {
    connection.db.close();
    throw failure;
  }
}

function lacksSharedMemory(failure: unknown): boolean {
  const code = sqliteCodeOf(failure) ?? '';
  return code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN');
}

/** Copies database and WAL and reads these; the copy goes with the connection. */
function connectCopy(
  path: string,
  options: Pick<ConnectionOptions, 'cacheKiB' | 'driver'>,
): Connection {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-read-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const copy = join(folder, basename(path));
    copyStill(path, copy);
    return closing(opened(copy, options), remove);
  } catch (failure) {
    remove();
    throw failure;
  }
}

/** Copies what is of one moment: an owner may be at work, whose folder we may only read. */
function copyStill(path: string, copy: string): void {
  for (let attempt = 0; attempt < COPY_ATTEMPTS; attempt++) {
    const before = stateOf(path);
    for (const end of ['', '-wal']) copyPart(`${path}${end}`, `${copy}${end}`);
    if (stateOf(path) === before) return;
  }
  const detail =
    'it is written while it is copied; read it as its owner, or once that has closed it';
  throw new StoreFailure('STORE_FAILED', detail);
}

function copyPart(from: string, to: string): void {
  rmSync(to, { force: true });
  if (!existsSync(from)) return;
  copyFileSync(from, to);
  chmodSync(to, COPY_MODE);
}

/** What changes whenever database or WAL do. */
function stateOf(path: string): string {
  return ['', '-wal']
    .map((end) => statSync(`${path}${end}`, { bigint: true, throwIfNoEntry: false }))
    .map((file) => (file === undefined ? 'none' : `${file.ino} ${file.size} ${file.mtimeNs}`))
    .join(', ');
}

function closing({ db, query }: Connection, then: () => void): Connection {
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    db.close();
    then();
  };
  return { db: { ...db, close }, query };
}

/**
 * Removes the empty WAL and the shared memory that readers made beside a closed log. SQLite does it
 * itself when the last connection for writing closes, under its own locks: a live owner keeps both. A
 * WAL that holds something is somebody's and stays.
 */
function tidy(path: string): void {
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false });
  if (wal === undefined || wal.size > 0) return;
  try {
    const db = betterSqlite3.open(path, 'write');
    try {
      schemaState(db);
    } finally {
      db.close();
    }
  } catch (failure) {
    // Left behind, they are empty, and the owner's next closing takes them along.
    if (sqliteCodeOf(failure) === undefined) throw failure;
  }
}
