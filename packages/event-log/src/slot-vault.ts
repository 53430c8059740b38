/**
 * The vault over pages of slots. What differs between memory, a file and a browser's private file
 * system is the medium alone.
 */

import { invariant, wipe } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { POOL_MIN_DEFAULT, ROTATE_PAGES_PER_FLUSH } from './limits.ts';
import type { FixedKeys } from './metadata-box.ts';
import { failStore } from './refusal.ts';
import type { StoreRefusal } from './refusal.ts';
import { readSlot, SLOTS_PER_PAGE, writeSlot } from './slot-page.ts';
import { FIXED_SLOTS, freshPage, hasSoundPages, keyBytes, slotStates } from './slot-pages.ts';
import type { Anchor, Vault, VaultReader } from './vault.ts';
import { slotActions, workingSlots } from './working-slots.ts';

const METADATA_SLOT = 0;
const NAME_SLOT = 1;
const DEDUPE_SLOT = 2;

const SLOTS_CONTRADICT =
  'the slots of the vault contradict each other; open a copy of log and vault, or a new device';

/** A page to be made durable. The bytes are the vault's own: they may not be kept. */
export interface VaultPage {
  readonly page: number;
  readonly bytes: Uint8Array;
}

/** Where a vault's pages last. */
export interface VaultMedium {
  /**
   * Makes the pages and the anchor durable as one, so that after a crash either all of them or
   * none are there, and then erases what they replaced.
   */
  write(anchor: Anchor, pages: readonly VaultPage[]): void;
  /** Erases replaced copies that an earlier write or a killed process left. */
  settle(): void;
  /**
   * What lasts, where another process wrote it since this one last read or wrote; else `undefined`.
   * `tipSeq` as in {@link Vault.reload}.
   */
  read(tipSeq?: number): VaultImage | undefined;
  /**
   * Begins to replace the key that pages are sealed under; nothing where that is going on. A medium
   * without such a key does nothing.
   */
  rotate(): void;
  /** Pages under a key that is being replaced, which `write` is waiting for; else `undefined`. */
  unrotated(): readonly number[] | undefined;
  /** Why a rotation whose pages are all written does not end. */
  rotationHindrance(): StoreRefusal | undefined;
  close(): void;
}

/** What a vault is made of. */
export interface SlotVaultParts {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly logId: Uint8Array;
  readonly medium: VaultMedium;
  /** Slots that every flush leaves ready at least; default {@link POOL_MIN_DEFAULT}. */
  readonly poolMin?: number;
  /** Default {@link ROTATE_PAGES_PER_FLUSH}. */
  readonly rotatePages?: number;
}

/** A vault's durable content. */
export interface VaultImage {
  readonly anchor: Anchor;
  /** {@link SLOT_PAGE_BYTES} each. The vault owns them from here on. */
  readonly pages: readonly Uint8Array[];
}

/** The first pages of a new vault: three fixed keys and a full pool. Not durable yet. */
export function createVaultImage(entropy: Entropy, genesis: Uint8Array): VaultImage {
  const page = freshPage(entropy);
  for (let place = 0; place < FIXED_SLOTS; place++) {
    writeSlot(page, place, { index: 0, owner: 0, use: 'fixed' });
  }
  return { anchor: { seq: 0, hash: genesis, streamMax: 0, at: 0 }, pages: [page] };
}

/** Opens the reading half of a vault; `undefined` where the pages contradict the layout. */
export function createSlotVaultReader(
  crypto: Crypto,
  logId: Uint8Array,
  image: VaultImage,
): VaultReader | undefined {
  const pages = [...image.pages];
  if (!hasSoundPages(pages)) return undefined;
  return readerOver(crypto, { logId, pages, anchor: () => image.anchor });
}

/** Opens a vault; `undefined` where the pages contradict the layout. */
export function createSlotVault(parts: SlotVaultParts, image: VaultImage): Vault | undefined {
  const { crypto, logId, medium } = parts;
  const pages = [...image.pages];
  if (!hasSoundPages(pages)) return undefined;
  let { anchor } = image;
  let isUsable = true;
  let isRebased = false;
  const reader = readerOver(crypto, { logId, pages, anchor: () => anchor });
  const slots = workingSlots(parts.entropy, pages);
  const checkUsable = (): void => invariant(isUsable, 'the vault is open');
  /** It stays unusable where the medium throws: what lasted is unknown until it is opened again. */
  const guarded = <T>(work: () => T): T => {
    checkUsable();
    isUsable = false;
    const answer = work();
    isUsable = true;
    return answer;
  };
  const write = (at: Anchor, numbers: Iterable<number>): void => {
    const written = [...numbers].map((page) => ({ page, bytes: pages[page] }));
    guarded(() => medium.write(at, written.filter(hasBytes)));
  };

  return {
    ...reader,
    settle: () => guarded(() => medium.settle()),
    ...slotActions(crypto, { pages, slots, checkUsable }),
    flush(next, poolMin = parts.poolMin ?? POOL_MIN_DEFAULT) {
      checkUsable();
      invariant(next.seq >= anchor.seq, 'an anchor only moves forward');
      slots.refill(Math.max(poolMin, parts.poolMin ?? 0));
      const owed = medium.unrotated();
      const isSame = slots.dirty.size === 0 && next.seq === anchor.seq && !isRebased;
      if (isSame && owed === undefined) {
        guarded(() => medium.settle());
        return;
      }
      addOwed(slots.dirty, owed ?? [], parts.rotatePages);
      write(next, slots.dirty);
      anchor = next;
      isRebased = false;
      slots.dirty.clear();
    },
    grow(poolMin) {
      checkUsable();
      const added = slots.grow(poolMin);
      if (added.length > 0) write(anchor, added);
    },
    reload(tipSeq) {
      const found = guarded(() => readAgain(medium, pages, tipSeq));
      if (found === undefined) return false;
      slots.forget();
      anchor = found;
      isRebased = false;
      return true;
    },
    rebase(next) {
      checkUsable();
      anchor = next;
      isRebased = true;
    },
    ...rotating(medium, checkUsable),
    close() {
      isUsable = false;
      reader.close();
      medium.close();
    },
  };
}

function rotating(
  medium: VaultMedium,
  checkUsable: () => void,
): Pick<Vault, 'rotateMaster' | 'isRotating' | 'rotationHindrance'> {
  return {
    rotateMaster() {
      checkUsable();
      medium.rotate();
    },
    isRotating: () => medium.unrotated() !== undefined,
    rotationHindrance: () => medium.rotationHindrance(),
  };
}

/** Adds pages that wait for a new master key, as many as one flush takes. */
function addOwed(
  dirty: Set<number>,
  owed: readonly number[],
  most: number = ROTATE_PAGES_PER_FLUSH,
): void {
  for (const page of owed.filter((one) => !dirty.has(one)).slice(0, most)) dirty.add(page);
}

/** Takes over the pages that another process wrote; answers their anchor. */
function readAgain(
  medium: VaultMedium,
  pages: Uint8Array[],
  tipSeq: number | undefined,
): Anchor | undefined {
  const found = medium.read(tipSeq);
  if (found === undefined) return undefined;
  if (!hasSoundPages(found.pages)) failStore('VAULT_CORRUPT', SLOTS_CONTRADICT);
  for (const page of pages) wipe(page);
  pages.splice(0, pages.length, ...found.pages);
  return found.anchor;
}

interface PagesView {
  readonly logId: Uint8Array;
  readonly pages: readonly Uint8Array[];
  readonly anchor: () => Anchor;
}

function readerOver(crypto: Crypto, { logId, pages, anchor }: PagesView): VaultReader {
  const keys = fixedKeys(crypto, pages);
  return {
    logId,
    keys,
    anchor,
    slot(slot) {
      const page = pages[Math.floor(slot / SLOTS_PER_PAGE)];
      if (page === undefined) return undefined;
      const fields = readSlot(page, slot % SLOTS_PER_PAGE);
      return fields && { slot, ...fields };
    },
    liveSlots: () => slotStates(pages).filter(({ use }) => use === 'stream' || use === 'epoch'),
    key: (slot) => crypto.importSecret('stream', keyBytes(pages, slot)),
    close() {
      for (const key of [keys.metadata, keys.name, keys.dedupe]) crypto.wipe(key);
      for (const page of pages) wipe(page);
    },
  };
}

function fixedKeys(crypto: Crypto, pages: readonly Uint8Array[]): FixedKeys {
  return {
    metadata: crypto.importSecret('seal', keyBytes(pages, METADATA_SLOT)),
    name: crypto.importSecret('name', keyBytes(pages, NAME_SLOT)),
    dedupe: crypto.importSecret('name', keyBytes(pages, DEDUPE_SLOT)),
  };
}

function hasBytes(page: { page: number; bytes: Uint8Array | undefined }): page is VaultPage {
  return page.bytes !== undefined;
}
