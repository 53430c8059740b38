/**
 * The vault in a file: pages overwritten in place, never renamed, because only that erases on file
 * systems that overwrite in place. Every flush writes the changed pages to their other copies and
 * the header to its other place, syncs once, then zeroes what was replaced.
 */

import { equalBytes, err, invariant, ok } from '@simsim/bytes';
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
import { encodeHeaderPage, FILE_PAGE_BYTES, NONCE_BYTES, wrapMaster } from './vault-header.ts';
import type { ClearHeader, PageEntry } from './vault-header.ts';
import { decodeVaultFile, unlessProved, wipeMasters } from './vault-image.ts';
import type { OpenedVaultFile, VaultOpener } from './vault-image.ts';
import { RAW_KEY_BYTES } from './vault-key.ts';
import type { VaultKey } from './vault-key.ts';
import { openMedium, ZEROS } from './vault-medium.ts';
import type { VaultMediumOptions } from './vault-medium.ts';
import { encodePageCopy } from './vault-page.ts';
import { createWrappingKeys } from './vault-wrapping.ts';
import type { WrappingKeys } from './vault-wrapping.ts';

/** How to create or open a vault file. */
export interface VaultFileOptions extends VaultMediumOptions {
  readonly key: VaultKey;
  /** Slots kept ready. */
  readonly poolMin?: number;
  /** Further pages that one flush brings under a new master key; see Vault.rotateMaster. */
  readonly rotatePages?: number;
  /**
   * When the master key is replaced beside what is asked for: never (default), beginning with each
   * opening, or always anew when the last rotation has ended.
   */
  readonly rotates?: 'at-open' | 'always';
  /** Default those of the machine. */
  readonly files?: FileSystem;
  /**
   * Number of the log's last event, where it is known. Events after the vault's anchor prove that its
   * newest state lasts, so it need not be written once more in place, which has a risk of its own.
   */
  readonly tipSeq?: number;
}

const READ_ATTEMPTS = 8;

/**
 * Makes a vault file. It appears under its name only when it is whole and durable.
 *
 * Refuses: `VAULT_EXISTS`, `VAULT_WRONG_KEY` (a raw key of the wrong length, no passphrase),
 * `VAULT_KEY_UNAVAILABLE`, `VAULT_FAILED`.
 */
export function createSlotFileVault(
  path: string,
  options: VaultFileOptions & { readonly logId: Uint8Array },
): Result<Vault, StoreRefusal> {
  const { crypto, entropy, logId, files = nodeFiles } = options;
  if (files.exists(path)) return err(exists(path));
  const opener = openerOf(options);
  const first = opener.keysOf(logId).first(entropy);
  if (!first.ok) return first;
  const masterBytes = entropy(RAW_KEY_BYTES);
  const master = crypto.importSecret('seal', masterBytes);
  masterBytes.fill(0);
  const nonce = entropy(NONCE_BYTES);
  const wrapped = wrapMaster(crypto, first.value.key, { logId, master, nonce });
  const { descriptor } = first.value;
  const clear = { logId, counter: 0, descriptor, master: wrapped, next: undefined };
  const image = createVaultImage(entropy, genesisHash(crypto, logId));
  try {
    const header = writeNewFile(path, { clear, image, master, options });
    const opened = {
      clear,
      image,
      header,
      wrapping: first.value,
      masters: { current: master, next: undefined },
      entries: [FIRST_ENTRY],
      stale: [],
      inDoubt: [],
      headerPlace: 0,
      isOtherHeaderOld: false,
    } as const;
    return openVault(path, opened, { ...options, opener });
  } catch (failure) {
    return err(failed(failure));
  }
}

/**
 * Opens a vault file.
 *
 * Refuses: `VAULT_MISSING`, `VAULT_WRONG_KEY`, `VAULT_KEY_UNAVAILABLE`, `VAULT_CORRUPT`,
 * `VAULT_TOO_NEW`, `VAULT_FAILED`. A refused opening changes nothing in the file.
 */
export function openSlotFileVault(
  path: string,
  options: VaultFileOptions,
): Result<Vault, StoreRefusal> {
  const opener = openerOf(options);
  const opened = readVault(path, opener, options.files);
  const vault = opened.ok ? openIt(path, opened.value, { ...options, opener }) : opened;
  if (!vault.ok) opener.close();
  return vault;
}

function openIt(
  path: string,
  opened: OpenedVaultFile,
  options: VaultFileOptions & { readonly opener: VaultOpener },
): Result<Vault, StoreRefusal> {
  try {
    return openVault(path, unlessProved(opened, options.tipSeq), options);
  } catch (failure) {
    wipeMasters(options.crypto, opened.masters);
    return err(failed(failure));
  }
}

/** Reads a vault file beside a live owner: for verify and replay. Never writes. */
export function openVaultReader(
  path: string,
  options: Pick<VaultFileOptions, 'crypto' | 'key' | 'files'>,
): Result<VaultReader, StoreRefusal> {
  const { crypto } = options;
  const opener = openerOf(options);
  const opened = readVault(path, opener, options.files);
  opener.close();
  if (!opened.ok) return opened;
  const { clear, image, masters } = opened.value;
  wipeMasters(crypto, masters);
  const reader = createSlotVaultReader(crypto, clear.logId, image);
  return reader === undefined ? err(corrupt()) : ok(reader);
}

const FIRST_ENTRY: PageEntry = { generation: 0, copy: 0 };

/** One set of wrapping keys, for the log whose vault it is. */
function openerOf({ crypto, key }: Pick<VaultFileOptions, 'crypto' | 'key'>): VaultOpener {
  let known: { readonly logId: Uint8Array; readonly keys: WrappingKeys } | undefined;
  return {
    crypto,
    keysOf(logId) {
      if (known === undefined || !equalBytes(known.logId, logId)) {
        known?.keys.close();
        known = { logId, keys: createWrappingKeys({ crypto, key, logId }) };
      }
      return known.keys;
    },
    close: () => known?.keys.close(),
  };
}

interface NewFile {
  readonly clear: ClearHeader;
  readonly image: VaultImage;
  readonly master: Secret<'seal'>;
  readonly options: VaultFileOptions;
}

/** Answers the header as written. */
function writeNewFile(path: string, { clear, image, master, options }: NewFile): Uint8Array {
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
  return header;
}

/** Reads the file whole; an owner may be flushing meanwhile, so once more while it changes. */
function readVault(
  path: string,
  opener: VaultOpener,
  files: FileSystem = nodeFiles,
): Result<OpenedVaultFile, StoreRefusal> {
  try {
    if (!files.exists(path)) return err(missing(path));
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
    return err(failed(failure));
  }
}

function openVault(
  path: string,
  opened: OpenedVaultFile,
  options: VaultFileOptions & { readonly opener: VaultOpener },
): Result<Vault, StoreRefusal> {
  const { crypto, entropy, opener, poolMin, rotatePages, files = nodeFiles } = options;
  const { logId } = opened.clear;
  const keys = opener.keysOf(logId);
  const readAll = (): Uint8Array => files.read(path);
  const reread = () => readVault(path, opener, files);
  const file = files.open(path, 'edit');
  let medium: VaultMedium;
  try {
    medium = openMedium(opened, { ...options, file, keys, readAll, reread });
  } catch (failure) {
    file.close();
    return err(failed(failure));
  }
  const pool = poolMin === undefined ? {} : { poolMin };
  const steps = rotatePages === undefined ? {} : { rotatePages };
  const parts = { crypto, entropy, logId, medium, ...pool, ...steps };
  const vault = createSlotVault(parts, opened.image);
  if (vault === undefined) {
    medium.close();
    return err(corrupt());
  }
  if (options.rotates !== undefined) vault.rotateMaster();
  return ok(options.rotates === 'always' ? alwaysRotating(vault) : vault);
}

function alwaysRotating(vault: Vault): Vault {
  return {
    ...vault,
    flush(anchor, poolMin) {
      vault.flush(anchor, poolMin);
      vault.rotateMaster();
    },
  };
}

function exists(path: string): StoreRefusal {
  return {
    code: 'VAULT_EXISTS',
    detail: `there is a vault at ${path}; open it, or name another path`,
  };
}

function missing(path: string): StoreRefusal {
  const detail =
    `there is no vault at ${path}; if it is elsewhere, bring it back, else begin as a new device: ` +
    'the log beside it does not open without it';
  return { code: 'VAULT_MISSING', detail };
}

function corrupt(): StoreRefusal {
  const detail =
    'the slots of the vault contradict each other; open a copy of log and vault, or a new device';
  return { code: 'VAULT_CORRUPT', detail };
}

/** What the system says, and what to do about it. */
const FAILURE_ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; make room and open the log again',
  EDQUOT: 'the quota is used up; make room and open the log again',
  EROFS: 'the medium is read-only; put log and vault where they can be written',
  EACCES: 'this user may not read or write it; open the log as its owner',
  EPERM: 'this user may not write it; open the log as its owner',
  EISDIR: 'there is a folder in its place; name the file',
  EIO: 'the medium fails; copy log and vault to another one',
};

function failed(failure: unknown): StoreRefusal {
  if (failure instanceof StoreFailure) return { code: failure.code, detail: failure.detail };
  if (!(failure instanceof Error)) throw failure;
  const code = 'code' in failure && typeof failure.code === 'string' ? failure.code : '';
  const advice = FAILURE_ADVICE[code] ?? 'look at the medium, then open the log again';
  return {
    code: 'VAULT_FAILED',
    detail: `the vault cannot be used: ${advice} (${failure.message})`,
  };
}
