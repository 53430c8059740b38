/**
 * The message KDF in plain JavaScript: HMAC and HKDF over SHA-256 for short secret inputs.
 *
 * Why: one chain message needs ten HMACs of one block each. Called natively they cost 16-30 µs,
 * mostly in crossing over and in collecting the result buffers; here the pads of a key and the
 * zero-salt state are shared and the scratch memory is ours to clear, about 10 µs.
 * The node backend checks it against OpenSSL when it is imported.
 *
 * Spec: FIPS 180-4 §6.2, RFC 2104, RFC 5869.
 */

import { invariant } from '@simsim/bytes';

/** Room for an HMAC message and its padding; every input of the protocols fits. */
const SCRATCH_BYTES = 512;
/** Longest message {@link SCRATCH_BYTES} leaves room for, with an HKDF block and counter on top. */
const SHORT_INPUT_MAX = SCRATCH_BYTES - 64 - 33;

const ROUND_KEYS = Int32Array.from(firstPrimes(64), (prime) => fraction(Math.cbrt(prime)));
const START = Int32Array.from(firstPrimes(8), (prime) => fraction(Math.sqrt(prime)));

const schedule = new Int32Array(64);
const scratch = new Uint8Array(SCRATCH_BYTES);
const inner = new Int32Array(8);
const outer = new Int32Array(8);
const chainPads = createPads();
const extractPads = createPads();
const expandPads = createPads();

/** The pads of HKDF's default salt, 32 zero bytes: public, computed once. */
const zeroPads = createPads();
setPads(zeroPads, new Uint8Array(32));

interface Pads {
  readonly inner: Int32Array;
  readonly outer: Int32Array;
}

/** What a chain step gives; each array owns its memory. */
export interface ChainOutput {
  readonly next: Uint8Array;
  /** The seed, or the 80 bytes of message keys made from it. */
  readonly output: Uint8Array;
}

/** Whether {@link hkdfSha256} takes inputs of these lengths. */
export function isShortInput(ikm: number, salt: number, info: number): boolean {
  return ikm <= SHORT_INPUT_MAX && info <= SHORT_INPUT_MAX && salt <= 64;
}

/** HMAC(chain, 02) as the next chain key and HMAC(chain, 01) as the seed. */
export function chainStep(chain: Uint8Array): ChainOutput {
  setPads(chainPads, chain);
  const stepped = { next: step(2), output: step(1) };
  clearScratch();
  return stepped;
}

/** {@link chainStep} with the seed expanded to 80 bytes of message keys, the seed never leaving. */
export function chainMessage(chain: Uint8Array, info: Uint8Array): ChainOutput {
  invariant(info.length <= SHORT_INPUT_MAX, 'info is short');
  setPads(chainPads, chain);
  const next = step(2);
  scratch[0] = 1;
  hmac(chainPads, 1);
  writeWords(scratch, 0);
  hmac(zeroPads, 32);
  const output = expand(info, 80);
  clearScratch();
  return { next, output };
}

/** HKDF-SHA-256. Limits: see {@link isShortInput}; `salt` absent means 32 zero bytes. */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array | undefined,
  info: Uint8Array,
  length: number,
): Uint8Array {
  invariant(isShortInput(ikm.length, salt?.length ?? 0, info.length), 'HKDF inputs are short');
  if (salt !== undefined) setPads(extractPads, salt);
  scratch.set(ikm);
  hmac(salt === undefined ? zeroPads : extractPads, ikm.length);
  const output = expand(info, length);
  clearScratch();
  return output;
}

/** Expands the pseudo-random key that lies in `outer`. */
function expand(info: Uint8Array, length: number): Uint8Array {
  setPadsFromOuter(expandPads);
  const output = new Uint8Array(length);
  for (let at = 0, counter = 1; at < length; at += 32, counter++) {
    const chained = at === 0 ? 0 : 32;
    if (chained > 0) writeWords(scratch, 0);
    scratch.set(info, chained);
    scratch[chained + info.length] = counter;
    hmac(expandPads, chained + info.length + 1);
    writeOutput(output, at);
  }
  return output;
}

function step(constant: number): Uint8Array {
  scratch[0] = constant;
  hmac(chainPads, 1);
  const output = new Uint8Array(32);
  writeWords(output, 0);
  return output;
}

function createPads(): Pads {
  return { inner: new Int32Array(8), outer: new Int32Array(8) };
}

/** Absorbs a key of at most 64 bytes into both pads of HMAC. */
function setPads(pads: Pads, key: Uint8Array): void {
  scratch.fill(0, 0, 64);
  scratch.set(key);
  loadBlock(0);
  finishPads(pads);
}

function setPadsFromOuter(pads: Pads): void {
  for (let i = 0; i < 8; i++) {
    schedule[i] = outer[i] as number;
    schedule[i + 8] = 0;
  }
  finishPads(pads);
}

function finishPads(pads: Pads): void {
  for (let i = 0; i < 16; i++) schedule[i] = (schedule[i] as number) ^ 0x36363636;
  pads.inner.set(START);
  compress(pads.inner);
  // A compression keeps the first 16 words, so the key is still there under the inner pad.
  for (let i = 0; i < 16; i++) schedule[i] = (schedule[i] as number) ^ (0x36363636 ^ 0x5c5c5c5c);
  pads.outer.set(START);
  compress(pads.outer);
}

/** HMAC over the first `length` bytes of the scratch area; the result lies in `outer`. */
function hmac(pads: Pads, length: number): void {
  const end = (length + 72) & ~63; // message, 0x80, eight bytes of length, rounded up to blocks
  scratch[length] = 0x80;
  scratch.fill(0, length + 1, end);
  const bits = (64 + length) * 8;
  scratch[end - 2] = bits >>> 8;
  scratch[end - 1] = bits & 0xff;
  inner.set(pads.inner);
  for (let at = 0; at < end; at += 64) {
    loadBlock(at);
    compress(inner);
  }
  for (let i = 0; i < 8; i++) schedule[i] = inner[i] as number;
  schedule[8] = 0x80000000 | 0;
  for (let i = 9; i < 15; i++) schedule[i] = 0;
  schedule[15] = (64 + 32) * 8;
  outer.set(pads.outer);
  compress(outer);
}

function loadBlock(at: number): void {
  for (let i = 0, b = at; i < 16; i++, b += 4) {
    schedule[i] =
      ((scratch[b] as number) << 24) |
      ((scratch[b + 1] as number) << 16) |
      ((scratch[b + 2] as number) << 8) |
      (scratch[b + 3] as number);
  }
}

/** Writes the result that lies in `outer`. */
function writeWords(target: Uint8Array, at: number): void {
  for (let i = 0, b = at; i < 8; i++, b += 4) {
    const word = outer[i] as number;
    target[b] = word >>> 24;
    target[b + 1] = (word >>> 16) & 0xff;
    target[b + 2] = (word >>> 8) & 0xff;
    target[b + 3] = word & 0xff;
  }
}

/** As {@link writeWords}, but the last block of an output may be cut. */
function writeOutput(target: Uint8Array, at: number): void {
  const end = Math.min(target.length, at + 32);
  for (let b = at; b < end; b++) {
    const word = outer[(b - at) >> 2] as number;
    target[b] = (word >>> (24 - 8 * ((b - at) & 3))) & 0xff;
  }
}

/** One SHA-256 compression of the 16 words at the head of the schedule, which it keeps. */
function compress(state: Int32Array): void {
  const w = schedule;
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number;
    const y = w[i - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (s1 + (w[i - 7] as number) + s0 + (w[i - 16] as number)) | 0;
  }
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let i = 0; i < 64; i++) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = g ^ (e & (f ^ g));
    const t1 = (h + big1 + choice + (ROUND_KEYS[i] as number) + (w[i] as number)) | 0;
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) | (c & (a | b));
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + big0 + majority) | 0;
  }
  state[0] = ((state[0] as number) + a) | 0;
  state[1] = ((state[1] as number) + b) | 0;
  state[2] = ((state[2] as number) + c) | 0;
  state[3] = ((state[3] as number) + d) | 0;
  state[4] = ((state[4] as number) + e) | 0;
  state[5] = ((state[5] as number) + f) | 0;
  state[6] = ((state[6] as number) + g) | 0;
  state[7] = ((state[7] as number) + h) | 0;
}

/** Forgets every trace of keys: pads, states and the scratch area. */
function clearScratch(): void {
  schedule.fill(0);
  scratch.fill(0);
  inner.fill(0);
  outer.fill(0);
  for (const pads of [chainPads, extractPads, expandPads]) {
    pads.inner.fill(0);
    pads.outer.fill(0);
  }
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  }
  return primes;
}

/** The first 32 bits of a root's fractional part. Doubles carry enough of them. */
function fraction(root: number): number {
  return ((root - Math.floor(root)) * 0x100000000) | 0;
}
