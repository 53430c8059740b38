/** The vaults of devices: pages in memory, or the file of slots that ships. */

import { ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { createMemoryVault, LOG_ID_BYTES } from '@simsim/event-log';
import type { MemoryVault, StoreRefusal, Vault, VaultImage } from '@simsim/event-log';
import { createSlotFileVault, openSlotFileVault } from '@simsim/event-log-sqlite';
import type { DiskUser, Loot } from './disk.ts';
import { VAULT } from './platter.ts';
import type { Platter } from './platter.ts';

/** A vault that a process opens, and the next one again. */
export interface VaultPart {
  /** Opens it, or makes one where `isNew` says so; `tipSeq` is the number of the log's last event. */
  open(
    user: DiskUser,
    log: { readonly isNew: boolean; readonly tipSeq: number },
  ): Result<Vault, StoreRefusal>;
  /** The same on another platter. */
  copy(to: Platter): VaultPart;
  isRotating(): boolean;
  loot(): Loot;
}

/** What lasts of a vault in memory. */
interface Kept {
  readonly logId: Uint8Array;
  readonly image: VaultImage;
}

/** A vault in memory: nothing encrypts its pages. */
export function memoryVaultPart(from?: Kept): VaultPart {
  let open: MemoryVault | undefined;
  const kept = (): Kept | undefined =>
    open === undefined ? from : { logId: open.logId, image: open.image() };
  return {
    open(user) {
      const before = kept();
      open = createMemoryVault({
        ...user,
        ...(before && { logId: before.logId, from: before.image }),
      });
      return ok(open);
    },
    copy: () => memoryVaultPart(kept()),
    isRotating: () => false,
    loot: () => ({ pages: kept()?.image.pages ?? [], file: undefined, keychain: [] }),
  };
}

/** The file of slots, with a key from the machine's keychain. */
export function fileVaultPart(platter: Platter): VaultPart {
  let open: Vault | undefined;
  return {
    open(user, { isNew, tipSeq }) {
      const options = {
        ...user,
        files: platter.files(),
        key: { kind: 'keychain', keychain: platter.keychain() },
        tipSeq,
      } as const;
      const hasFile = platter.disk.has(VAULT);
      const opened =
        isNew && !hasFile
          ? createSlotFileVault(VAULT, { ...options, logId: user.entropy(LOG_ID_BYTES) })
          : openSlotFileVault(VAULT, options);
      open = opened.ok ? opened.value : undefined;
      return opened;
    },
    copy: fileVaultPart,
    isRotating: () => open?.isRotating() === true,
    loot: () => lootOf(platter, VAULT),
  };
}

/** What lies on a platter of a vault's file. */
export function lootOf(platter: Platter, name: string): Loot {
  return { pages: [], file: platter.disk.copies().get(name), keychain: platter.keys() };
}
