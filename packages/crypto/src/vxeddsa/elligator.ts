/** Elligator 2 and hash_to_point, as revision 1 has them. Spec: XEdDSA rev. 1, section 5. */

import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js';
import type { XedCurve } from '../xed-curve.ts';
import { divide, hashI, littleEndian } from '../xed-curve.ts';

/** Maps any integer to the u coordinate of a point of the curve, not of its twist. */
export function elligator2(curve: XedCurve, r: bigint): bigint {
  const { Fp } = curve.point;
  const { montgomeryA, nonsquare } = curve;
  const u = divide(Fp, -montgomeryA, 1n + nonsquare * r * r);
  const w = Fp.mul(u, Fp.create(u * u + montgomeryA * u + 1n));
  const isNonsquare = Fp.eql(Fp.pow(w, (Fp.ORDER - 1n) / 2n), Fp.create(-1n));
  return isNonsquare ? Fp.create(-montgomeryA - u) : u;
}

/** Maps a hash to a point of the prime-order group, or to the identity once in 2^250. */
export function pointOfHash(curve: XedCurve, hash: Uint8Array): EdwardsPoint {
  const { fieldBits, pointBytes, point } = curve;
  const r = littleEndian(hash) & ((1n << fieldBits) - 1n);
  const last = pointBytes - 1;
  const encoded = point.Fp.toBytes(curve.toY(elligator2(curve, r)));
  encoded[last] = (encoded[last] ?? 0) | ((hash[last] ?? 0) & 0x80);
  // The relaxed decoding takes x = 0 under sign 1; every y that Elligator gives is on the curve.
  return point.fromBytes(encoded, true).clearCofactor();
}

/** hash_to_point: the point of hash_2 over the parts. */
export function hashToPoint(curve: XedCurve, parts: readonly Uint8Array[]): EdwardsPoint {
  return pointOfHash(curve, hashI(curve, 2, parts));
}
