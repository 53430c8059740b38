/** Lists of parts as the backends take them apart. */

import type { Part } from './crypto.ts';
import { anyBytesOf } from './handle-brand.ts';

/** The bytes of a part: not a copy. */
export function toBytes(part: Part): Uint8Array {
  return part instanceof Uint8Array ? part : anyBytesOf(part);
}

/** Parts in one piece, in memory of its own. The caller wipes it where a part was secret. */
export function joinParts(parts: readonly Part[]): Uint8Array {
  const all = parts.map(toBytes);
  const joined = new Uint8Array(all.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of all) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
