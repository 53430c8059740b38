/**
 * The vault over pages of slots. What differs between memory, a file and a browser's private file
 * system is the medium alone.
 */

import { invariant, wipe } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { POOL_MIN_DEFAULT, ROTATE_PAGES_PER_FLUSH, VAULT_PAGES_MAX } from './limits.ts';
import type { FixedKeys } from './metadata-box.ts';
import { failStore } from './refusal.ts';
import type { StoreRefusal } from './refusal.ts';
import { readSlot, SLOT_KEY_BYTES, SLOTS_PER_PAGE, writeSlot } from './slot-page.ts';
import type { SlotFields } from './slot-page.ts';
import {
  FIXED_SLOTS,
  freshPage,
  hasSoundPages,
  keyBytes,
  pageOf,
  slotsOf,
  slotStates,
} from './slot-pages.ts';
import type { Anchor, Vault, VaultReader } from './vault.ts';

const METADATA_SLOT = 0;
const NAME_SLOT = 1;
const DEDUPE_SLOT = 2;

const SLOTS_CONTRADICT =
  'the slots of the vault contradict each other; open a copy of log and vault, or a new device';

const VAULT_FULL =
  'the vault holds as many live streams as it can; forget users or sessions that are not needed';

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
  const slots = workingSlots(parts, pages);
  const checkUsable = (): void => invariant(isUsable, 'the vault is open');
  /** It stays unusable where the medium throws: what lasted is unknown until it is opened again. */
  const guarded = <T>(work: () => T): T => {
    isUsable = false;
    const answer = work();
    isUsable = true;
    return answer;
  };

  return {
    ...reader,
    ...slotActions(crypto, { pages, slots, entropy: parts.entropy, checkUsable }),
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
      const more = (owed ?? []).filter((page) => !slots.dirty.has(page));
      for (const page of more.slice(0, parts.rotatePages ?? ROTATE_PAGES_PER_FLUSH)) {
        slots.dirty.add(page);
      }
      const changed = [...slots.dirty].map((page) => ({ page, bytes: pages[page] }));
      guarded(() => medium.write(next, changed.filter(hasBytes)));
      anchor = next;
      isRebased = false;
      slots.dirty.clear();
    },
    reload(tipSeq) {
      checkUsable();
      return guarded(() => {
        const found = medium.read(tipSeq);
        if (found === undefined) return false;
        if (!hasSoundPages(found.pages)) failStore('VAULT_CORRUPT', SLOTS_CONTRADICT);
        for (const page of pages) wipe(page);
        pages.splice(0, pages.length, ...found.pages);
        slots.forget();
        anchor = found.anchor;
        isRebased = false;
        return true;
      });
    },
    rebase(next) {
      checkUsable();
      anchor = next;
      isRebased = true;
    },
    rotateMaster() {
      checkUsable();
      medium.rotate();
    },
    isRotating: () => medium.unrotated() !== undefined,
    rotationHindrance: () => medium.rotationHindrance(),
    close() {
      isUsable = false;
      reader.close();
      medium.close();
    },
  };
}

interface SlotActionParts {
  readonly pages: readonly Uint8Array[];
  readonly slots: WorkingSlots;
  readonly entropy: Entropy;
  readonly checkUsable: () => void;
}

type SlotActions = Pick<
  Vault,
  'poolSize' | 'take' | 'giveBack' | 'assign' | 'advance' | 'destroy' | 'refreshPool'
>;

/** What changes slots in memory. */
function slotActions(
  crypto: Crypto,
  { pages, slots, entropy, checkUsable }: SlotActionParts,
): SlotActions {
  return {
    poolSize: () => slots.free.length,
    take() {
      checkUsable();
      const slot = slots.free.pop();
      invariant(slot !== undefined, 'the pool was filled before taking');
      return slot;
    },
    giveBack: (slot) => void slots.free.push(slot),
    assign(slot, { use, owner, index = 0 }) {
      checkUsable();
      invariant(slots.fieldsOf(slot).use === 'free', 'only a free slot is assigned');
      const at = slots.free.indexOf(slot);
      if (at >= 0) slots.free.splice(at, 1);
      slots.put(slot, { index, owner, use });
    },
    advance(slot, index, key) {
      checkUsable();
      const fields = slots.fieldsOf(slot);
      invariant(fields.use === 'stream' && index >= fields.index, 'stream keys only move forward');
      const bytes = crypto.exportSecret(key);
      keyBytes(pages, slot).set(bytes);
      wipe(bytes);
      slots.put(slot, { ...fields, index });
    },
    destroy(slot) {
      checkUsable();
      const { use } = slots.fieldsOf(slot);
      invariant(use === 'stream' || use === 'epoch', 'only a live slot is destroyed');
      wipe(keyBytes(pages, slot));
      slots.put(slot, { index: 0, owner: 0, use: 'released' });
      slots.released.push(slot);
    },
    refreshPool() {
      checkUsable();
      for (const slot of slots.free) {
        keyBytes(pages, slot).set(entropy(SLOT_KEY_BYTES));
        slots.put(slot, { index: 0, owner: 0, use: 'free' });
      }
    },
  };
}

/** The pages while they change: what is free, what waits for a fresh key, what must be written. */
interface WorkingSlots {
  /** The lowest last. */
  readonly free: number[];
  readonly released: number[];
  readonly dirty: Set<number>;
  fieldsOf(slot: number): SlotFields;
  put(slot: number, fields: SlotFields): void;
  /** Fills released slots afresh and adds pages until `poolMin` are free. */
  refill(poolMin: number): void;
  /** Begins again from the pages as they are now. */
  forget(): void;
}

function workingSlots({ entropy }: SlotVaultParts, pages: Uint8Array[]): WorkingSlots {
  const slots: WorkingSlots = {
    free: slotsOf(pages, 'free'),
    released: slotsOf(pages, 'released'),
    dirty: new Set(),
    fieldsOf(slot) {
      const fields = readSlot(pageOf(pages, slot), slot % SLOTS_PER_PAGE);
      invariant(fields !== undefined, 'a slot in memory is sound');
      return fields;
    },
    put(slot, fields) {
      writeSlot(pageOf(pages, slot), slot % SLOTS_PER_PAGE, fields);
      slots.dirty.add(Math.floor(slot / SLOTS_PER_PAGE));
    },
    refill(poolMin) {
      for (const slot of slots.released.splice(0)) {
        keyBytes(pages, slot).set(entropy(SLOT_KEY_BYTES));
        slots.put(slot, { index: 0, owner: 0, use: 'free' });
        slots.free.push(slot);
      }
      while (slots.free.length < poolMin) {
        if (pages.length === VAULT_PAGES_MAX) {
          failStore('VAULT_FAILED', VAULT_FULL);
        }
        slots.dirty.add(pages.length);
        pages.push(freshPage(entropy));
        const first = (pages.length - 1) * SLOTS_PER_PAGE;
        for (let i = SLOTS_PER_PAGE - 1; i >= 0; i--) slots.free.push(first + i);
      }
    },
    forget() {
      slots.free.splice(0, slots.free.length, ...slotsOf(pages, 'free'));
      slots.released.splice(0, slots.released.length, ...slotsOf(pages, 'released'));
      slots.dirty.clear();
    },
  };
  return slots;
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
