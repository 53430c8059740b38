/** Opening a device's log for looking only, also beside the process that owns it. */

import { existsSync, readFileSync } from 'node:fs';
import { err } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { nodeCrypto } from '@simsim/crypto/node';
import { vaultPathOf } from '@simsim/device';
import { createLogReader, laterFormat } from '@simsim/event-log';
import type { EventReader, LogReader, StoreRefusal, VaultReader } from '@simsim/event-log';
import { openSqliteReader, openVaultReader, RAW_KEY_BYTES } from '@simsim/event-log-sqlite';
import type { VaultKey } from '@simsim/event-log-sqlite';
import { environmentError, errorText, usageError } from '../cli-error.ts';

/** Name of the environment variable with a vault's passphrase. */
export const PASSPHRASE_VARIABLE = 'SIMSIM_PASSPHRASE';

/** What opens the vaults: a key file, the passphrase of the environment, or nothing. */
export function readVaultKey(keyFile: string | undefined): VaultKey {
  if (keyFile !== undefined) {
    const key = readKeyFile(keyFile);
    if (key.length === RAW_KEY_BYTES) return { kind: 'raw', key };
    throw usageError(`The key file does not hold ${RAW_KEY_BYTES} bytes.`, 'Give the raw key.');
  }
  const passphrase = process.env[PASSPHRASE_VARIABLE];
  if (passphrase !== undefined) return { kind: 'passphrase', passphrase };
  return { kind: 'none', unsafePlaintextVault: true };
}

/** The vault beside a log, or why it cannot be read. */
export type VaultAccess =
  | { readonly kind: 'open'; readonly vault: VaultReader }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly refusal: StoreRefusal };

/** Opens the vault beside a log. Open it before the log is read: it may only lag behind it. */
export function openVaultBeside(path: string, key: VaultKey): VaultAccess {
  const vaultPath = vaultPathOf(path);
  if (!existsSync(vaultPath)) return { kind: 'missing' };
  const opened = openVaultReader(vaultPath, { crypto: nodeCrypto, key });
  if (opened.ok) return { kind: 'open', vault: opened.value };
  return { kind: 'refused', refusal: opened.error };
}

/** What to say about a vault that cannot be read. */
export function vaultRefusalText({ code, detail }: StoreRefusal): string {
  return `${code}: ${detail}`;
}

/** Opens the events; the caller closes them. Throws: CliError 2 where there is no log, else 3. */
export function openEvents(path: string): EventReader {
  const opened = openReadable(path);
  if (opened.ok) return opened.value;
  const { code, detail } = opened.error;
  if (code === 'STORE_MISSING')
    throw usageError(`${detail}.`, 'Name a log.db or a folder with some.');
  throw environmentError(
    `${path} does not open as a log: ${code}, ${detail}.`,
    HINTS[code] ?? 'Restore it from a copy.',
  );
}

/** A log of a later format may have tables that we know, and events that we cannot take apart. */
function openReadable(path: string): Result<EventReader, StoreRefusal> {
  const opened = openSqliteReader(path);
  const later = opened.ok ? laterFormat(opened.value, 'read') : undefined;
  if (!opened.ok || later === undefined) return opened;
  opened.value.close();
  return err(later);
}

/** An open log with its vault. */
export interface OpenLog {
  readonly reader: EventReader;
  readonly vault: VaultReader;
  readonly log: LogReader;
  close(): void;
}

/** Opens log and vault together. Throws: CliError 3 where the vault does not open. */
export function openLogWithVault(path: string, key: VaultKey): OpenLog {
  const access = openVaultBeside(path, key);
  if (access.kind !== 'open') {
    const why = access.kind === 'missing' ? 'there is none' : vaultRefusalText(access.refusal);
    throw environmentError(
      `The vault beside ${path} does not open: ${why}.`,
      `Facts are encrypted; give --key-file, or the passphrase in ${PASSPHRASE_VARIABLE}.`,
    );
  }
  const { vault } = access;
  const reader = openEvents(path);
  const log = createLogReader({ reader, vault, crypto: nodeCrypto });
  const close = (): void => {
    reader.close();
    vault.close();
  };
  if (log.ok) return { reader, vault, log: log.value, close };
  close();
  const { code, detail } = log.error;
  throw environmentError(
    `${path} does not open: ${code}, ${detail}.`,
    'Put the right vault beside it.',
  );
}

const HINTS: Readonly<Partial<Record<StoreRefusal['code'], string>>> = {
  STORE_TOO_NEW: 'Use a newer release.',
  STORE_CORRUPT: 'It is damaged or no log of a device; restore it from a copy.',
};

function readKeyFile(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw usageError(`The key file cannot be read: ${errorText(error)}.`, 'Name a readable file.');
  }
}
