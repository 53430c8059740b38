/**
 * Curve25519: its Edwards side, which public keys we take, and the clamp.
 *
 * Spec: XEdDSA rev. 1, section 2.1; RFC 7748 §5; RFC 8032 §5.1.
 */

import { ed25519 } from '@noble/curves/ed25519.js';
import { compareBytes } from '@simsim/bytes';
import type { XedCurve } from './xed-curve.ts';
import { divide, littleEndian } from './xed-curve.ts';

const { Point } = ed25519;
const { Fp } = Point;

/** Curve25519 and the Edwards curve of Ed25519. */
export const CURVE25519: XedCurve = {
  point: Point,
  keyBytes: 32,
  pointBytes: 32,
  fieldBits: 255n,
  montgomeryA: 486662n,
  nonsquare: 2n,
  toY: (u) => divide(Fp, u - 1n, u + 1n),
};

/** The u coordinates of order 8. */
const ORDER_8_U: readonly bigint[] = [
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];

/**
 * All low-order u coordinates below p; −1 lies on the twist. With them X25519 gives zero whatever
 * the private key is, and signatures can be forged.
 */
const LOW_ORDER_KEYS: readonly Uint8Array[] = [0n, 1n, ...ORDER_8_U, Fp.ORDER - 1n].map((u) =>
  Fp.toBytes(u),
);

/** The y coordinates of all points of order 1, 2, 4 and 8. */
const SMALL_ORDER_Y: readonly bigint[] = [
  0n,
  1n,
  Fp.ORDER - 1n,
  ...ORDER_8_U.map((u) => CURVE25519.toY(u)),
];

/** Whether 32 bytes are a canonical X25519 public key that is not of low order. */
export function isAcceptablePublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== 32 || (bytes[31] ?? 0) > 0x7f) return false;
  // Only the 19 values from p on are below 2^255 and not canonical; they start with 0xed or more
  // and are 0xff in the middle. This path is taken for every saved key, so it avoids BigInt.
  const mayExceed = bytes[31] === 0x7f && bytes[30] === 0xff && bytes[1] === 0xff;
  if (mayExceed && littleEndian(bytes) >= Fp.ORDER) return false;
  if (LOW_ORDER_KEYS.some((key) => compareBytes(key, bytes) === 0)) return false;
  return true;
}

/** Whether 32 bytes are a canonical Ed25519 public key that is not of small order. */
export function isAcceptableDeviceKey(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false;
  const y = littleEndian(bytes) & ((1n << 255n) - 1n);
  return y < Fp.ORDER && !SMALL_ORDER_Y.includes(y);
}

/**
 * The u of an Ed25519 public key, (1 + y) / (1 − y): the birational map of RFC 7748 §4.1. `undefined`
 * for a key that is no point of the base point's subgroup, in its one encoding.
 */
export function toMontgomeryKey(deviceKey: Uint8Array): Uint8Array | undefined {
  if (!isAcceptableDeviceKey(deviceKey)) return undefined;
  try {
    const point = Point.fromBytes(deviceKey);
    if (!point.isTorsionFree()) return undefined;
    return Fp.toBytes(divide(Fp, 1n + point.y, 1n - point.y));
  } catch {
    return undefined; // noble throws where no x fits the y
  }
}

/** The X25519 scalar of an Ed25519 seed, given the seed's SHA-512, which the caller wipes. */
export function toMontgomeryScalar(seedHash: Uint8Array): Uint8Array {
  return clamp(seedHash.subarray(0, 32));
}

/** The X25519 clamp: clears the low three bits and the top one, sets bit 254. Works on a copy. */
export function clamp(scalar: Uint8Array): Uint8Array {
  const clamped = new Uint8Array(scalar);
  clamped[0] = (clamped[0] ?? 0) & 0xf8;
  clamped[31] = ((clamped[31] ?? 0) & 0x7f) | 0x40;
  return clamped;
}
