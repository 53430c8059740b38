/** Lists of parts as the backends take them apart. */

import { concatBytes } from '@simsim/bytes';
import type { Part } from './crypto.ts';
import { anyBytesOf } from './handle-brand.ts';

/** The bytes of a part: not a copy. */
export function toBytes(part: Part): Uint8Array {
  return part instanceof Uint8Array ? part : anyBytesOf(part);
}

/** Parts in one piece. The caller wipes it where a part was secret. */
export function joinParts(parts: readonly Part[]): Uint8Array {
  return concatBytes(parts.map(toBytes));
}
