/**
 * Sealing something for whoever has the private half of an X25519 key, and for nobody else.
 *
 * sealed = ephemeral 32 ‖ ChaCha20-Poly1305(HKDF(DH), zero nonce, AD = what binds ‖ ephemeral, plaintext)
 */

import { concatBytes } from '@simsim/bytes';
import { drawKeyPair } from '@simsim/crypto';
import type { Crypto, Entropy, Part, PublicKey, Secret } from '@simsim/crypto';

/** What a sealing is for: no two purposes share an `info`, and the AD says which one this is. */
export interface SealPurpose {
  readonly info: Uint8Array;
  readonly ad: readonly Uint8Array[];
}

/** The key is used once, so the nonce may be constant. */
const NONCE = new Uint8Array(12);
const EPHEMERAL_BYTES = 32;

/** Seals to a key; `undefined` where the key agrees on nothing. */
export function sealToKey(
  { key: peer, info, ad }: SealPurpose & { readonly key: PublicKey },
  plaintext: readonly Part[],
  { crypto, entropy }: { crypto: Crypto; entropy: Entropy },
): Uint8Array | undefined {
  const own = drawKeyPair({ crypto, entropy });
  const shared = crypto.dh(own.privateKey, peer);
  if (shared === undefined) {
    crypto.wipe(own.privateKey);
    return undefined;
  }
  const [key] = crypto.hkdf([shared], undefined, info, ['seal']);
  const sealed = crypto.seal(key, NONCE, [...ad, own.publicKey.bytes], plaintext);
  for (const secret of [shared, key, own.privateKey]) crypto.wipe(secret);
  return concatBytes([own.publicKey.bytes, sealed]);
}

/** Opens {@link sealToKey}; `undefined` for anything else. The caller wipes what it gets. */
export function openWithKey(
  { key: own, info, ad }: SealPurpose & { readonly key: Secret<'dh'> },
  sealed: Uint8Array,
  crypto: Crypto,
): Uint8Array | undefined {
  const peerBytes = sealed.slice(0, EPHEMERAL_BYTES);
  const peer = crypto.publicKey(peerBytes);
  const shared = peer && crypto.dh(own, peer);
  if (shared === undefined) return undefined;
  const [key] = crypto.hkdf([shared], undefined, info, ['seal']);
  const opened = crypto.open(key, NONCE, [...ad, peerBytes], sealed.subarray(EPHEMERAL_BYTES));
  crypto.wipe(shared);
  crypto.wipe(key);
  return opened;
}
