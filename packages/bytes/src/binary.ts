/**
 * The house's own binary codec: fixed-width big-endian integers, minimal unsigned varints, and
 * length-prefixed bytes. Canonical: one value has one encoding, and the reader refuses others.
 */

import { copyBytes } from './allocate.ts';
import { invariant } from './invariant.ts';
import { decodeUtf8, encodeUtf8 } from './text.ts';

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
  /** All that was written; the writer takes nothing more. Throws: the second time. */
  finish(): Uint8Array;
}

/** Makes an empty writer. */
export function createWriter(sizeHint = 128): BinaryWriter {
  return new Writer(sizeHint);
}

/** Buffers of finished writers, all zero, for the next ones. */
const spares: Uint8Array[] = [];
const SPARES_MAX = 4;
/** Larger buffers are left to the garbage collector. */
const SPARE_BYTES_MAX = 65_536;

class Writer implements BinaryWriter {
  #buffer: Uint8Array | undefined;
  #at = 0;

  constructor(sizeHint: number) {
    this.#buffer = spares.pop() ?? new Uint8Array(Math.max(sizeHint, 256));
  }

  u8(value: number): this {
    invariant(Number.isInteger(value) && value >= 0 && value <= 0xff, 'u8 in range');
    this.#room(1)[this.#at++] = value;
    return this;
  }

  u16(value: number): this {
    invariant(Number.isInteger(value) && value >= 0 && value <= 0xffff, 'u16 in range');
    const buffer = this.#room(2);
    buffer[this.#at++] = value >>> 8;
    buffer[this.#at++] = value & 0xff;
    return this;
  }

  u32(value: number): this {
    invariant(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, 'u32 in range');
    const buffer = this.#room(4);
    for (let shift = 24; shift >= 0; shift -= 8) buffer[this.#at++] = (value >>> shift) & 0xff;
    return this;
  }

  varint(value: number): this {
    invariant(Number.isSafeInteger(value) && value >= 0, 'varint is a safe natural number');
    const buffer = this.#room(8);
    let rest = value;
    while (rest > 0x7f) {
      buffer[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    buffer[this.#at++] = rest;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  text(text: string): this {
    return this.bytes(encodeUtf8(text));
  }

  finish(): Uint8Array {
    const buffer = this.#room(0);
    this.#buffer = undefined;
    const bytes = copyBytes(buffer, 0, this.#at);
    if (spares.length < SPARES_MAX && buffer.length <= SPARE_BYTES_MAX) {
      buffer.fill(0, 0, this.#at);
      spares.push(buffer);
    }
    return bytes;
  }

  /** The buffer, with room for so many bytes more. */
  #room(bytes: number): Uint8Array {
    const buffer = this.#buffer;
    invariant(buffer !== undefined, 'a writer is finished once');
    if (this.#at + bytes <= buffer.length) return buffer;
    const bigger = new Uint8Array(Math.max(buffer.length * 2, this.#at + bytes));
    bigger.set(buffer.subarray(0, this.#at));
    this.#buffer = bigger;
    return bigger;
  }
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
export function createReader(input: Uint8Array): BinaryReader {
  return new Reader(input);
}

class Reader implements BinaryReader {
  readonly #input: Uint8Array;
  #at = 0;
  #isIntact = true;

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  u8(): number {
    return this.#fixed(1);
  }

  u16(): number {
    return this.#fixed(2);
  }

  u32(): number {
    return this.#fixed(4);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8 && this.#takes(1); i++) {
      const byte = this.#input[this.#at - 1] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        const isMinimal = byte !== 0 || i === 0;
        if (isMinimal && Number.isSafeInteger(value)) return value;
        break;
      }
      scale *= 0x80;
    }
    this.#isIntact = false;
    return 0;
  }

  raw(length: number): Uint8Array {
    return this.#takes(length)
      ? copyBytes(this.#input, this.#at - length, this.#at)
      : new Uint8Array(0);
  }

  bytes(lengthMax = Number.MAX_SAFE_INTEGER): Uint8Array {
    const length = this.varint();
    if (length > lengthMax) this.#isIntact = false;
    return this.raw(length);
  }

  text(lengthMax?: number): string {
    const text = decodeUtf8(this.bytes(lengthMax));
    if (text === undefined) this.#isIntact = false;
    return text ?? '';
  }

  left(): number {
    return this.#input.length - this.#at;
  }

  fail(): void {
    this.#isIntact = false;
  }

  isIntact(): boolean {
    return this.#isIntact;
  }

  isDone(): boolean {
    return this.#isIntact && this.#at === this.#input.length;
  }

  /** Steps over so many bytes, if they are there. */
  #takes(length: number): boolean {
    if (length > this.#input.length - this.#at) this.#isIntact = false;
    if (this.#isIntact) this.#at += length;
    return this.#isIntact;
  }

  /** A number in so many bytes, big end first. */
  #fixed(length: number): number {
    if (!this.#takes(length)) return 0;
    let value = 0;
    for (let i = this.#at - length; i < this.#at; i++) {
      value = value * 256 + (this.#input[i] as number);
    }
    return value;
  }
}
