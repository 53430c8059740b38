/**
 * The Node backend for the parameter sets that are not Signal's: X448 from OpenSSL, XEd448 from
 * noble, SHA-512 from OpenSSL. What Signal's set needs stays as it is, special cases and all.
 */

import { diffieHellman } from 'node:crypto';
import { concatBytes, equalBytes, invariant } from '@simsim/bytes';
import type { Crypto } from '../crypto.ts';
import { ROLE_LENGTHS_X448 } from '../crypto.ts';
import { CURVE25519 } from '../curve25519.ts';
import { CURVE448, clamp448, isAcceptablePublicKey448 } from '../curve448.ts';
import { anyBytesOf } from '../handle-brand.ts';
import { hashCalls } from '../hash-calls.ts';
import type { CurveCalls, HashCalls } from '../calls.ts';
import type { ParameterChoice, ParameterSet } from '../parameters.ts';
import { parameterSet } from '../parameters.ts';
import type { XedCurve } from '../xed-curve.ts';
import { toEdwardsKey } from '../xed-curve.ts';
import { signRev1, verifyEdwards } from '../xeddsa.ts';
import { hkdfOf, hmac, ownBytes, takeBytes } from './buffers.ts';
import { NodePublicKey, nodePublicKey, privateKeyOf, toNodeHandle } from './keys.ts';
import { nodeCrypto } from './node-crypto.ts';

/**
 * Makes the {@link Crypto} of Node's own crypto module for a parameter set; Signal's gives
 * {@link nodeCrypto}. Stateless; make one and share it. Handles of one curve mean nothing to a
 * backend of the other.
 */
export function createNodeCrypto(choice: ParameterChoice = {}): Crypto {
  const parameters = parameterSet(choice);
  const { curve, hash, signatures } = parameters;
  if (curve === 'x25519' && hash === 'sha256') {
    return signatures === 'carried'
      ? nodeCrypto
      : { ...nodeCrypto, parameters, sign: signerRev1(CURVE25519) };
  }
  const made: Crypto = {
    ...nodeCrypto,
    ...(signatures === 'rev1' ? { sign: signerRev1(CURVE25519) } : {}),
    ...(curve === 'x448' ? x448Calls : {}),
    ...nodeHashCalls(parameters),
    parameters,
  };
  if (curve === 'x448') checkX448(made);
  return made;
}

/** As the self-test of X25519: OpenSSL ignores a private JWK's `x`, and clamps. */
function checkX448(crypto: Crypto): void {
  const pair = crypto.keyPair(Uint8Array.from({ length: 56 }, (_, i) => i * 7));
  const base = crypto.publicKey(Uint8Array.from({ length: 56 }, (_, i) => (i === 0 ? 5 : 0)));
  const shared = base && crypto.dh(pair.privateKey, base);
  invariant(
    shared !== undefined && equalBytes(anyBytesOf(shared), pair.publicKey.bytes),
    'X448 with the base point gives the exported public key',
  );
}

function signerRev1(curve: XedCurve): Crypto['sign'] {
  return (own, parts, entropy64) => {
    invariant(entropy64.length === 64, 'XEdDSA takes 64 bytes of entropy');
    const key = privateKeyOf(own.privateKey);
    const [edwards, message] = [key.edwards(), concatBytes(parts)];
    return signRev1(curve, { privateKey: key.bytes, edwards, message, entropy64 });
  };
}

const x448Calls: CurveCalls & Pick<Crypto, 'importSecret'> = {
  publicKey: (bytes) =>
    isAcceptablePublicKey448(bytes) ? new NodePublicKey(ownBytes(bytes)) : undefined,
  keyPair: (entropy) =>
    x448Calls.keyPairOf(toNodeHandle('dh', clamp448(entropy), ROLE_LENGTHS_X448)),
  keyPairOf: (privateKey) => ({
    privateKey,
    publicKey: new NodePublicKey(privateKeyOf(privateKey).publicBytes()),
  }),
  dh(own, peer) {
    const privateKey = privateKeyOf(own).object();
    try {
      const shared = diffieHellman({ privateKey, publicKey: nodePublicKey(peer).object() });
      return toNodeHandle('shared', takeBytes(shared), ROLE_LENGTHS_X448);
    } catch {
      return undefined; // OpenSSL throws on an all-zero result
    }
  },
  sign: signerRev1(CURVE448),
  verify: (peer, parts, signature) =>
    verifyEdwards(CURVE448, toEdwardsKey(CURVE448, peer.bytes, 0), concatBytes(parts), signature),
  importSecret: (role, bytes) => toNodeHandle(role, ownBytes(bytes), ROLE_LENGTHS_X448),
};

function nodeHashCalls(parameters: ParameterSet): HashCalls {
  const { hash } = parameters;
  return hashCalls(parameters, {
    hmac: (key, parts) => hmac(hash, key, parts),
    hkdf: (ikm, salt, expand) => hkdfOf(hash, ikm, salt, expand),
    make: toNodeHandle,
  });
}
