/**
 * The field of the post-quantum ratchet inside a message of version 4: which key of which epoch
 * salts the message keys, and a piece of the peer's next epoch, which this end only steps over.
 *
 * Spec: signal-wire b.8.
 */

import { concatBytes } from '@simsim/bytes';

/** What a field says. */
export type PqField =
  /** A key of the symmetric chain: `epoch` from 1, `index` from 1. */
  | { readonly kind: 'key'; readonly epoch: number; readonly index: number }
  /** No key for this message: the peer still negotiates, or speaks a newer version. */
  | { readonly kind: 'keyless' };

const VERSION = 1;
const TYPE_NONE = 0;

/** Types that carry a chunk: header, key, key with acknowledgement, both ciphertext halves. */
const TYPES_WITH_CHUNK: ReadonlySet<number> = new Set([1, 2, 3, 5, 6]);
const TYPE_MAX = 6;
const CHUNK_BYTES = 32;
const CHUNK_INDEX_MAX = 0xffff;

/** Epochs and indices above this are no peer's. */
const NUMBER_MAX = 0xffff_ffff;

/** The field of an end that only ever uses epoch 1 and sends no chunks. */
export function encodePqField(index: number): Uint8Array {
  return concatBytes([Uint8Array.of(VERSION, 1), varint(index), Uint8Array.of(TYPE_NONE)]);
}

/** Reads a field; `undefined` where it is malformed. Trailing bytes are ignored, as peers do. */
export function decodePqField(bytes: Uint8Array): PqField | undefined {
  const [version] = bytes;
  if (version === undefined || version === 0) return undefined;
  if (version > VERSION) return { kind: 'keyless' };
  const cursor = { bytes, at: 1 };
  const epoch = readVarint(cursor, NUMBER_MAX);
  const index = readVarint(cursor, NUMBER_MAX);
  const type = bytes[cursor.at++];
  if (epoch === undefined || epoch === 0 || index === undefined) return undefined;
  if (type === undefined || type > TYPE_MAX) return undefined;
  if (TYPES_WITH_CHUNK.has(type)) {
    const chunk = readVarint(cursor, CHUNK_INDEX_MAX);
    if (chunk === undefined || bytes.length - cursor.at < CHUNK_BYTES) return undefined;
  }
  if (index === 0) return epoch === 1 ? { kind: 'keyless' } : undefined;
  return { kind: 'key', epoch, index };
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** At most 10 bytes, as protobuf has it, and at most `max`. */
function readVarint(cursor: Cursor, max: number): number | undefined {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    const byte = cursor.bytes[cursor.at];
    if (byte === undefined) return undefined;
    cursor.at += 1;
    value += (byte & 0x7f) * scale;
    if (value > max) return undefined;
    if (byte < 0x80) return value;
    scale *= 0x80;
  }
  return undefined;
}

function varint(value: number): Uint8Array {
  const digits: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) digits.push((rest % 0x80) | 0x80);
  digits.push(rest);
  return Uint8Array.from(digits);
}
