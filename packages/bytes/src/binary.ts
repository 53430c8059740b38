/**
 * The house's own binary codec: fixed-width big-endian integers, minimal unsigned varints, and
 * length-prefixed bytes. Canonical: one value has one encoding, and the reader refuses others.
 */

import { decodeUtf8, encodeUtf8 } from './text.ts';
import { invariant } from './invariant.ts';

/** Collects public bytes. Secrets are never written here; see the crypto seam's part lists. */
export interface BinaryWriter {
  /** One byte, 0…255. */
  u8(value: number): BinaryWriter;
  /** Two bytes big-endian. */
  u16(value: number): BinaryWriter;
  /** Four bytes big-endian. */
  u32(value: number): BinaryWriter;
  /** Unsigned LEB128 up to 2^53 − 1, always minimal. */
  varint(value: number): BinaryWriter;
  /** Bytes as they are; the reader must know their length. */
  raw(bytes: Uint8Array): BinaryWriter;
  /** A varint length, then the bytes. */
  bytes(bytes: Uint8Array): BinaryWriter;
  /** A varint length, then UTF-8. */
  text(text: string): BinaryWriter;
  /** A copy of all that was written. */
  finish(): Uint8Array;
}

/** Makes an empty writer. */
export function createWriter(sizeHint = 128): BinaryWriter {
  let buffer = new Uint8Array(sizeHint);
  let at = 0;
  const grow = (extra: number): void => {
    if (at + extra <= buffer.length) return;
    const bigger = new Uint8Array(Math.max(buffer.length * 2, at + extra));
    bigger.set(buffer.subarray(0, at));
    buffer = bigger;
  };
  const writer: BinaryWriter = {
    u8(value) {
      invariant(Number.isInteger(value) && value >= 0 && value <= 0xff, 'u8 in range');
      grow(1);
      buffer[at++] = value;
      return writer;
    },
    u16(value) {
      invariant(Number.isInteger(value) && value >= 0 && value <= 0xffff, 'u16 in range');
      grow(2);
      buffer[at++] = value >>> 8;
      buffer[at++] = value & 0xff;
      return writer;
    },
    u32(value) {
      invariant(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, 'u32 in range');
      grow(4);
      for (let shift = 24; shift >= 0; shift -= 8) buffer[at++] = (value >>> shift) & 0xff;
      return writer;
    },
    varint(value) {
      invariant(Number.isSafeInteger(value) && value >= 0, 'varint is a safe natural number');
      grow(8);
      let rest = value;
      while (rest > 0x7f) {
        buffer[at++] = (rest % 0x80) | 0x80;
        rest = Math.floor(rest / 0x80);
      }
      buffer[at++] = rest;
      return writer;
    },
    raw(bytes) {
      grow(bytes.length);
      buffer.set(bytes, at);
      at += bytes.length;
      return writer;
    },
    bytes(bytes) {
      return writer.varint(bytes.length).raw(bytes);
    },
    text(text) {
      return writer.bytes(encodeUtf8(text));
    },
    finish() {
      return buffer.slice(0, at);
    },
  };
  return writer;
}

/**
 * Reads what a {@link BinaryWriter} wrote. Total: after the first malformed field every read gives
 * a zero value and {@link BinaryReader.isIntact} is false, so a decoder checks once, at the end.
 */
export interface BinaryReader {
  u8(): number;
  u16(): number;
  u32(): number;
  varint(): number;
  /** Copies exactly `length` bytes. */
  raw(length: number): Uint8Array;
  /** Copies length-prefixed bytes, at most `lengthMax` of them. */
  bytes(lengthMax?: number): Uint8Array;
  /** Reads length-prefixed UTF-8 of at most `lengthMax` bytes. */
  text(lengthMax?: number): string;
  /** Bytes not read yet. */
  left(): number;
  /** Marks the input as malformed; for a decoder's own checks. */
  fail(): void;
  /** True while nothing malformed was met. */
  isIntact(): boolean;
  /** True when nothing malformed was met and nothing is left. */
  isDone(): boolean;
}

/** Makes a reader over `input`, which it never changes. What it reads are copies. */
export function createReader(source: Uint8Array): BinaryReader {
  // A subclass may give views where an array gives copies: Node's Buffer does.
  const isPlain = source.constructor === Uint8Array;
  const input = isPlain ? source : new Uint8Array(source.buffer, source.byteOffset, source.length);
  let at = 0;
  let isIntact = true;
  const take = (length: number): Uint8Array | undefined => {
    if (!isIntact || length > input.length - at) {
      isIntact = false;
      return undefined;
    }
    at += length;
    return input.subarray(at - length, at);
  };
  const fixed = (length: number): number => {
    const bytes = take(length);
    if (bytes === undefined) return 0;
    let value = 0;
    for (const byte of bytes) value = value * 256 + byte;
    return value;
  };
  const reader: BinaryReader = {
    u8: () => fixed(1),
    u16: () => fixed(2),
    u32: () => fixed(4),
    varint() {
      let value = 0;
      let scale = 1;
      for (let i = 0; i < 8; i++) {
        const byte = take(1)?.[0];
        if (byte === undefined) return 0;
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) {
          const isMinimal = byte !== 0 || i === 0;
          if (isMinimal && Number.isSafeInteger(value)) return value;
          break;
        }
        scale *= 0x80;
      }
      isIntact = false;
      return 0;
    },
    raw: (length) => take(length)?.slice() ?? new Uint8Array(0),
    bytes(lengthMax = Number.MAX_SAFE_INTEGER) {
      const length = reader.varint();
      if (length > lengthMax) isIntact = false;
      return reader.raw(length);
    },
    text(lengthMax) {
      const text = decodeUtf8(reader.bytes(lengthMax));
      if (text === undefined) isIntact = false;
      return text ?? '';
    },
    left: () => input.length - at,
    fail() {
      isIntact = false;
    },
    isIntact: () => isIntact,
    isDone: () => isIntact && at === input.length,
  };
  return reader;
}
