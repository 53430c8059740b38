/** Opening a device's log for looking only, also beside the process that owns it. */

import { readFileSync } from 'node:fs';
import { err } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { nodeCrypto } from '@simsim/crypto/node';
import { vaultPathOf } from '@simsim/device';
import { createLogReader, laterFormat } from '@simsim/event-log';
import type { EventReader, LogReader, StoreRefusal, VaultReader } from '@simsim/event-log';
import { openSqliteReader, openVaultReader, RAW_KEY_BYTES } from '@simsim/event-log-sqlite';
import type { VaultKey } from '@simsim/event-log-sqlite';
import { environmentError, errorText, usageError } from '../cli-error.ts';
import { PASSPHRASE_VARIABLE, STORE_ADVICE } from './store-advice.ts';

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

/** Opens the events; the caller closes them. Throws: CliError 2 where there is no log, else 3. */
export function openEvents(path: string): EventReader {
  const opened = openReadable(path);
  if (opened.ok) return opened.value;
  const { code, detail } = opened.error;
  if (code === 'STORE_MISSING') throw usageError(`${detail}.`, STORE_ADVICE[code]);
  throw environmentError(`${path} does not open as a log: ${code}, ${detail}.`, STORE_ADVICE[code]);
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
  // The vault first: it may only ever lag behind the events that are read after it.
  const access = openVaultReader(vaultPathOf(path), { crypto: nodeCrypto, key });
  if (!access.ok) {
    const { code, detail } = access.error;
    throw environmentError(
      `The vault beside ${path} does not open: ${code}, ${detail}.`,
      STORE_ADVICE[code],
    );
  }
  const vault = access.value;
  const reader = openEvents(path);
  const log = createLogReader({ reader, vault, crypto: nodeCrypto });
  const close = (): void => {
    reader.close();
    vault.close();
  };
  if (log.ok) return { reader, vault, log: log.value, close };
  close();
  const { code, detail } = log.error;
  throw environmentError(`${path} does not open: ${code}, ${detail}.`, STORE_ADVICE[code]);
}

function readKeyFile(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw usageError(`The key file cannot be read: ${errorText(error)}.`, 'Name a readable file.');
  }
}
