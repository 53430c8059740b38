/**
 * New byte arrays, cheaply. An engine keeps small arrays beside its objects and gives every larger one
 * memory of its own, which costs ten times as much; so those are cut from slabs.
 *
 * For public bytes only: what lies in a slab is in reach of whoever holds its neighbour's `buffer`.
 */

/** Arrays of at most so many bytes are cheap as they are. */
const SMALL_BYTES_MAX = 64;
/** Longer ones pay for memory of their own. */
const CUT_BYTES_MAX = 4096;
const SLAB_BYTES = 32_768;

let slab = new ArrayBuffer(0);
let at = 0;

/** So many zero bytes. Throws: `RangeError` where there is no memory for them. */
export function newBytes(length: number): Uint8Array {
  if (length <= SMALL_BYTES_MAX || length > CUT_BYTES_MAX) return new Uint8Array(length);
  if (at + length > slab.byteLength) {
    slab = new ArrayBuffer(SLAB_BYTES);
    at = 0;
  }
  const bytes = new Uint8Array(slab, at, length);
  // Words begin at multiples of eight, as in memory of their own.
  at += (length + 7) & ~7;
  return bytes;
}

/** A copy of some of these bytes, as `slice` makes it of a plain array. */
export function copyBytes(bytes: Uint8Array, from = 0, to: number = bytes.length): Uint8Array {
  const copy = newBytes(to - from);
  copy.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  return copy;
}
