/** Broken variants of the store, the vault and their user. The judge must notice each of them. */

import { err, ok } from '@simsim/bytes';
import { createEventLog, openEventLog } from '@simsim/event-log';
import type { EventStore, Vault } from '@simsim/event-log';
import { createSlotFileVault, openSlotFileVault, openSqliteStore } from '../../src/index.ts';
import type { FileSystem, OpenFile, SqliteDatabase, SqliteDriver } from '../../src/index.ts';
import type { Saboteur } from './power-loss.ts';

/** Turns the syncs of commits off once the store has made sure that they are on. */
export function syncing(level: 'OFF' | 'NORMAL'): Saboteur {
  return {
    driver: changed((db) => {
      let isSet = false;
      return {
        ...db,
        transaction(kind, work) {
          if (kind === 'write' && !isSet) db.exec(`PRAGMA synchronous = ${level}`);
          isSet ||= kind === 'write';
          return db.transaction(kind, work);
        },
      };
    }),
  };
}

/** The store believes what a killed owner left in the WAL. */
export const unsettledWal: Saboteur = {
  driver: changed((db) => ({
    ...db,
    prepare: (sql) => db.prepare(sql.startsWith('PRAGMA wal_checkpoint') ? 'SELECT 1' : sql),
  })),
};

/** A flush does not wait for its copies before it zeroes the old ones. */
export const unsyncedVault: Saboteur = {
  files: (files) => edited(files, (file) => ({ ...file, sync: () => undefined })),
};

/** Names of new files are not made durable. */
export const unsyncedDirectory: Saboteur = {
  files: (files) => ({ ...files, syncDirectoryOf: () => undefined }),
};

/** The vault believes that what it reads is on the medium, and does not write it again. */
export const trustedVault: Saboteur = {
  files: (files) =>
    edited(files, (file, path) => ({
      ...file,
      write(bytes, offset) {
        const there = files.read(path).subarray(offset, offset + bytes.length);
        if (Buffer.compare(there, bytes) !== 0) file.write(bytes, offset);
      },
    })),
};

/** What a commit wrote whose sync failed stays in the WAL, for whoever opens it after a kill. */
export const believedTail: Saboteur = {
  files: (files) =>
    edited(files, (file, path) =>
      path.endsWith('-wal') ? { ...file, write: () => undefined } : file,
    ),
};

/** The vault follows before the rows of the streams that began are committed. */
export const eagerVault: Saboteur = {
  open(options) {
    const hasVault = options.files?.exists(options.vaultPath) === true;
    const store = openSqliteStore(options.path, options);
    if (!store.ok) return store;
    const logId = new Uint8Array(16).fill(9);
    const vault = hasVault
      ? openSlotFileVault(options.vaultPath, options)
      : createSlotFileVault(options.vaultPath, { ...options, logId });
    if (!vault.ok) return vault;
    try {
      const isNew = store.value.meta('log') === undefined;
      const parts = { ...options, store: eager(store.value, vault.value), vault: vault.value };
      const log = isNew ? createEventLog(parts) : openEventLog(parts);
      return log.ok ? ok({ log: log.value }) : log;
    } catch (failure) {
      return err({ code: 'STORE_FAILED', detail: String(failure) });
    }
  },
};

export const sendsEarly: Saboteur = { sendsEarly: true };

export const isTrusting: Saboteur = { isTrusting: true };

function eager(store: EventStore, vault: Vault): EventStore {
  return {
    ...store,
    commit(change) {
      if (change.events.length === 0 && change.streams.length > 0) {
        const { streamMax, at } = vault.anchor();
        const ids = change.streams.map(({ id }) => id);
        vault.flush({ ...change.expectedTip, streamMax: Math.max(streamMax, ...ids), at });
      }
      return store.commit(change);
    },
  };
}

function changed(
  change: (db: SqliteDatabase) => SqliteDatabase,
): (driver: SqliteDriver) => SqliteDriver {
  return (driver) => ({ open: (path, mode) => change(driver.open(path, mode)) });
}

function edited(files: FileSystem, change: (file: OpenFile, path: string) => OpenFile): FileSystem {
  return {
    ...files,
    open: (path, mode) =>
      mode === 'edit' ? change(files.open(path, mode), path) : files.open(path, mode),
  };
}
