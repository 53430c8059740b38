/**
 * A fast hash of 128 bits that names terms: by what a term is, not by when it was made, so that a run
 * without one action names everything else as before. Not for secrets: nothing real hangs on it.
 */

import { newBytes } from '@simsim/bytes';

const LANE_0 = 0xcc9e2d51;
const LANE_1 = 0x85ebca6b;
const LANE_2 = 0xc2b2ae35;
const LANE_3 = 0x27d4eb2f;

/** Bytes of a name; shorter bytes name nothing. */
export const NAME_BYTES = 16;

/** A name: 128 bits. */
export interface TermName {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** Collects words and bytes; after `end` the four words are the name. */
export class TermHash implements TermName {
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;

  /** Starts over; `kind` keeps terms of different kinds apart. */
  begin(kind: number): this {
    this.w0 = kind ^ 0x243f6a88;
    this.w1 = 0x85a308d3;
    this.w2 = 0x13198a2e;
    this.w3 = 0x03707344;
    return this.word(kind);
  }

  word(word: number): this {
    const w0 = Math.imul(this.w0 ^ Math.imul(word, LANE_0), 0x1b873593);
    this.w0 = (w0 << 13) | (w0 >>> 19);
    const w1 = Math.imul(this.w1 ^ word ^ this.w0, LANE_1);
    this.w1 = w1 ^ (w1 >>> 15);
    const w2 = Math.imul((this.w2 + this.w1) ^ word, LANE_2);
    this.w2 = w2 ^ (w2 >>> 13);
    const w3 = Math.imul((this.w3 ^ this.w2) + word, LANE_3);
    this.w3 = w3 ^ (w3 >>> 16);
    return this;
  }

  /** Bytes with their length: where one list ends and the next begins counts. */
  bytes(bytes: Uint8Array): this {
    this.word(bytes.length);
    const whole = bytes.length & ~3;
    let { w0, w1, w2, w3 } = this;
    // As `word`, which would write its four words for each of these.
    for (let i = 0; i < whole; i += 4) {
      const word = wordAt(bytes, i);
      const a = Math.imul(w0 ^ Math.imul(word, LANE_0), 0x1b873593);
      w0 = (a << 13) | (a >>> 19);
      const b = Math.imul(w1 ^ word ^ w0, LANE_1);
      w1 = b ^ (b >>> 15);
      const c = Math.imul((w2 + w1) ^ word, LANE_2);
      w2 = c ^ (c >>> 13);
      const d = Math.imul((w3 ^ w2) + word, LANE_3);
      w3 = d ^ (d >>> 16);
    }
    this.w0 = w0;
    this.w1 = w1;
    this.w2 = w2;
    this.w3 = w3;
    for (let i = whole; i < bytes.length; i++) this.word(bytes[i] ?? 0);
    return this;
  }

  end(): this {
    this.word(0x5bd1e995);
    this.word(0);
    return this;
  }

  /** The name as it is now, to be kept. */
  name(): TermName {
    const { w0, w1, w2, w3 } = this;
    return { w0, w1, w2, w3 };
  }
}

/** Four bytes as one number, little end first; bytes past the end are zero. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** So many bytes that repeat a name. */
export function nameBytes(name: TermName, length: number): Uint8Array {
  const bytes = newBytes(length);
  for (let i = 0; i < length && i < NAME_BYTES; i++) bytes[i] = byteOf(name, i);
  for (let at = NAME_BYTES; at < length; at *= 2) bytes.copyWithin(at, 0, at);
  return bytes;
}

/** Whether bytes repeat a name, as {@link nameBytes} writes it. */
export function repeatsName(name: TermName, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const expected = i < NAME_BYTES ? byteOf(name, i) : bytes[i - NAME_BYTES];
    if (bytes[i] !== expected) return false;
  }
  return true;
}

/** Whether two names are one. */
export function isSameName(a: TermName, b: TermName): boolean {
  return a.w0 === b.w0 && a.w1 === b.w1 && a.w2 === b.w2 && a.w3 === b.w3;
}

function byteOf({ w0, w1, w2, w3 }: TermName, i: number): number {
  const word = i < 4 ? w0 : i < 8 ? w1 : i < 12 ? w2 : w3;
  return (word >>> ((i & 3) << 3)) & 0xff;
}
