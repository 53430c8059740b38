/** The specification's own verifier, for those who must not take Signal's form. */

import type { Crypto, PublicKey } from './crypto.ts';

/**
 * Verifies XEdDSA as revision 1 has it: sign 0, so a signature that carries a sign in its top bit
 * is refused even where {@link Crypto.verify} takes it. Of what that leaves the specification
 * permits more in two ways we do not: s ≥ q (malleable) and keys of low order (forgeable), which
 * `publicKey` refuses before.
 *
 * Spec: XEdDSA rev. 1, section 3.3.
 */
export function verifyStrict(
  crypto: Pick<Crypto, 'verify'>,
  peer: PublicKey,
  parts: readonly Uint8Array[],
  signature: Uint8Array,
): boolean {
  const last = signature[signature.length - 1] ?? 0;
  return last < 0x80 && crypto.verify(peer, parts, signature);
}
