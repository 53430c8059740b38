/** Numbers as eight bytes: places that boxes are bound to, and counters in meta rows. */

/** A natural number, big-endian. */
export function placeOf(number: number): Uint8Array {
  const place = new Uint8Array(8);
  writePlace(place, 0, number);
  return place;
}

/** Writes a natural number as eight bytes. */
export function writePlace(bytes: Uint8Array, at: number, number: number): void {
  writeWord(bytes, at, Math.floor(number / 0x1_0000_0000));
  writeWord(bytes, at + 4, number >>> 0);
}

/** Writes 32 bits, big-endian. */
export function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = (word >>> 16) & 0xff;
  bytes[at + 2] = (word >>> 8) & 0xff;
  bytes[at + 3] = word & 0xff;
}

/** The number of a place; `undefined` where it has another length. */
export function numberOf(place: Uint8Array | undefined): number | undefined {
  if (place?.length !== 8) return undefined;
  const view = new DataView(place.buffer, place.byteOffset, 8);
  return view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4);
}
