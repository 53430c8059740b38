/** Numbers as eight bytes: places that boxes are bound to, and counters in meta rows. */

/** A natural number, big-endian. */
export function placeOf(number: number): Uint8Array {
  const place = new Uint8Array(8);
  const view = new DataView(place.buffer);
  view.setUint32(0, Math.floor(number / 0x1_0000_0000));
  view.setUint32(4, number >>> 0);
  return place;
}

/** The number of a place; `undefined` where it has another length. */
export function numberOf(place: Uint8Array | undefined): number | undefined {
  if (place?.length !== 8) return undefined;
  const view = new DataView(place.buffer, place.byteOffset, 8);
  return view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4);
}
