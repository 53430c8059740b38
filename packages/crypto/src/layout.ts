/** Facts that every byte-holding backend shares. */

import { encodeUtf8 } from '@simsim/bytes';

/** Where the cipher key lies in a message handle: `subarray(...CIPHER_KEY)`. */
export const CIPHER_KEY: readonly [number, number] = [0, 32];
/** Where the MAC key lies in a message handle. */
export const MAC_KEY: readonly [number, number] = [32, 64];
/** Where the IV lies in a message handle. */
export const IV: readonly [number, number] = [64, 80];

/** Domain separation of the stream key ratchet; part of the log's format. */
export const SEAL_STEP_LABEL: Uint8Array = encodeUtf8('simsim/log/seal/v1');

/** HKDF's counter is one byte (RFC 5869 §2.3). */
export const HKDF_BLOCKS_MAX = 255;

/** A tag has 8 bytes to the hash's output: below 64 bits a forger's luck counts. */
export function isTagLength(length: number, hashBytes = 32): boolean {
  return Number.isInteger(length) && length >= 8 && length <= hashBytes;
}
