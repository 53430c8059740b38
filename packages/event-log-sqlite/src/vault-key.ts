/** What opens a vault: an explicit choice, with no silent fallback. */

import { scryptSync } from 'node:crypto';
import { wipe } from '@simsim/bytes';
import type { Crypto, Entropy, Secret } from '@simsim/crypto';

/**
 * The key a vault is opened with.
 *
 * - `raw`: 32 bytes from a keychain, a KMS or a TPM; the caller keeps and wipes them.
 * - `passphrase`: stretched with scrypt; about half a second.
 * - `none`: whoever has the file has the live state. Superseded keys are still erased.
 */
export type VaultKey =
  | { readonly kind: 'raw'; readonly key: Uint8Array }
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  | { readonly kind: 'none'; readonly unsafePlaintextVault: true };

/** How the key that wraps a vault's master key is made; stored with the vault. */
export interface KeyDescriptor {
  readonly kind: VaultKey['kind'];
  /** scrypt's N as a power of two, r and p; zero for the other kinds. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
  /** 16 bytes. */
  readonly salt: Uint8Array;
}

/** Bytes of a raw key. */
export const RAW_KEY_BYTES = 32;

const SALT_BYTES = 16;
const SCRYPT = { logN: 17, r: 8, p: 1 } as const;

/** More than this is not ours: a forged header must not make opening take minutes. */
const SCRYPT_MAX = { logN: 20, r: 16, p: 4 } as const;

/** How a new vault's key is made. */
export function describeKey(key: VaultKey, entropy: Entropy): KeyDescriptor {
  const salt = entropy(SALT_BYTES);
  if (key.kind === 'passphrase') return { kind: key.kind, ...SCRYPT, salt };
  return { kind: key.kind, logN: 0, r: 0, p: 0, salt };
}

/**
 * Makes the wrapping key. `undefined` where the key is not of the kind the vault was made with, has
 * the wrong length, or the descriptor asks for more than any release of ours does.
 */
export function deriveKey(
  crypto: Crypto,
  key: VaultKey,
  descriptor: KeyDescriptor,
): Secret<'seal'> | undefined {
  if (key.kind !== descriptor.kind) return undefined;
  switch (key.kind) {
    case 'raw':
      return key.key.length === RAW_KEY_BYTES ? crypto.importSecret('seal', key.key) : undefined;
    case 'none':
      return crypto.importSecret('seal', new Uint8Array(RAW_KEY_BYTES));
    case 'passphrase': {
      const { logN, r, p, salt } = descriptor;
      if (logN < 1 || logN > SCRYPT_MAX.logN || r < 1 || r > SCRYPT_MAX.r) return undefined;
      if (p < 1 || p > SCRYPT_MAX.p) return undefined;
      const N = 2 ** logN;
      const stretched = scryptSync(key.passphrase.normalize('NFKC'), salt, RAW_KEY_BYTES, {
        N,
        r,
        p,
        maxmem: 256 * N * r,
      });
      const secret = crypto.importSecret('seal', stretched);
      wipe(stretched);
      return secret;
    }
  }
}
