/** Finding thousands of byte strings in megabytes at once. */

import { bytesToHex, hexToBytes } from '@simsim/bytes';

/** Bytes of a needle that decide: a stray match of so many is out of the question. */
const NEEDLE_BYTES = 16;
const PREFIX_BYTES = 3;

/** Needles by the hex of their first 16 bytes. */
export type Needles = ReadonlySet<string>;

/** The needle of a secret or ciphertext; `undefined` where there is nothing to tell it by. */
export function needleOf(hex: string): string | undefined {
  const needle = hex.slice(0, 2 * NEEDLE_BYTES);
  return needle.length < 2 * NEEDLE_BYTES || /^(..)\1+$/.test(needle) ? undefined : needle;
}

/** Which needles are in the haystack, at any offset. */
export function findNeedles(haystack: Uint8Array, needles: Needles): Set<string> {
  const starts = new Uint8Array(1 << (8 * PREFIX_BYTES));
  for (const needle of needles) {
    const [a = 0, b = 0, c = 0] = hexToBytes(needle.slice(0, 2 * PREFIX_BYTES)) ?? [];
    starts[(a << 16) | (b << 8) | c] = 1;
  }
  const found = new Set<string>();
  const last = haystack.length - NEEDLE_BYTES;
  let prefix = ((haystack[0] ?? 0) << 8) | (haystack[1] ?? 0);
  for (let at = 0; at <= last; at++) {
    prefix = ((prefix << 8) | (haystack[at + 2] ?? 0)) & 0xffffff;
    if (starts[prefix] === 0) continue;
    const here = bytesToHex(haystack.subarray(at, at + NEEDLE_BYTES));
    if (needles.has(here)) found.add(here);
  }
  return found;
}
