/**
 * Ciphers that no step of a session takes but sealed envelopes and imports do. Keys are handles of
 * the seam, so `hkdf` and `importSecret` make them; only noble and node offer these, and no
 * symbolic backend has to.
 */

import type { Part, Secret } from './crypto.ts';

/** AES-256-CTR and AES-256-GCM-SIV over the handles of one backend. */
export interface Ciphers {
  /**
   * AES-256-CTR from a whole 16-byte counter block; the same call decrypts. No integrity: put a MAC
   * around it, and never use key and block twice.
   */
  ctr(key: Secret<'ctr'>, counter16: Uint8Array, data: Uint8Array): Uint8Array;
  /** AES-256-GCM-SIV (RFC 8452): ciphertext with its 16-byte tag appended. */
  sealSiv(
    key: Secret<'siv'>,
    nonce12: Uint8Array,
    ad: readonly Uint8Array[],
    plaintext: readonly Part[],
  ): Uint8Array;
  /** Undoes {@link Ciphers.sealSiv}; `undefined` where the tag does not match or is missing. */
  openSiv(
    key: Secret<'siv'>,
    nonce12: Uint8Array,
    ad: readonly Uint8Array[],
    sealed: Uint8Array,
  ): Uint8Array | undefined;
}
