/** Comparing and wiping byte arrays. */

import { newBytes } from './allocate.ts';

/**
 * Compares two byte arrays without stopping at the first difference.
 *
 * Why: an early exit tells an attacker how many leading bytes were right. The lengths are not
 * hidden. JavaScript gives no guarantee of constant time; this is best effort.
 */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** Orders two byte arrays by their bytes, a shorter prefix first. For public bytes only. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Overwrites bytes with zeros. Best effort: the runtime may hold copies (SECURITY.md). */
export function wipe(bytes: Uint8Array): void {
  bytes.fill(0);
}

/** Joins public byte arrays into a new one. Secrets go through the crypto seam's part lists. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = newBytes(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
