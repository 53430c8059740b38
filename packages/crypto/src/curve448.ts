/**
 * Curve448: its Edwards side, which public keys we take, and the clamp.
 *
 * Differs: the printed map to Edwards form gives a base point of order 2q, under which signatures
 * mostly do not verify; y = (u + 1) / (u − 1) is the isomorphism onto E448 of NIST SP 800-186.
 * Spec: XEdDSA rev. 1, section 2.1; RFC 7748 §5; NIST SP 800-186 §3.2.3.
 */

import { E448 } from '@noble/curves/ed448.js';
import type { XedCurve } from './xed-curve.ts';
import { divide, littleEndian } from './xed-curve.ts';

const { Fp } = E448;

/** Curve448 and E448; not the Goldilocks curve of Ed448, which is another one. */
export const CURVE448: XedCurve = {
  point: E448,
  keyBytes: 56,
  pointBytes: 57,
  fieldBits: 448n,
  montgomeryA: 156326n,
  nonsquare: -1n,
  toY: (u) => divide(Fp, u + 1n, u - 1n),
};

/** All low-order u coordinates below p; −1 lies on the twist. */
const LOW_ORDER_U: readonly bigint[] = [0n, 1n, Fp.ORDER - 1n];

/** Whether 56 bytes are a canonical X448 public key that is not of low order. */
export function isAcceptablePublicKey448(bytes: Uint8Array): boolean {
  if (bytes.length !== 56) return false;
  const u = littleEndian(bytes);
  if (u >= Fp.ORDER) return false;
  if (LOW_ORDER_U.includes(u)) return false;
  return true;
}

/** The X448 clamp: clears the low two bits, sets the top one. Works on a copy. */
export function clamp448(scalar: Uint8Array): Uint8Array {
  const clamped = new Uint8Array(scalar);
  clamped[0] = (clamped[0] ?? 0) & 0xfc;
  clamped[55] = (clamped[55] ?? 0) | 0x80;
  return clamped;
}
