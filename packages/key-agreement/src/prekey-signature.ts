/** The identity key's signature over a signed prekey. */

import type { Crypto, Entropy, KeyPair, PublicKey } from '@simsim/crypto';
import type { AgreementSuite } from './suite.ts';

/** What {@link isPreKeySigned} looks at. */
export interface PreKeySignature {
  readonly identityKey: PublicKey;
  readonly preKey: PublicKey;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * Signs a signed prekey for publication.
 *
 * Shapes: XEdDSA, 64 bytes, over the encoded key. Draws 64 bytes of entropy.
 * Spec: X3DH §3.2 (X3-8).
 */
export function signPreKey(
  preKey: PublicKey,
  identity: KeyPair,
  env: { readonly suite: AgreementSuite; readonly crypto: Crypto; readonly entropy: Entropy },
): Uint8Array {
  return env.crypto.sign(identity, [env.suite.encodePublicKey(preKey)], env.entropy(64));
}

/** Whether the identity key signed the encoded prekey. Spec: X3DH §3.3 (X3-13). */
export function isPreKeySigned(
  { identityKey, preKey, signature }: PreKeySignature,
  env: { readonly suite: AgreementSuite; readonly crypto: Crypto },
): boolean {
  return env.crypto.verify(identityKey, [env.suite.encodePublicKey(preKey)], signature);
}
