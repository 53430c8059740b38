/**
 * Which rows of a queue table are taken. Rows are overwritten, never deleted: an answered post or an
 * acknowledged mail leaves its slot to the next one, which keeps a commit at one dirty page.
 */

import { bytesToHex, invariant } from '@simsim/bytes';

/** The slots of one queue. */
export interface QueueSlots {
  slotOf(id: Uint8Array): number | undefined;
  /** Gives the lowest free slot to `id`. */
  take(id: Uint8Array): number;
  /** Puts a known pair back, at open or when a commit did not happen. */
  restore(id: Uint8Array, slot: number): void;
  /** Frees the slot of `id`; `undefined` where it has none. */
  free(id: Uint8Array): number | undefined;
}

/** Makes an empty queue. */
export function createQueueSlots(): QueueSlots {
  const slotById = new Map<string, number>();
  /** Free slots below `next`, highest first. */
  const gaps: number[] = [];
  let next = 1;

  const addGap = (slot: number): void => {
    let at = gaps.length;
    while (at > 0 && (gaps[at - 1] ?? 0) < slot) at--;
    gaps.splice(at, 0, slot);
  };
  return {
    slotOf: (id) => slotById.get(bytesToHex(id)),
    take(id) {
      invariant(!slotById.has(bytesToHex(id)), 'a queue id is taken once');
      const slot = gaps.pop() ?? next++;
      slotById.set(bytesToHex(id), slot);
      return slot;
    },
    restore(id, slot) {
      while (next <= slot) addGap(next++);
      gaps.splice(gaps.indexOf(slot), 1);
      slotById.set(bytesToHex(id), slot);
    },
    free(id) {
      const key = bytesToHex(id);
      const slot = slotById.get(key);
      if (slot === undefined) return undefined;
      slotById.delete(key);
      addGap(slot);
      return slot;
    },
  };
}
