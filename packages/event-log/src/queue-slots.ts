/**
 * Which rows of a queue table are taken. Rows are overwritten, never deleted: an answered post or an
 * acknowledged mail leaves its slot to the next one, which keeps a commit at one dirty page.
 */

import { bytesToHex, invariant } from '@simsim/bytes';

/** Slots further above the others than this leave no gaps: a damaged number may be of any size. */
const GAP_MAX = 0x1_0000;

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
  let gaps: number[] = [];
  let next = 1;
  /** Taken slots that may be above `next`. */
  const strays = new Set<number>();

  const addGap = (slot: number): void => {
    let at = gaps.length;
    while (at > 0 && (gaps[at - 1] ?? 0) < slot) at--;
    gaps.splice(at, 0, slot);
  };
  return {
    slotOf: (id) => slotById.get(bytesToHex(id)),
    take(id) {
      invariant(!slotById.has(bytesToHex(id)), 'a queue id is taken once');
      while (strays.has(next)) next++;
      const slot = gaps.pop() ?? next++;
      slotById.set(bytesToHex(id), slot);
      return slot;
    },
    restore(id, slot) {
      if (slot - next > GAP_MAX) strays.add(slot);
      else if (slot < next) gaps.splice(gaps.indexOf(slot), 1);
      else {
        const below = Array.from({ length: slot - next }, (_, i) => slot - 1 - i);
        gaps = [...below, ...gaps];
        next = slot + 1;
      }
      slotById.set(bytesToHex(id), slot);
    },
    free(id) {
      const key = bytesToHex(id);
      const slot = slotById.get(key);
      if (slot === undefined) return undefined;
      slotById.delete(key);
      if (!strays.delete(slot)) addGap(slot);
      return slot;
    },
  };
}
