/** A log in two files: the database and the vault beside it. */

import { existsSync } from 'node:fs';
import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { createEventLog, LOG_ID_BYTES, openEventLog } from '@simsim/event-log';
import type { EventLog, EventStore, LogOptions, StoreRefusal, Vault } from '@simsim/event-log';
import { openSqliteStore } from './sqlite-store.ts';
import type { SqliteStoreOptions } from './sqlite-store.ts';
import { createSlotFileVault, openSlotFileVault } from './vault-file.ts';
import type { VaultFileOptions } from './vault-file.ts';

/** Where the log is, what opens it, and the options of its parts. */
export interface SqliteLogOptions extends SqliteStoreOptions, VaultFileOptions, LogOptions {
  readonly path: string;
  readonly vaultPath: string;
}

/** An opened log and whether it is new. */
export interface OpenedSqliteLog {
  readonly log: EventLog;
  readonly isNew: boolean;
}

/**
 * Opens a log, or creates it where `ifMissing` says so and neither file holds anything yet. The
 * database is made first, the vault second, and the log's first row last; so a creation that was
 * killed midway is recognised and finished, while a lost half is always a refusal.
 *
 * Refuses: every {@link StoreRefusal}.
 */
export function openSqliteLog(options: SqliteLogOptions): Result<OpenedSqliteLog, StoreRefusal> {
  const { path, vaultPath } = options;
  const hasVault = existsSync(vaultPath);
  const ifMissing = hasVault && !existsSync(path) ? 'refuse' : (options.ifMissing ?? 'refuse');
  const store = openSqliteStore(path, { ...options, ifMissing });
  if (!store.ok) return store;
  const isNew = isUnused(store.value);
  if (isNew && ifMissing === 'refuse') {
    store.value.close();
    return err({ code: 'STORE_MISSING', detail: `the log at ${path} was never finished` });
  }
  const vault = openVault(options, hasVault || !isNew ? 'open' : 'create');
  if (!vault.ok) {
    store.value.close();
    return vault;
  }
  const parts = { ...options, store: store.value, vault: vault.value };
  const log = isNew ? createEventLog(parts, options) : openEventLog(parts, options);
  if (log.ok) return ok({ log: log.value, isNew });
  vault.value.close();
  store.value.close();
  return log;
}

function isUnused(store: EventStore): boolean {
  return store.tip().seq === 0 && store.meta('log') === undefined;
}

function openVault(
  options: SqliteLogOptions,
  mode: 'open' | 'create',
): Result<Vault, StoreRefusal> {
  const { vaultPath, entropy } = options;
  if (mode === 'open') return openSlotFileVault(vaultPath, options);
  return createSlotFileVault(vaultPath, { ...options, logId: entropy(LOG_ID_BYTES) });
}
