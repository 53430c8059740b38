/**
 * The layout of a vault page in memory: 80 slots of 48 bytes.
 *
 *   key 32 │ index u48 │ owner u48 │ use u8 │ zero 3
 */

import { invariant } from '@simsim/bytes';
import type { SlotUse } from './vault.ts';

/** Slots in a page. */
export const SLOTS_PER_PAGE = 80;

/** Bytes of one slot. */
const SLOT_BYTES = 48;

/** Bytes of a page before sealing. */
export const SLOT_PAGE_BYTES: number = SLOTS_PER_PAGE * SLOT_BYTES;

/** Bytes of a slot's key. */
export const SLOT_KEY_BYTES = 32;

const INDEX_AT = 32;
const OWNER_AT = 38;
const USE_AT = 44;
const U48_LIMIT = 0x1_0000_0000_0000;

const USES: readonly SlotUse[] = ['free', 'stream', 'epoch', 'fixed', 'released'];

/** Everything in a slot but its key. */
export interface SlotFields {
  readonly index: number;
  readonly owner: number;
  readonly use: SlotUse;
}

/** The key bytes of a slot: a view into the page. */
export function slotKey(page: Uint8Array, place: number): Uint8Array {
  const start = place * SLOT_BYTES;
  return page.subarray(start, start + SLOT_KEY_BYTES);
}

/** Reads a slot's fields; `undefined` where its use is unknown. */
export function readSlot(page: Uint8Array, place: number): SlotFields | undefined {
  const view = viewOf(page, place);
  const use = USES[view.getUint8(USE_AT)];
  if (use === undefined) return undefined;
  return { index: readU48(view, INDEX_AT), owner: readU48(view, OWNER_AT), use };
}

/** Writes a slot's fields, leaving its key. */
export function writeSlot(page: Uint8Array, place: number, fields: SlotFields): void {
  const view = viewOf(page, place);
  writeU48(view, INDEX_AT, fields.index);
  writeU48(view, OWNER_AT, fields.owner);
  view.setUint8(USE_AT, USES.indexOf(fields.use));
}

function viewOf(page: Uint8Array, place: number): DataView {
  invariant(page.length === SLOT_PAGE_BYTES, 'a vault page has its size');
  return new DataView(page.buffer, page.byteOffset + place * SLOT_BYTES, SLOT_BYTES);
}

function readU48(view: DataView, at: number): number {
  return view.getUint16(at) * 0x1_0000_0000 + view.getUint32(at + 2);
}

function writeU48(view: DataView, at: number, value: number): void {
  invariant(Number.isInteger(value) && value >= 0 && value < U48_LIMIT, 'a slot field is a u48');
  view.setUint16(at, Math.floor(value / 0x1_0000_0000));
  view.setUint32(at + 2, value >>> 0);
}
