/**
 * HENCRYPT and HDECRYPT: headers under a key that serves a whole chain. Each header has 128 random
 * bits of its own, from which and the header key a key for this one header is made; so nothing
 * repeats, also not after a state was restored from a copy (HE-2).
 */

import { concatBytes } from '@simsim/bytes';
import type { Crypto, Entropy, Secret } from '@simsim/crypto';
import { decodeHeader, encodeHeader, headerBytes } from './ratchet-header.ts';
import type { RatchetHeader } from './ratchet-state.ts';
import type { MessageSuite } from './ratchet-suite.ts';

/** Random bytes in front of an encrypted header. */
const HEADER_NONCE_BYTES = 16;

const SEAL_TAG_BYTES = 16;

/** The key made for one header seals that header alone, so this nonce never repeats under a key. */
const FIXED_NONCE = new Uint8Array(12);

/** Length of an encrypted header: 72 bytes on X25519, 96 on X448. */
export function sealedHeaderBytes(crypto: Pick<Crypto, 'parameters'>): number {
  return HEADER_NONCE_BYTES + headerBytes(crypto) + SEAL_TAG_BYTES;
}

/**
 * HENCRYPT.
 *
 * Shapes: nonce [16], then the header under ChaCha20-Poly1305.   Entropy: 16 bytes.
 */
export function sealHeader(
  header: RatchetHeader,
  headerKey: Secret<'header'>,
  env: { readonly crypto: Crypto; readonly entropy: Entropy; readonly suite: MessageSuite },
): Uint8Array {
  const { crypto } = env;
  const nonce = env.entropy(HEADER_NONCE_BYTES);
  const key = keyOf(headerKey, nonce, env);
  const sealed = crypto.seal(key, FIXED_NONCE, [], [encodeHeader(header)]);
  crypto.wipe(key);
  return concatBytes([nonce, sealed]);
}

/** HDECRYPT; `undefined` where the key is another, or the bytes are damaged or no header. */
export function openHeader(
  sealed: Uint8Array,
  headerKey: Secret<'header'>,
  env: { readonly crypto: Crypto; readonly suite: MessageSuite },
): RatchetHeader | undefined {
  const { crypto } = env;
  const key = keyOf(headerKey, sealed.slice(0, HEADER_NONCE_BYTES), env);
  const bytes = crypto.open(key, FIXED_NONCE, [], sealed.subarray(HEADER_NONCE_BYTES));
  crypto.wipe(key);
  return bytes && decodeHeader(bytes, crypto);
}

function keyOf(
  headerKey: Secret<'header'>,
  nonce: Uint8Array,
  { crypto, suite }: { readonly crypto: Crypto; readonly suite: MessageSuite },
): Secret<'seal'> {
  const [key] = crypto.hkdf([headerKey], undefined, concatBytes([suite.headerInfo, nonce]), [
    'seal',
  ]);
  return key;
}
