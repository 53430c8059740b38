/** The identity key's signatures over prekeys. */

import type { Crypto, Entropy, KeyPair, PublicKey } from '@simsim/crypto';
import { invariant } from '@simsim/bytes';
import type { AgreementSuite } from './suite.ts';

/** What {@link isPreKeySigned} looks at. */
export interface PreKeySignature {
  readonly identityKey: PublicKey;
  readonly preKey: PublicKey;
  /** 64 bytes, on X448 114. */
  readonly signature: Uint8Array;
}

/** What {@link isKemPreKeySigned} looks at. */
export interface KemPreKeySignature {
  readonly identityKey: PublicKey;
  /** 1568 bytes. */
  readonly kemPreKey: Uint8Array;
  /** 64 bytes, on X448 114. */
  readonly signature: Uint8Array;
}

/** What signing needs. */
export interface SigningEnv {
  readonly suite: AgreementSuite;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
}

/**
 * Signs a signed prekey for publication.
 *
 * Shapes: XEdDSA, 64 bytes, over the encoded key. Draws 64 bytes of entropy.
 * Spec: X3DH §3.2 (X3-8).
 */
export function signPreKey(preKey: PublicKey, identity: KeyPair, env: SigningEnv): Uint8Array {
  return env.crypto.sign(identity, [env.suite.encodePublicKey(preKey)], env.entropy(64));
}

/** Whether the identity key signed the encoded prekey. Spec: X3DH §3.3 (X3-13). */
export function isPreKeySigned(
  { identityKey, preKey, signature }: PreKeySignature,
  env: Pick<SigningEnv, 'suite' | 'crypto'>,
): boolean {
  return env.crypto.verify(identityKey, [env.suite.encodePublicKey(preKey)], signature);
}

/**
 * Signs a KEM prekey, one-time or last-resort, for publication.
 *
 * Shapes: `kemPreKey` 1568 bytes; XEdDSA over the key with its type byte. Draws 64 bytes.
 * Throws: on a suite without a KEM, which is our own bug.   Spec: PQXDH §3.2 (PQ-4, PQ-5).
 */
export function signKemPreKey(
  kemPreKey: Uint8Array,
  identity: KeyPair,
  env: SigningEnv,
): Uint8Array {
  return env.crypto.sign(identity, [encodeKemKey(kemPreKey, env.suite)], env.entropy(64));
}

/** Whether the identity key signed the encoded KEM prekey. Spec: PQXDH §3.3 (PQ-7). */
export function isKemPreKeySigned(
  { identityKey, kemPreKey, signature }: KemPreKeySignature,
  env: Pick<SigningEnv, 'suite' | 'crypto'>,
): boolean {
  return env.crypto.verify(identityKey, [encodeKemKey(kemPreKey, env.suite)], signature);
}

function encodeKemKey(kemPreKey: Uint8Array, { kem }: AgreementSuite): Uint8Array {
  invariant(kem !== undefined, 'only PQXDH has KEM prekeys');
  return kem.encodePublicKey(kemPreKey);
}
