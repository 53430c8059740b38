/**
 * A fast hash of 128 bits that names terms: by what a term is, not by when it was made, so that a run
 * without one action names everything else as before. Not for secrets: nothing real hangs on it.
 */

const LANE_0 = 0xcc9e2d51;
const LANE_1 = 0x85ebca6b;
const LANE_2 = 0xc2b2ae35;
const LANE_3 = 0x27d4eb2f;

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
    for (let i = 0; i < whole; i += 4) this.word(wordAt(bytes, i));
    for (let i = whole; i < bytes.length; i++) this.word(bytes[i] ?? 0);
    return this;
  }

  end(): this {
    this.word(0x5bd1e995);
    this.word(0);
    return this;
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
  const bytes = new Uint8Array(length);
  const words = [name.w0, name.w1, name.w2, name.w3];
  for (let i = 0; i < length; i++) bytes[i] = (words[(i >> 2) & 3] ?? 0) >>> ((i & 3) << 3);
  return bytes;
}
