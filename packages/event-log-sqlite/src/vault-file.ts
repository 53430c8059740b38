/**
 * The vault in a file: pages overwritten in place, never renamed, because only that erases on file
 * systems that overwrite in place. Every flush writes the changed pages to their other copies and
 * the header to its other place, syncs once, then zeroes what was replaced.
 */

import { err, invariant, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import {
  createSlotVault,
  createSlotVaultReader,
  createVaultImage,
  genesisHash,
  StoreFailure,
} from '@simsim/event-log';
import type { StoreRefusal, Vault, VaultImage, VaultMedium, VaultReader } from '@simsim/event-log';
import { nodeFiles } from './file-system.ts';
import type { FileSystem } from './file-system.ts';
import { encodeHeaderPage, FILE_PAGE_BYTES } from './vault-header.ts';
import type { ClearHeader, PageEntry } from './vault-header.ts';
import { decodeVaultFile } from './vault-image.ts';
import type { OpenedVaultFile } from './vault-image.ts';
import { describeKey, deriveKey } from './vault-key.ts';
import type { VaultKey } from './vault-key.ts';
import { NONCE_BYTES, openMedium, unlessProved, ZEROS } from './vault-medium.ts';
import type { VaultMediumOptions } from './vault-medium.ts';
import { encodePageCopy } from './vault-page.ts';

/** How to create or open a vault file. */
export interface VaultFileOptions extends VaultMediumOptions {
  readonly key: VaultKey;
  /** Slots kept ready. */
  readonly poolMin?: number;
  /** Default those of the machine. */
  readonly files?: FileSystem;
  /**
   * Number of the log's last event, where it is known. Events after the vault's anchor prove that its
   * newest state lasts, so it need not be written once more in place, which has a risk of its own.
   */
  readonly tipSeq?: number;
}

const MASTER_KEY_BYTES = 32;
const READ_ATTEMPTS = 8;

/**
 * Makes a vault file. It appears under its name only when it is whole and durable.
 *
 * Refuses: `VAULT_EXISTS`, `VAULT_WRONG_KEY` (a raw key of the wrong length), `VAULT_FAILED`.
 */
export function createSlotFileVault(
  path: string,
  options: VaultFileOptions & { readonly logId: Uint8Array },
): Result<Vault, StoreRefusal> {
  const { crypto, entropy, logId, files = nodeFiles } = options;
  if (files.exists(path)) return err(exists(path));
  const descriptor = describeKey(options.key, entropy);
  const wrapping = deriveKey(crypto, options.key, descriptor);
  if (wrapping === undefined) return err(wrongKey());
  const masterBytes = entropy(MASTER_KEY_BYTES);
  const master = crypto.importSecret('seal', masterBytes);
  const wrapNonce = entropy(NONCE_BYTES);
  const wrapped = crypto.seal(wrapping, wrapNonce, [logId], [master]);
  masterBytes.fill(0);
  crypto.wipe(wrapping);
  const clear = { logId, descriptor, wrapNonce, wrapped, counter: 0 };
  const image = createVaultImage(entropy, genesisHash(crypto, logId));
  try {
    writeNewFile(path, { clear, image, master, options });
    return openVault(
      path,
      { clear, image, master, entries: [FIRST_ENTRY], headerPlace: 0, stale: [], inDoubt: [] },
      options,
    );
  } catch (failure) {
    return err(failed(failure));
  }
}

/**
 * Opens a vault file.
 *
 * Refuses: `VAULT_MISSING`, `VAULT_WRONG_KEY`, `VAULT_CORRUPT`, `VAULT_TOO_NEW`, `VAULT_FAILED`.
 */
export function openSlotFileVault(
  path: string,
  options: VaultFileOptions,
): Result<Vault, StoreRefusal> {
  const opened = readVault(path, options);
  if (!opened.ok) return opened;
  try {
    return openVault(path, unlessProved(opened.value, options.tipSeq), options);
  } catch (failure) {
    return err(failed(failure));
  }
}

/** Reads a vault file beside a live owner: for verify and replay. Never writes. */
export function openVaultReader(
  path: string,
  options: Pick<VaultFileOptions, 'crypto' | 'key' | 'files'>,
): Result<VaultReader, StoreRefusal> {
  const opened = readVault(path, options);
  if (!opened.ok) return opened;
  const { clear, image, master } = opened.value;
  options.crypto.wipe(master);
  const reader = createSlotVaultReader(options.crypto, clear.logId, image);
  return reader === undefined ? err(corrupt()) : ok(reader);
}

const FIRST_ENTRY: PageEntry = { generation: 0, copy: 0 };

interface NewFile {
  readonly clear: ClearHeader;
  readonly image: VaultImage;
  readonly master: Secret<'seal'>;
  readonly options: VaultFileOptions;
}

function writeNewFile(path: string, { clear, image, master, options }: NewFile): void {
  const { crypto, entropy, files = nodeFiles } = options;
  const [slots] = image.pages;
  invariant(slots !== undefined, 'a new vault has a page');
  const sealed = { anchor: image.anchor, pages: [FIRST_ENTRY] };
  const header = encodeHeaderPage(crypto, master, { clear, sealed, nonce: entropy(NONCE_BYTES) });
  const place = { logId: clear.logId, page: 0, generation: 0 };
  const copy = encodePageCopy(crypto, master, { place, nonce: entropy(NONCE_BYTES), slots });
  const partial = `${path}.new`;
  files.remove(partial);
  const file = files.open(partial, 'create');
  try {
    [header, header, copy, ZEROS].forEach((bytes, i) => file.write(bytes, i * FILE_PAGE_BYTES));
    file.sync();
  } finally {
    file.close();
  }
  files.rename(partial, path);
  files.syncDirectoryOf(path);
}

/** Reads the file whole; a live owner may be in the middle of a flush, so a few times if need be. */
function readVault(
  path: string,
  { crypto, key, files = nodeFiles }: Pick<VaultFileOptions, 'crypto' | 'key' | 'files'>,
): Result<OpenedVaultFile, StoreRefusal> {
  try {
    if (!files.exists(path)) return err(missing(path));
    let answer = decodeVaultFile(crypto, files.read(path), key);
    for (let attempt = 1; attempt < READ_ATTEMPTS; attempt++) {
      if (answer.ok || answer.error.code !== 'VAULT_CORRUPT') break;
      answer = decodeVaultFile(crypto, files.read(path), key);
    }
    return answer;
  } catch (failure) {
    return err(failed(failure));
  }
}

function openVault(
  path: string,
  opened: OpenedVaultFile,
  options: VaultFileOptions,
): Result<Vault, StoreRefusal> {
  const { crypto, entropy, poolMin, files = nodeFiles } = options;
  const file = files.open(path, 'edit');
  const reread = () => readVault(path, options);
  let medium: VaultMedium;
  try {
    medium = openMedium(opened, { ...options, file, readAll: () => files.read(path), reread });
  } catch (failure) {
    file.close();
    return err(failed(failure));
  }
  const { logId } = opened.clear;
  const pool = poolMin === undefined ? {} : { poolMin };
  const vault = createSlotVault({ crypto, entropy, logId, medium, ...pool }, opened.image);
  if (vault !== undefined) return ok(vault);
  medium.close();
  return err(corrupt());
}

function exists(path: string): StoreRefusal {
  return { code: 'VAULT_EXISTS', detail: `there is a vault at ${path}` };
}

function missing(path: string): StoreRefusal {
  return { code: 'VAULT_MISSING', detail: `there is no vault at ${path}` };
}

function wrongKey(): StoreRefusal {
  return { code: 'VAULT_WRONG_KEY', detail: 'the key does not open the vault' };
}

function corrupt(): StoreRefusal {
  return { code: 'VAULT_CORRUPT', detail: 'the slots of the vault contradict each other' };
}

function failed(failure: unknown): StoreRefusal {
  if (failure instanceof StoreFailure) return { code: failure.code, detail: failure.message };
  if (failure instanceof Error) return { code: 'VAULT_FAILED', detail: failure.message };
  throw failure;
}
