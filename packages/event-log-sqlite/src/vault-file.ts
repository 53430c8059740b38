/**
 * The vault in a file: pages overwritten in place, never renamed, because only that erases on file
 * systems that overwrite in place. Every flush writes the changed pages to their other copies and
 * the header to its other place, syncs once, then zeroes what was replaced.
 */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import { createSlotVault, createVaultImage, genesisHash } from '@simsim/event-log';
import type { StoreRefusal, Vault, VaultImage, VaultMedium } from '@simsim/event-log';
import { nodeFiles } from './file-system.ts';
import {
  encodeHeaderPage,
  FILE_PAGE_BYTES,
  NONCE_BYTES,
  VAULT_ID_BYTES,
  wrapMaster,
} from './vault-header.ts';
import type { ClearHeader, PageEntry } from './vault-header.ts';
import { unlessProved, wipeMasters } from './vault-image.ts';
import type { OpenedVaultFile, VaultOpener } from './vault-image.ts';
import { RAW_KEY_BYTES } from './vault-key.ts';
import { openMedium, ZEROS } from './vault-medium.ts';
import type { VaultMediumOptions } from './vault-medium.ts';
import { encodePageCopy } from './vault-page.ts';
import { destroyVaultFile } from './vault-destroy.ts';
import { openerOf, readVault } from './vault-read.ts';
import type { VaultReadOptions } from './vault-read.ts';
import { createWrappingKeys } from './vault-wrapping.ts';
import { slotsContradict, vaultExists, vaultFailed } from './vault-refusal.ts';

/** How to create or open a vault file. */
export interface VaultFileOptions extends VaultMediumOptions, VaultReadOptions {
  /** Slots kept ready. */
  readonly poolMin?: number;
  /** Further pages that one flush brings under a new master key; see Vault.rotateMaster. */
  readonly rotatePages?: number;
  /**
   * When the master key is replaced beside what is asked for: never (default), beginning with each
   * opening, or always anew when the last rotation has ended.
   */
  readonly rotates?: 'at-open' | 'always';
  /**
   * Number of the log's last event, where it is known. Events after the vault's anchor prove that its
   * newest state lasts, so it need not be written once more in place, which has a risk of its own.
   */
  readonly tipSeq?: number;
}

/** How to create a vault file. */
export interface NewVaultOptions extends VaultFileOptions {
  readonly logId: Uint8Array;
  /** What another vault of the log held, which moves here; else new keys. */
  readonly image?: VaultImage;
}

/**
 * Makes a vault file. It appears under its name only when it is whole and durable.
 *
 * Refuses: `VAULT_EXISTS`, `VAULT_WRONG_KEY` (a raw key of the wrong length, no passphrase),
 * `VAULT_KEY_UNAVAILABLE`, `VAULT_FAILED`.
 */
export function createSlotFileVault(
  path: string,
  options: NewVaultOptions,
): Result<Vault, StoreRefusal> {
  const { crypto, entropy, logId, files = nodeFiles } = options;
  if (files.exists(path)) return err(vaultExists(path));
  const opener = openerOf(options);
  const vaultId = entropy(VAULT_ID_BYTES);
  const first = opener.keysOf(vaultId).first(entropy);
  if (!first.ok) {
    opener.close();
    return first;
  }
  const masterBytes = entropy(RAW_KEY_BYTES);
  const master = crypto.importSecret('seal', masterBytes);
  masterBytes.fill(0);
  const nonce = entropy(NONCE_BYTES);
  const wrapped = wrapMaster(crypto, first.value.key, { logId, master, nonce });
  const { descriptor } = first.value;
  const clear = { logId, counter: 0, vaultId, descriptor, master: wrapped, next: undefined };
  const image = options.image ?? createVaultImage(entropy, genesisHash(crypto, logId));
  try {
    const header = writeNewFile(path, { clear, image, master, options });
    const opened = {
      clear,
      image,
      header,
      wrapping: first.value,
      masters: { current: master, next: undefined },
      entries: image.pages.map(() => FIRST_ENTRY),
      stale: [],
      inDoubt: [],
      headerPlace: 0,
      isOtherHeaderOld: false,
    } as const;
    return openVault(path, opened, { ...options, opener });
  } catch (failure) {
    crypto.wipe(master);
    opener.close();
    return err(vaultFailed(failure));
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
    return err(vaultFailed(failure));
  }
}

const FIRST_ENTRY: PageEntry = { generation: 0, copy: 0 };

interface NewFile {
  readonly clear: ClearHeader;
  readonly image: VaultImage;
  readonly master: Secret<'seal'>;
  readonly options: VaultFileOptions;
}

/** Answers the header as written. */
function writeNewFile(path: string, { clear, image, master, options }: NewFile): Uint8Array {
  const { crypto, entropy, files = nodeFiles } = options;
  const sealed = { anchor: image.anchor, pages: image.pages.map(() => FIRST_ENTRY) };
  const header = encodeHeaderPage(crypto, master, { clear, sealed, nonce: entropy(NONCE_BYTES) });
  const copies = image.pages.flatMap((slots, page) => {
    const place = { logId: clear.logId, page, generation: FIRST_ENTRY.generation };
    return [encodePageCopy(crypto, master, { place, nonce: entropy(NONCE_BYTES), slots }), ZEROS];
  });
  const partial = `${path}.new`;
  // Whoever was killed here may have been moving a log, whose keys are in it.
  removeUnfinished(partial, options);
  try {
    const file = files.open(partial, 'create');
    try {
      [header, header, ...copies].forEach((bytes, i) => file.write(bytes, i * FILE_PAGE_BYTES));
      file.sync();
    } finally {
      file.close();
    }
  } catch (failure) {
    // The next try may be elsewhere.
    removeUnfinished(partial, options);
    createWrappingKeys({ ...options, vaultId: clear.vaultId }).forgetAll();
    throw failure;
  }
  files.rename(partial, path);
  files.syncDirectoryOf(path);
  return header;
}

function removeUnfinished(partial: string, options: VaultFileOptions): void {
  const { files = nodeFiles } = options;
  if (destroyVaultFile(partial, options) !== undefined) files.remove(partial);
}

function openVault(
  path: string,
  opened: OpenedVaultFile,
  options: VaultFileOptions & { readonly opener: VaultOpener },
): Result<Vault, StoreRefusal> {
  const { crypto, entropy, opener, poolMin, rotatePages, files = nodeFiles } = options;
  const { logId } = opened.clear;
  const keys = opener.keysOf(opened.clear.vaultId);
  const readAll = (): Uint8Array => files.read(path);
  const reread = () => readVault(path, opener, files);
  const file = files.open(path, 'edit');
  let medium: VaultMedium;
  try {
    medium = openMedium(opened, { ...options, file, keys, readAll, reread });
  } catch (failure) {
    file.close();
    return err(vaultFailed(failure));
  }
  const pool = poolMin === undefined ? {} : { poolMin };
  const steps = rotatePages === undefined ? {} : { rotatePages };
  const parts = { crypto, entropy, logId, medium, ...pool, ...steps };
  const vault = createSlotVault(parts, opened.image);
  if (vault === undefined) {
    medium.close();
    return err(slotsContradict());
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
