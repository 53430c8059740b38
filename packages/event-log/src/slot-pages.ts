/** A vault's pages in memory: slots by number over pages of slots. */

import { invariant, wipe } from '@simsim/bytes';
import type { Entropy } from '@simsim/crypto';
import { VAULT_PAGES_MAX } from './limits.ts';
import { readSlot, SLOT_KEY_BYTES, SLOT_PAGE_BYTES, slotKey, SLOTS_PER_PAGE } from './slot-page.ts';
import type { SlotState, SlotUse } from './vault.ts';

/** Slots at the front of the first page that hold the log's fixed keys. */
export const FIXED_SLOTS = 3;

/** The page of a slot. Bug: a slot that does not exist. */
export function pageOf(pages: readonly Uint8Array[], slot: number): Uint8Array {
  const page = pages[Math.floor(slot / SLOTS_PER_PAGE)];
  invariant(page !== undefined, 'the slot exists');
  return page;
}

/** The key bytes of a slot: a view into its page. */
export function keyBytes(pages: readonly Uint8Array[], slot: number): Uint8Array {
  return slotKey(pageOf(pages, slot), slot % SLOTS_PER_PAGE);
}

/** A page of free slots, each with a random key. */
export function freshPage(entropy: Entropy): Uint8Array {
  const page = new Uint8Array(SLOT_PAGE_BYTES);
  const keys = entropy(SLOTS_PER_PAGE * SLOT_KEY_BYTES);
  for (let place = 0; place < SLOTS_PER_PAGE; place++) {
    const start = place * SLOT_KEY_BYTES;
    slotKey(page, place).set(keys.subarray(start, start + SLOT_KEY_BYTES));
  }
  wipe(keys);
  return page;
}

/** Whether pages, as they were found, fit the layout. */
export function hasSoundPages(pages: readonly Uint8Array[]): boolean {
  if (pages.length === 0 || pages.length > VAULT_PAGES_MAX) return false;
  if (pages.some((page) => page.length !== SLOT_PAGE_BYTES)) return false;
  const states = slotStates(pages);
  if (states.length !== pages.length * SLOTS_PER_PAGE) return false;
  return states.every(({ slot, use }) => (use === 'fixed') === slot < FIXED_SLOTS);
}

/** Every slot with a known use, by number. */
export function slotStates(pages: readonly Uint8Array[]): SlotState[] {
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
export function slotsOf(pages: readonly Uint8Array[], use: SlotUse): number[] {
  return slotStates(pages)
    .filter((state) => state.use === use)
    .map(({ slot }) => slot)
    .reverse();
}
