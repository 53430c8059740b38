/** Reading a vault file whole, also beside a process that is writing it. */

import { equalBytes, err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { createSlotVaultReader } from '@simsim/event-log';
import type { StoreRefusal, VaultReader } from '@simsim/event-log';
import { nodeFiles } from './file-system.ts';
import type { FileSystem } from './file-system.ts';
import { decodeVaultFile, wipeMasters } from './vault-image.ts';
import type { OpenedVaultFile, VaultOpener } from './vault-image.ts';
import { slotsContradict, vaultFailed, vaultMissing } from './vault-refusal.ts';
import type { VaultKey } from './vault-key.ts';
import { createWrappingKeys } from './vault-wrapping.ts';
import type { WrappingKeys } from './vault-wrapping.ts';

/** What it takes to read a vault file. */
export interface VaultReadOptions {
  readonly crypto: Crypto;
  readonly key: VaultKey;
  /** Default those of the machine. */
  readonly files?: FileSystem;
}

const READ_ATTEMPTS = 8;

/** Reads a vault file beside a live owner: for verify and replay. Never writes. */
export function openVaultReader(
  path: string,
  options: VaultReadOptions,
): Result<VaultReader, StoreRefusal> {
  const { crypto } = options;
  const opener = openerOf(options);
  const opened = readVault(path, opener, options.files);
  opener.close();
  if (!opened.ok) return opened;
  const { clear, image, masters } = opened.value;
  wipeMasters(crypto, masters);
  const reader = createSlotVaultReader(crypto, clear.logId, image);
  return reader === undefined ? err(slotsContradict()) : ok(reader);
}

/** One set of wrapping keys, for the one vault that is opened. */
export function openerOf({ crypto, key }: VaultReadOptions): VaultOpener {
  let known: { readonly vaultId: Uint8Array; readonly keys: WrappingKeys } | undefined;
  return {
    crypto,
    keysOf(vaultId) {
      if (known === undefined || !equalBytes(known.vaultId, vaultId)) {
        known?.keys.close();
        known = { vaultId, keys: createWrappingKeys({ crypto, key, vaultId }) };
      }
      return known.keys;
    },
    close: () => known?.keys.close(),
  };
}

/** Reads the file whole; an owner may be flushing meanwhile, so once more while it changes. */
export function readVault(
  path: string,
  opener: VaultOpener,
  files: FileSystem = nodeFiles,
): Result<OpenedVaultFile, StoreRefusal> {
  try {
    if (!files.exists(path)) return err(vaultMissing(path));
    let bytes = files.read(path);
    let answer = decodeVaultFile(opener, bytes);
    for (let attempt = 1; attempt < READ_ATTEMPTS && !answer.ok; attempt++) {
      const before = bytes;
      bytes = files.read(path);
      if (Buffer.compare(before, bytes) === 0) break;
      answer = decodeVaultFile(opener, bytes);
    }
    return answer;
  } catch (failure) {
    return err(vaultFailed(failure));
  }
}
