/** Keys, agreement and XEdDSA of either curve, from noble. */

import { x25519 } from '@noble/curves/ed25519.js';
import { x448 } from '@noble/curves/ed448.js';
import { concatBytes, invariant } from '@simsim/bytes';
import type { RoleLengths, Secret } from '../crypto.ts';
import { ROLE_LENGTHS, ROLE_LENGTHS_X448 } from '../crypto.ts';
import { CURVE25519, clamp, isAcceptablePublicKey } from '../curve25519.ts';
import { CURVE448, clamp448, isAcceptablePublicKey448 } from '../curve448.ts';
import { bytesOf, toHandle } from '../handle-brand.ts';
import type { CurveCalls } from '../calls.ts';
import type { ParameterSet } from '../parameters.ts';
import type { XedCurve } from '../xed-curve.ts';
import { edwardsPublicKey, toEdwardsKey } from '../xed-curve.ts';
import { signCarried, signRev1, splitSign, verifyEdwards } from '../xeddsa.ts';

/** Edwards public keys of private keys that signed: saves the slow half of the next signature. */
const edwardsByPrivateKey = new WeakMap<Secret<'dh'>, Uint8Array>();

/** Drops what was kept for a private key. */
export function forgetEdwards(secret: Secret): void {
  edwardsByPrivateKey.delete(secret as Secret<'dh'>);
}

interface NobleCurve {
  readonly ecdh: Pick<typeof x25519, 'getPublicKey' | 'getSharedSecret'>;
  readonly xed: XedCurve;
  readonly lengths: RoleLengths;
  readonly isAcceptable: (bytes: Uint8Array) => boolean;
  readonly clamp: (scalar: Uint8Array) => Uint8Array;
}

const CURVES: { readonly [C in ParameterSet['curve']]: NobleCurve } = {
  x25519: {
    ecdh: x25519,
    xed: CURVE25519,
    lengths: ROLE_LENGTHS,
    isAcceptable: isAcceptablePublicKey,
    clamp,
  },
  x448: {
    ecdh: x448,
    xed: CURVE448,
    lengths: ROLE_LENGTHS_X448,
    isAcceptable: isAcceptablePublicKey448,
    clamp: clamp448,
  },
};

/** The curve's share of a backend. */
export function nobleCurveCalls(parameters: ParameterSet): CurveCalls {
  const curve = CURVES[parameters.curve];
  const { ecdh, xed, lengths } = curve;
  const signXeddsa = parameters.signatures === 'carried' ? signCarried : signRev1;
  const keyPairOf: CurveCalls['keyPairOf'] = (privateKey) => ({
    privateKey,
    publicKey: { bytes: ecdh.getPublicKey(bytesOf(privateKey)) },
  });
  return {
    publicKey: (bytes) => (curve.isAcceptable(bytes) ? { bytes: bytes.slice() } : undefined),
    keyPair: (entropy) => keyPairOf(toHandle('dh', curve.clamp(entropy), lengths)),
    keyPairOf,
    dh(own, peer) {
      try {
        const shared = ecdh.getSharedSecret(bytesOf(own), peer.bytes);
        return toHandle('shared', shared, lengths);
      } catch {
        return undefined; // noble throws on an all-zero result
      }
    },
    sign(own, parts, entropy64) {
      invariant(entropy64.length === 64, 'XEdDSA takes 64 bytes of entropy');
      const privateKey = bytesOf(own.privateKey);
      const edwards = edwardsByPrivateKey.get(own.privateKey) ?? edwardsPublicKey(xed, privateKey);
      edwardsByPrivateKey.set(own.privateKey, edwards);
      return signXeddsa(xed, { privateKey, edwards, message: concatBytes(parts), entropy64 });
    },
    verify(peer, parts, signature) {
      const split = splitSign(xed, signature);
      if (split === undefined) return false;
      const edwards = toEdwardsKey(xed, peer.bytes, split.sign);
      return verifyEdwards(xed, edwards, concatBytes(parts), split.plain);
    },
  };
}
