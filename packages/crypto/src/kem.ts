/**
 * ML-KEM-1024 and, on top of it, Kyber-1024 as round 3 of NIST's contest had it, which is what
 * Signal's peers speak. Both backends take it from here: OpenSSL 3.0 has neither.
 *
 * Kyber round 3 differs from FIPS 203 in how the shared secret is finished only: with K the secret
 * of ML-KEM, it is SHAKE256(K ‖ SHA3-256(ciphertext)). Keys and ciphertexts look alike, which is
 * why a kind is named in every call and no key or ciphertext tells it.
 *
 * Differs: round 3 also hashes the seed and the message before use and rejects implicitly under the
 * bare z; no peer can see any of this. A public key with a coefficient of q or more is refused for
 * both kinds, where round 3 would reduce it.
 * Spec: FIPS 203, algorithms 16-18 and §7.2; CRYSTALS-Kyber 3.02, algorithms 8 and 9.
 */

import { sha3_256, shake256 } from '@noble/hashes/sha3.js';
import { ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { invariant, wipe } from '@simsim/bytes';
import type { Encapsulated, KemKeyPair, KemKind, Secret } from './crypto.ts';
import { kemKeyOf, toHandle } from './handle-brand.ts';
import { joinParts } from './parts.ts';

/** Bytes of a public key of either kind. */
const PUBLIC_KEY_BYTES = 1568;
/** Bytes of a ciphertext of either kind. */
const CIPHERTEXT_BYTES = 1568;

/** See {@link Crypto.kemKeyPair}. */
export function kemKeyPair(kind: KemKind, entropy64: Uint8Array): KemKeyPair {
  return kemKeyPairOf(kind, toHandle('kem', new Uint8Array(entropy64)));
}

/** See {@link Crypto.kemKeyPairOf}. */
export function kemKeyPairOf(kind: KemKind, privateKey: Secret<'kem'>): KemKeyPair {
  return { kind, privateKey, publicKey: kemKeyOf(privateKey).expanded().publicKey.slice() };
}

/** See {@link Crypto.encapsulate}. */
export function encapsulate(
  kind: KemKind,
  publicKey: Uint8Array,
  entropy32: Uint8Array,
): Encapsulated | undefined {
  invariant(entropy32.length === 32, 'encapsulation takes 32 bytes of entropy');
  if (publicKey.length !== PUBLIC_KEY_BYTES) return undefined;
  try {
    const { cipherText, sharedSecret } = ml_kem1024.encapsulate(publicKey, entropy32);
    return { ciphertext: cipherText, shared: finish(kind, sharedSecret, cipherText) };
  } catch {
    return undefined; // noble throws on a coefficient of q or more
  }
}

/** See {@link Crypto.decapsulate}. */
export function decapsulate(
  pair: KemKeyPair,
  ciphertext: Uint8Array,
): Secret<'kemShared'> | undefined {
  if (ciphertext.length !== CIPHERTEXT_BYTES) return undefined;
  const { secretKey } = kemKeyOf(pair.privateKey).expanded();
  return finish(pair.kind, ml_kem1024.decapsulate(ciphertext, secretKey), ciphertext);
}

/** Takes over ML-KEM's secret, which noble hands out as a view, and wipes it. */
function finish(kind: KemKind, secret: Uint8Array, ciphertext: Uint8Array): Secret<'kemShared'> {
  const shared = kind === 'mlKem1024' ? secret.slice() : finishRound3(secret, ciphertext);
  wipe(secret);
  return toHandle('kemShared', shared);
}

function finishRound3(secret: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const input = joinParts([secret, sha3_256(ciphertext)]);
  const shared = shake256(input, { dkLen: 32 });
  wipe(input);
  return shared;
}
