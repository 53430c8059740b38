/**
 * VXEdDSA: signatures over Montgomery keys that also prove a unique pseudo-random output for key
 * and message. No protocol of ours needs it, so it is not part of the seam; it takes the key pairs
 * of any byte-holding backend.
 *
 * Differs: s ≥ q is refused, as for XEdDSA, and so is a V whose y is not below p; revision 1 takes
 * both. Signal's later generalised VRF is another scheme with other bytes.
 * Spec: XEdDSA rev. 1, sections 4.3, 4.4 and 5.
 */

import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js';
import { concatBytes, equalBytes, invariant, wipe } from '@simsim/bytes';
import type { KeyPair, PublicKey } from '../crypto.ts';
import { CURVE25519 } from '../curve25519.ts';
import { CURVE448 } from '../curve448.ts';
import { anyBytesOf } from '../handle-brand.ts';
import type { EdwardsKeyPair, XedCurve } from '../xed-curve.ts';
import {
  calculateKeyPair,
  decodePoint,
  edwardsPublicKey,
  hashI,
  littleEndian,
  multiplyBase,
  toEdwardsKey,
  toScalar,
} from '../xed-curve.ts';
import type { NonceKey } from '../xeddsa.ts';
import { hashToPoint } from './elligator.ts';

/** A VRF over the key pairs of one curve. */
export interface Vxeddsa {
  /**
   * Signs and proves. `entropy64` is fresh and secret; the output does not depend on it.
   *
   * Shapes: signature 96 bytes, output 32; on X448 171 and 57.
   */
  sign(own: KeyPair, parts: readonly Uint8Array[], entropy64: Uint8Array): VrfProof;
  /**
   * The output a signature proves, or `undefined`: wrong length, or not this key's signature for
   * this message. The key is one that the seam's `publicKey` took, so u is below p.
   */
  verify(
    peer: PublicKey,
    parts: readonly Uint8Array[],
    signature: Uint8Array,
  ): Uint8Array | undefined;
}

/** What {@link Vxeddsa.sign} yields. */
export interface VrfProof {
  readonly signature: Uint8Array;
  /** The same for every signature of this key over this message, and random to all others. */
  readonly output: Uint8Array;
}

/** VXEd25519, over X25519 key pairs. */
export const vxed25519: Vxeddsa = create(CURVE25519);

/** VXEd448, over X448 key pairs, with the corrected map. */
export const vxed448: Vxeddsa = create(CURVE448);

function create(curve: XedCurve): Vxeddsa {
  return {
    sign(own, parts, entropy64) {
      invariant(own.publicKey.bytes.length === curve.keyBytes, 'a key pair of this curve');
      invariant(entropy64.length === 64, 'VXEdDSA takes 64 bytes of entropy');
      const privateKey = anyBytesOf(own.privateKey);
      return signVxeddsa(curve, { privateKey, message: concatBytes(parts), entropy64 });
    },
    verify(peer, parts, signature) {
      invariant(peer.bytes.length === curve.keyBytes, 'a public key of this curve');
      return verifyVxeddsa(curve, peer.bytes, concatBytes(parts), signature);
    },
  };
}

interface SigningInput {
  readonly privateKey: Uint8Array;
  readonly message: Uint8Array;
  readonly entropy64: Uint8Array;
}

/** Signs with the bytes of a private key; see {@link NonceKey} for the last argument. */
export function signVxeddsa(
  curve: XedCurve,
  input: SigningInput,
  nonceKey: NonceKey = 'reduced',
): VrfProof {
  const { privateKey, message, entropy64 } = input;
  const { Fn } = curve.point;
  const pair = calculateKeyPair(curve, privateKey, edwardsPublicKey(curve, privateKey));
  const base = hashToPoint(curve, [pair.publicKey, message]);
  const proof = multiply(base, pair.scalar);
  const isReduced = pair.isNegated || nonceKey === 'reduced';
  const secret = isReduced ? Fn.toBytes(pair.scalar) : privateKey.slice();
  const nonce = toScalar(curve, hashI(curve, 3, [secret, proof.toBytes(), entropy64]));
  wipe(secret);
  const commitments = [multiplyBase(curve, nonce), multiply(base, nonce)] as const;
  const challenge = challengeOf(curve, { ...pair, proof, commitments, message });
  const answer = Fn.add(nonce, Fn.mul(challenge, pair.scalar));
  const signature = concatBytes([proof.toBytes(), Fn.toBytes(challenge), Fn.toBytes(answer)]);
  return { signature, output: outputOf(curve, proof) };
}

function verifyVxeddsa(
  curve: XedCurve,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Uint8Array | undefined {
  const { point, pointBytes } = curve;
  if (signature.length !== 3 * pointBytes) return undefined;
  const edwards = toEdwardsKey(curve, publicKey, 0);
  const key = decodePoint(curve, edwards);
  const proof = decodePoint(curve, signature.subarray(0, pointBytes));
  const challenge = littleEndian(signature.subarray(pointBytes, 2 * pointBytes));
  const answer = littleEndian(signature.subarray(2 * pointBytes));
  if (challenge >= point.Fn.ORDER || answer >= point.Fn.ORDER) return undefined;
  if (key === undefined || proof === undefined) return undefined;
  const base = hashToPoint(curve, [edwards, message]);
  if (key.isSmallOrder() || proof.isSmallOrder() || base.is0()) return undefined;
  const commitments = [
    point.BASE.multiplyUnsafe(answer).subtract(key.multiplyUnsafe(challenge)),
    base.multiplyUnsafe(answer).subtract(proof.multiplyUnsafe(challenge)),
  ] as const;
  const expected = challengeOf(curve, { publicKey: edwards, proof, commitments, message });
  const claimed = signature.subarray(pointBytes, 2 * pointBytes);
  return equalBytes(point.Fn.toBytes(expected), claimed) ? outputOf(curve, proof) : undefined;
}

interface Transcript extends Pick<EdwardsKeyPair, 'publicKey'> {
  /** V: the private key times the message's point. */
  readonly proof: EdwardsPoint;
  /** R and Rv. */
  readonly commitments: readonly [EdwardsPoint, EdwardsPoint];
  readonly message: Uint8Array;
}

function challengeOf(curve: XedCurve, transcript: Transcript): bigint {
  const { publicKey, proof, commitments, message } = transcript;
  const [onBase, onMessage] = commitments.map((each) => each.toBytes());
  invariant(onBase !== undefined && onMessage !== undefined, 'a transcript has two commitments');
  return toScalar(curve, hashI(curve, 4, [publicKey, proof.toBytes(), onBase, onMessage, message]));
}

/** v: the first b bits of hash_5 over c·V. */
function outputOf(curve: XedCurve, proof: EdwardsPoint): Uint8Array {
  return hashI(curve, 5, [proof.clearCofactor().toBytes()]).slice(0, curve.pointBytes);
}

/** The message's point is the identity once in 2^250; noble's secret multiplication wants neither. */
function multiply(base: EdwardsPoint, scalar: bigint): EdwardsPoint {
  return scalar === 0n || base.is0() ? base.subtract(base) : base.multiply(scalar);
}
