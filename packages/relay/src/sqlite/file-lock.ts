/**
 * One process per relay file: a lock of SQLite's own on a file beside it, which the system lets go of
 * with the process that has it, however that ends. Reading the relay's file meanwhile stays possible.
 */

import { chmodSync, realpathSync } from 'node:fs';
import Database from 'better-sqlite3';
import { RelayStoreError } from './store-error.ts';

/** How long to wait for a process that was killed and is on its way out, ms. */
const WAIT_MS = 500;

/** A lock that is held. */
export interface FileLock {
  release(): void;
}

/**
 * Takes the lock of a relay's file, which is there; by whatever link it is reached.
 *
 * Throws: {@link RelayStoreError} `IN_USE`.
 */
export function lockFile(file: string): FileLock {
  const path = `${realpathSync(file)}-lock`;
  const lock = new Database(path, { timeout: WAIT_MS });
  try {
    // Held until the file is closed. It stays empty, and stays: who removes it lets a second one in.
    lock.exec('begin exclusive');
    chmodSync(path, 0o600);
  } catch (error) {
    lock.close();
    const isHeld = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
    if (!isHeld) throw error;
    throw new RelayStoreError('IN_USE', `another relay has ${file} open: stop it first`);
  }
  return { release: () => void lock.close() };
}
