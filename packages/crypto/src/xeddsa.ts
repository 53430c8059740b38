/**
 * XEdDSA over both curves, in the form Signal's peers sign and in the specification's, and one
 * strict signature check for XEdDSA and Ed25519 alike.
 *
 * Spec: XEdDSA rev. 1, sections 2-4; RFC 8032 §5.1.
 */

import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes } from '@simsim/bytes';
import type { XedCurve } from './xed-curve.ts';
import {
  calculateKeyPair,
  decodePoint,
  hashI,
  littleEndian,
  multiplyBase,
  toScalar,
} from './xed-curve.ts';

/** What signing needs. */
export interface XeddsaInput {
  /** Clamped: 32 or 56 bytes. */
  readonly privateKey: Uint8Array;
  /** `edwardsPublicKey` of the private key. */
  readonly edwards: Uint8Array;
  readonly message: Uint8Array;
  /** 64 fresh secret bytes: the same bytes for two messages give the private key away. */
  readonly entropy64: Uint8Array;
}

/**
 * Signs as Signal's peers do: the natural sign of the Edwards key rides in the top bit of the
 * signature, and the nonce input is the clamped private key as it is, not reduced.
 *
 * Differs: the specification forces the sign to 0 and negates the scalar; {@link signRev1}.
 */
export function signCarried(curve: XedCurve, input: XeddsaInput): Uint8Array {
  const scalar = curve.point.Fn.create(littleEndian(input.privateKey));
  const signature = signWith(curve, { ...input, scalar, nonceKey: input.privateKey });
  const last = signature.length - 1;
  const sign = (input.edwards[curve.pointBytes - 1] ?? 0) & 0x80;
  signature[last] = (signature[last] ?? 0) | sign;
  return signature;
}

/**
 * What goes into the nonce for the private key where it was not negated: `reduced` modulo the
 * order, as the text says, or `clamped` as it is, as the authors' reference does and as their
 * published chains need. No verifier can tell.
 */
export type NonceKey = 'reduced' | 'clamped';

/** Signs as the specification does: Edwards sign 0, scalar negated where the sign was 1. */
export function signRev1(
  curve: XedCurve,
  input: XeddsaInput,
  nonceKey: NonceKey = 'reduced',
): Uint8Array {
  const { publicKey, scalar, isNegated } = calculateKeyPair(curve, input.privateKey, input.edwards);
  const isReduced = isNegated || nonceKey === 'reduced';
  return signWith(curve, {
    ...input,
    edwards: publicKey,
    scalar,
    nonceKey: isReduced ? curve.point.Fn.toBytes(scalar) : input.privateKey,
  });
}

interface SigningInput extends XeddsaInput {
  readonly scalar: bigint;
  readonly nonceKey: Uint8Array;
}

function signWith(curve: XedCurve, input: SigningInput): Uint8Array {
  const { edwards, message, entropy64, scalar, nonceKey } = input;
  const { Fn } = curve.point;
  const nonce = toScalar(curve, hashI(curve, 1, [nonceKey, message, entropy64]));
  const commitment = multiplyBase(curve, nonce).toBytes();
  const challenge = toScalar(curve, sha512(concatBytes([commitment, edwards, message])));
  return concatBytes([commitment, Fn.toBytes(Fn.add(nonce, Fn.mul(challenge, scalar)))]);
}

/**
 * Splits a signature into the sign it carries (0 or 0x80) and the plain one below it. Only XEd25519
 * has a carried form; on Curve448 the bit stays where it is and makes s too large. `undefined` on a
 * wrong length.
 */
export function splitSign(
  curve: XedCurve,
  signature: Uint8Array,
): { readonly sign: number; readonly plain: Uint8Array } | undefined {
  if (signature.length !== 2 * curve.pointBytes) return undefined;
  if (curve.pointBytes !== 32) return { sign: 0, plain: signature };
  const plain = signature.slice();
  const top = plain[63] ?? 0;
  plain[63] = top & 0x7f;
  return { sign: top & 0x80, plain };
}

/**
 * Checks a signature under an Edwards key without cofactor: s below the group order and s·B − h·A
 * equal to R byte for byte, exactly what OpenSSL checks for Ed25519, so that both backends give one
 * verdict.
 *
 * Differs: XEdDSA rev. 1 tolerates s ≥ q, which makes signatures malleable; we refuse.
 */
export function verifyEdwards(
  curve: XedCurve,
  edwards: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { point, pointBytes } = curve;
  if (signature.length !== 2 * pointBytes) return false;
  const s = littleEndian(signature.subarray(pointBytes));
  if (s >= point.Fn.ORDER) return false;
  const key = decodePoint(curve, edwards);
  if (key === undefined) return false;
  const commitment = signature.subarray(0, pointBytes);
  const challenge = toScalar(curve, sha512(concatBytes([commitment, edwards, message])));
  const base = s === 0n ? point.ZERO : point.BASE.multiplyUnsafe(s);
  const expected = base.add(key.negate().multiplyUnsafe(challenge));
  return equalBytes(expected.toBytes(), commitment);
}
