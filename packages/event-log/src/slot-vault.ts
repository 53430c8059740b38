/**
 * The vault over pages of slots. What differs between memory, a file and a browser's private file
 * system is the medium alone.
 */

import { invariant, wipe } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { POOL_MIN_DEFAULT, VAULT_PAGES_MAX } from './limits.ts';
import type { FixedKeys } from './metadata-box.ts';
import { StoreFailure } from './refusal.ts';
import {
  readSlot,
  SLOT_KEY_BYTES,
  SLOT_PAGE_BYTES,
  slotKey,
  SLOTS_PER_PAGE,
  writeSlot,
} from './slot-page.ts';
import type { SlotFields } from './slot-page.ts';
import type { Anchor, SlotState, SlotUse, Vault, VaultReader } from './vault.ts';

const METADATA_SLOT = 0;
const NAME_SLOT = 1;
const DEDUPE_SLOT = 2;
const FIXED_SLOTS = 3;

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
  close(): void;
}

/** What a vault is made of. */
export interface SlotVaultParts {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly logId: Uint8Array;
  readonly medium: VaultMedium;
  /** Slots kept ready; default {@link POOL_MIN_DEFAULT}. */
  readonly poolMin?: number;
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
  const { crypto, entropy, logId, medium } = parts;
  const pages = [...image.pages];
  if (!hasSoundPages(pages)) return undefined;
  const dirty = new Set<number>();
  let { anchor } = image;
  let free = slotsOf(pages, 'free');
  let released = slotsOf(pages, 'released');
  let isUsable = true;
  const reader = readerOver(crypto, { logId, pages, anchor: () => anchor });

  const fieldsOf = (slot: number): SlotFields => {
    const fields = readSlot(pageOf(pages, slot), slot % SLOTS_PER_PAGE);
    invariant(fields !== undefined, 'a slot in memory is sound');
    return fields;
  };
  const put = (slot: number, fields: SlotFields): void => {
    invariant(isUsable, 'the vault is open');
    writeSlot(pageOf(pages, slot), slot % SLOTS_PER_PAGE, fields);
    dirty.add(Math.floor(slot / SLOTS_PER_PAGE));
  };
  const refill = (poolMin: number): void => {
    for (const slot of released) {
      keyBytes(pages, slot).set(entropy(SLOT_KEY_BYTES));
      put(slot, { index: 0, owner: 0, use: 'free' });
    }
    free.push(...released);
    released = [];
    while (free.length < poolMin) {
      if (pages.length === VAULT_PAGES_MAX) {
        throw new StoreFailure('VAULT_FAILED', 'the vault holds as many streams as it can');
      }
      dirty.add(pages.length);
      pages.push(freshPage(entropy));
      const first = (pages.length - 1) * SLOTS_PER_PAGE;
      for (let i = SLOTS_PER_PAGE - 1; i >= 0; i--) free.push(first + i);
    }
  };

  return {
    ...reader,
    poolSize: () => free.length,
    take() {
      const slot = free.pop();
      invariant(slot !== undefined, 'the pool was filled before taking');
      return slot;
    },
    giveBack(slot) {
      free.push(slot);
    },
    assign(slot, use, owner) {
      invariant(fieldsOf(slot).use === 'free', 'only a free slot is assigned');
      if (free.includes(slot)) free = free.filter((other) => other !== slot);
      put(slot, { index: 0, owner, use });
    },
    advance(slot, index, key) {
      const fields = fieldsOf(slot);
      invariant(fields.use === 'stream' && index >= fields.index, 'stream keys only move forward');
      const bytes = crypto.exportSecret(key);
      keyBytes(pages, slot).set(bytes);
      wipe(bytes);
      put(slot, { ...fields, index });
    },
    destroy(slot) {
      const { use } = fieldsOf(slot);
      invariant(use === 'stream' || use === 'epoch', 'only a live slot is destroyed');
      wipe(keyBytes(pages, slot));
      put(slot, { index: 0, owner: 0, use: 'released' });
      released.push(slot);
    },
    flush(next, poolMin = parts.poolMin ?? POOL_MIN_DEFAULT) {
      invariant(isUsable, 'the vault is open');
      invariant(next.seq >= anchor.seq, 'an anchor only moves forward');
      refill(poolMin);
      if (dirty.size === 0 && next.seq === anchor.seq) {
        medium.settle();
        return;
      }
      const changed = [...dirty].map((page) => ({ page, bytes: pages[page] })).filter(hasBytes);
      // Stays unusable where the medium throws: what lasted is unknown until it is opened again.
      isUsable = false;
      medium.write(next, changed);
      isUsable = true;
      anchor = next;
      dirty.clear();
    },
    close() {
      isUsable = false;
      reader.close();
      medium.close();
    },
  };
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

function pageOf(pages: readonly Uint8Array[], slot: number): Uint8Array {
  const page = pages[Math.floor(slot / SLOTS_PER_PAGE)];
  invariant(page !== undefined, 'the slot exists');
  return page;
}

function keyBytes(pages: readonly Uint8Array[], slot: number): Uint8Array {
  return slotKey(pageOf(pages, slot), slot % SLOTS_PER_PAGE);
}

function hasBytes(page: { page: number; bytes: Uint8Array | undefined }): page is VaultPage {
  return page.bytes !== undefined;
}

function freshPage(entropy: Entropy): Uint8Array {
  const page = new Uint8Array(SLOT_PAGE_BYTES);
  const keys = entropy(SLOTS_PER_PAGE * SLOT_KEY_BYTES);
  for (let place = 0; place < SLOTS_PER_PAGE; place++) {
    const start = place * SLOT_KEY_BYTES;
    slotKey(page, place).set(keys.subarray(start, start + SLOT_KEY_BYTES));
  }
  wipe(keys);
  return page;
}

function hasSoundPages(pages: readonly Uint8Array[]): boolean {
  if (pages.length === 0 || pages.length > VAULT_PAGES_MAX) return false;
  if (pages.some((page) => page.length !== SLOT_PAGE_BYTES)) return false;
  const states = slotStates(pages);
  if (states.length !== pages.length * SLOTS_PER_PAGE) return false;
  return states.every(({ slot, use }) => (use === 'fixed') === slot < FIXED_SLOTS);
}

/** Every slot with a known use, by number. */
function slotStates(pages: readonly Uint8Array[]): SlotState[] {
  const states: SlotState[] = [];
  pages.forEach((page, number) => {
    for (let place = 0; place < SLOTS_PER_PAGE; place++) {
      const fields = readSlot(page, place);
      if (fields !== undefined) states.push({ slot: number * SLOTS_PER_PAGE + place, ...fields });
    }
  });
  return states;
}

/** Slots of one use, the lowest last, so that popping keeps the live ones close together. */
function slotsOf(pages: readonly Uint8Array[], use: SlotUse): number[] {
  return slotStates(pages)
    .filter((state) => state.use === use)
    .map(({ slot }) => slot)
    .reverse();
}
