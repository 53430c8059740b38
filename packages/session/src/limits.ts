/** Bounds of a session beyond those of its ratchet, with their reasons. */

/**
 * Longest message in bytes that is parsed or made. Content is at most 96 KiB (DESIGN 3) plus codec,
 * padding and headers; anything longer is refused before it is looked at.
 */
export const MESSAGE_BYTES_MAX: number = 128 * 1024;

/**
 * Longest plaintext: leaves room for a block of padding, both headers and a KEM ciphertext below the
 * maximum.
 */
export const PLAINTEXT_BYTES_MAX: number = MESSAGE_BYTES_MAX - 2304;

/** Most bytes of a saved hot state that is still looked at; an honest one has at most 259. */
export const HOT_BYTES_MAX = 260;

/** Most bytes of a saved cold state: its directory of 2 × 256 blocks is the largest part. */
export const COLD_BYTES_MAX: number = 32 * 1024;

/** Most bytes of a saved block: 32 seeds with their counters. */
export const BLOCK_BYTES_MAX: number = 4 * 1024;
