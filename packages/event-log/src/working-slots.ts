/** The slots of an open vault while they change in memory, until a flush makes them durable. */

import { invariant, wipe } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { VAULT_PAGES_MAX } from './limits.ts';
import { readSlot, SLOT_KEY_BYTES, SLOTS_PER_PAGE, writeSlot } from './slot-page.ts';
import type { SlotFields } from './slot-page.ts';
import { freshPage, keyBytes, pageOf, slotsOf } from './slot-pages.ts';
import type { Vault } from './vault.ts';

/** The pages while they change: what is free, what waits for a fresh key, what must be written. */
export interface WorkingSlots {
  /** The lowest last. */
  readonly free: number[];
  readonly released: number[];
  readonly dirty: Set<number>;
  fieldsOf(slot: number): SlotFields;
  put(slot: number, fields: SlotFields): void;
  /** Gives a slot that nothing holds a fresh key. */
  refresh(slot: number): void;
  /** Fills released slots afresh and adds pages until `poolMin` are free or there is no room. */
  refill(poolMin: number): void;
  /** Only adds pages; answers their numbers. */
  grow(poolMin: number): number[];
  /** Begins again from the pages as they are now. */
  forget(): void;
}

/** Works on pages, which may grow. */
export function workingSlots(entropy: Entropy, pages: Uint8Array[]): WorkingSlots {
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
    refresh(slot) {
      const key = entropy(SLOT_KEY_BYTES);
      keyBytes(pages, slot).set(key);
      wipe(key);
      slots.put(slot, { index: 0, owner: 0, use: 'free' });
    },
    refill(poolMin) {
      for (const slot of slots.released.splice(0)) {
        slots.refresh(slot);
        slots.free.push(slot);
      }
      for (const page of slots.grow(poolMin)) slots.dirty.add(page);
    },
    grow(poolMin) {
      const added: number[] = [];
      while (slots.free.length < poolMin && pages.length < VAULT_PAGES_MAX) {
        added.push(pages.length);
        pages.push(freshPage(entropy));
        const first = (pages.length - 1) * SLOTS_PER_PAGE;
        for (let i = SLOTS_PER_PAGE - 1; i >= 0; i--) slots.free.push(first + i);
      }
      return added;
    },
    forget() {
      slots.free.splice(0, slots.free.length, ...slotsOf(pages, 'free'));
      slots.released.splice(0, slots.released.length, ...slotsOf(pages, 'released'));
      slots.dirty.clear();
    },
  };
  return slots;
}

/** What the actions work on. */
export interface SlotActionParts {
  readonly pages: readonly Uint8Array[];
  readonly slots: WorkingSlots;
  readonly checkUsable: () => void;
}

/** What changes single slots. */
export type SlotActions = Pick<
  Vault,
  'poolSize' | 'take' | 'giveBack' | 'assign' | 'advance' | 'destroy' | 'refreshPool'
>;

/** The actions of a vault over its working slots. */
export function slotActions(
  crypto: Crypto,
  { pages, slots, checkUsable }: SlotActionParts,
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
      for (const slot of slots.free) slots.refresh(slot);
    },
  };
}
