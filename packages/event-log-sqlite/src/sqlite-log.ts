/** A log in two files: the database and the vault beside it. */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { createEventLog, LOG_ID_BYTES, openEventLog } from '@simsim/event-log';
import type { EventLog, EventStore, LogOptions, StoreRefusal, Vault } from '@simsim/event-log';
import { refusalOf } from './connection.ts';
import { nodeFiles } from './file-system.ts';
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
 * Refuses: every {@link StoreRefusal}. Where another process took over meanwhile, it finds
 * `STORE_TAKEN_OVER`, then or with its next write.
 */
export function openSqliteLog(options: SqliteLogOptions): Result<OpenedSqliteLog, StoreRefusal> {
  const { path, vaultPath, files = nodeFiles } = options;
  const hasVault = files.exists(vaultPath);
  const ifMissing = hasVault && !files.exists(path) ? 'refuse' : (options.ifMissing ?? 'refuse');
  const store = openSqliteStore(path, { ...options, ifMissing });
  if (!store.ok) return store;
  const opened: { vault?: Vault } = {};
  const log = openOver(store.value, { options, hasVault, ifMissing, opened });
  if (log.ok) return log;
  opened.vault?.close();
  store.value.close();
  return log;
}

interface Opening {
  readonly options: SqliteLogOptions;
  readonly hasVault: boolean;
  readonly ifMissing: 'create' | 'refuse';
  /** What must be closed where the log does not open. */
  readonly opened: { vault?: Vault };
}

/** Opens the log over its store; a medium that fails meanwhile is a refusal too. */
function openOver(
  store: EventStore,
  { options, hasVault, ifMissing, opened }: Opening,
): Result<OpenedSqliteLog, StoreRefusal> {
  try {
    const isNew = isUnused(store);
    if (isNew && ifMissing === 'refuse') {
      return err({
        code: 'STORE_MISSING',
        detail: `the log at ${options.path} was never finished`,
      });
    }
    const fenced: SqliteLogOptions['fenced'] = (write) => store.locked(write);
    const known = { ...options, tipSeq: store.tip().seq, fenced };
    const vault = openVault(known, hasVault || !isNew ? 'open' : 'create');
    // Whoever made it may have been killed before its name was durable.
    if (isNew && hasVault) (options.files ?? nodeFiles).syncDirectoryOf(options.vaultPath);
    if (!vault.ok) return vault;
    opened.vault = vault.value;
    const parts = { ...options, store, vault: vault.value };
    const log = isNew ? createEventLog(parts, options) : openEventLog(parts, options);
    return log.ok ? ok({ log: log.value, isNew }) : log;
  } catch (failure) {
    return err(refusalOf(failure));
  }
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
