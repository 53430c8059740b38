/**
 * What a curve of the XEdDSA specification is, and the few functions of its sections 2.3-2.5 that
 * signing, verifying and the VRF share.
 *
 * Limits: built on noble's BigInt arithmetic, which is not constant time, and its scalars cannot be
 * wiped; SECURITY.md says what that means.
 * Spec: XEdDSA rev. 1, sections 2.1-2.5.
 */

import type { EdwardsPoint, EdwardsPointCons } from '@noble/curves/abstract/edwards.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { wipe } from '@simsim/bytes';
import { joinParts } from './parts.ts';

/** A curve with what the specification's table says of it. */
export interface XedCurve {
  /** The Edwards curve; its base point has order q. */
  readonly point: EdwardsPointCons;
  /** Bytes of a Montgomery u and of a private key. */
  readonly keyBytes: number;
  /** b / 8: bytes of an encoded point or scalar. */
  readonly pointBytes: number;
  /** |p|: bits that an encoded y may have. */
  readonly fieldBits: bigint;
  /** Montgomery A. */
  readonly montgomeryA: bigint;
  /** The nonsquare n of Elligator 2. */
  readonly nonsquare: bigint;
  /** The Edwards y of a Montgomery u, where 1/0 is 0. */
  readonly toY: (u: bigint) => bigint;
}

type Field = EdwardsPointCons['Fp'];

/** Numerator over denominator in a field, with inv(0) = 0 as the specification has it. */
export function divide(field: Field, numerator: bigint, denominator: bigint): bigint {
  const divisor = field.create(denominator);
  return divisor === 0n ? 0n : field.mul(field.create(numerator), field.inv(divisor));
}

/** convert_mont as bytes: the Edwards encoding of a public key with the given sign (0 or 0x80). */
export function toEdwardsKey(curve: XedCurve, publicKey: Uint8Array, sign: number): Uint8Array {
  const encoded = curve.point.Fp.toBytes(curve.toY(littleEndian(publicKey)));
  const last = curve.pointBytes - 1;
  encoded[last] = (encoded[last] ?? 0) | sign;
  return encoded;
}

/** The point k·B of a clamped private key, its sign as it comes. */
export function edwardsPublicKey(curve: XedCurve, privateKey: Uint8Array): Uint8Array {
  return multiplyBase(curve, littleEndian(privateKey)).toBytes();
}

/** A key pair as the specification signs with it: Edwards sign 0. */
export interface EdwardsKeyPair {
  /** A: encoded point with sign 0. */
  readonly publicKey: Uint8Array;
  /** a: the private scalar, negated where the natural sign was 1. */
  readonly scalar: bigint;
  readonly isNegated: boolean;
}

/** calculate_key_pair of a clamped private key, given k·B with its natural sign. */
export function calculateKeyPair(
  curve: XedCurve,
  privateKey: Uint8Array,
  edwards: Uint8Array,
): EdwardsKeyPair {
  const { Fn } = curve.point;
  const natural = Fn.create(littleEndian(privateKey));
  const last = curve.pointBytes - 1;
  const isNegated = ((edwards[last] ?? 0) & 0x80) !== 0;
  const publicKey = edwards.slice();
  publicKey[last] = (publicKey[last] ?? 0) & 0x7f;
  return { publicKey, scalar: isNegated ? Fn.neg(natural) : natural, isNegated };
}

/** hash_i: SHA-512 over 2^b − 1 − i in little endian and the parts. */
export function hashI(curve: XedCurve, i: number, parts: readonly Uint8Array[]): Uint8Array {
  const prefix = new Uint8Array(curve.pointBytes).fill(0xff);
  prefix[0] = 0xff - i;
  const input = joinParts([prefix, ...parts]);
  const output = sha512(input);
  wipe(input);
  return output;
}

/** A hash modulo the group order. Wipes the hash: it may be a nonce. */
export function toScalar(curve: XedCurve, hash: Uint8Array): bigint {
  const scalar = curve.point.Fn.create(littleEndian(hash));
  wipe(hash);
  return scalar;
}

/** A multiple of the base point for any scalar; a multiple of q gives the identity. */
export function multiplyBase(curve: XedCurve, scalar: bigint): EdwardsPoint {
  const reduced = curve.point.Fn.create(scalar);
  return reduced === 0n ? curve.point.ZERO : curve.point.BASE.multiply(reduced);
}

/** Noble throws on encodings off the curve or not canonical; here that is an answer. */
export function decodePoint(curve: XedCurve, encoded: Uint8Array): EdwardsPoint | undefined {
  try {
    return curve.point.fromBytes(encoded);
  } catch {
    return undefined;
  }
}

/** An unsigned integer of any length. */
export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}
