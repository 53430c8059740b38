/** What opens a vault: an explicit choice, with no silent fallback. */

import { scryptSync } from 'node:crypto';
import { argon2id } from '@noble/hashes/argon2.js';
import { wipe } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import type { Keychain } from './vault-keychain.ts';

/**
 * The key a vault is opened with.
 *
 * - `passphrase`: stretched with scrypt (half a second) or argon2id (one second, and no hardware of
 *   the attacker's is much faster). `stretch` says which for a new vault, default scrypt; another
 *   one than the vault has is taken over when its master key is rotated.
 * - `raw`: 32 bytes from a KMS or a TPM; the caller keeps and wipes them.
 * - `keychain`: a random key that a keychain keeps and that is replaced with every rotation, so an
 *   old copy of the vault does not open with what the keychain holds today.
 * - `none`: whoever has the file has the live state. Superseded keys are still erased.
 */
export type VaultKey =
  | {
      readonly kind: 'passphrase';
      readonly passphrase: string;
      readonly stretch?: Stretch;
    }
  | { readonly kind: 'raw'; readonly key: Uint8Array }
  | { readonly kind: 'keychain'; readonly keychain: Keychain }
  | { readonly kind: 'none'; readonly unsafePlaintextVault: true };

/** How a passphrase becomes a key. */
export type Stretch = 'scrypt' | 'argon2id';

/** How the key that wraps a vault's master key is made. */
export type DescriptorKind = 'none' | 'raw' | 'keychain' | Stretch;

/** The same with its parameters, as stored with the vault. */
export interface KeyDescriptor {
  readonly kind: DescriptorKind;
  /** scrypt: N as a power of two; argon2id: KiB of memory; keychain: which of its two names. */
  readonly cost: number;
  /** scrypt's r, argon2id's t. */
  readonly passes: number;
  /** p of both. */
  readonly lanes: number;
  /** 16 bytes. */
  readonly salt: Uint8Array;
}

/** What stretching costs. */
type StretchCost = Pick<KeyDescriptor, 'cost' | 'passes' | 'lanes'>;

/** Bytes of a raw key, and of one in a keychain. */
export const RAW_KEY_BYTES = 32;

/** Bytes of a descriptor's salt. */
export const SALT_BYTES = 16;

/** What new vaults are made with: half a second with scrypt, one second with argon2id. */
export const STRETCH_COST: Readonly<Record<Stretch, StretchCost>> = {
  scrypt: { cost: 17, passes: 8, lanes: 1 },
  argon2id: { cost: 64 * 1024, passes: 3, lanes: 1 },
};

/** More than this is not ours: a forged header must not make opening take minutes. */
const STRETCH_COST_MAX: Readonly<Record<Stretch, StretchCost>> = {
  scrypt: { cost: 20, passes: 16, lanes: 4 },
  argon2id: { cost: 256 * 1024, passes: 8, lanes: 4 },
};

/** The same for the whole: parameters that may each be so high would together be. */
const WORK_MAX = 16;

/** Below this the functions themselves refuse. */
const COST_MIN: Readonly<Record<Stretch, number>> = { scrypt: 1, argon2id: 8 };

/** Whether a passphrase is stretched for keys of this kind. */
export function isStretch(kind: DescriptorKind): kind is Stretch {
  return kind === 'scrypt' || kind === 'argon2id';
}

/** Makes a wrapping key of a passphrase; `undefined` for parameters that no release of ours writes. */
export function stretchPassphrase(
  crypto: Crypto,
  passphrase: string,
  descriptor: KeyDescriptor & { readonly kind: Stretch },
): Secret<'seal'> | undefined {
  const { kind, cost, passes, lanes } = descriptor;
  const most = STRETCH_COST_MAX[kind];
  if (cost < COST_MIN[kind] * Math.max(1, lanes) || passes < 1 || lanes < 1) return undefined;
  if (cost > most.cost || passes > most.passes || lanes > most.lanes) return undefined;
  if (workOf(descriptor) > WORK_MAX * workOf({ kind, ...STRETCH_COST[kind] })) return undefined;
  const text = passphrase.normalize('NFKC');
  const bytes = kind === 'scrypt' ? scrypt(text, descriptor) : argon2(text, descriptor);
  const key = crypto.importSecret('seal', bytes);
  wipe(bytes);
  return key;
}

/** How much there is to do; lanes of argon2id share it. */
function workOf({ kind, cost, passes, lanes }: Omit<KeyDescriptor, 'salt'>): number {
  return kind === 'scrypt' ? 2 ** cost * passes * lanes : cost * passes;
}

/** Whether a passphrase is stretched with at least what new vaults get, in every parameter. */
export function isStretchedEnough({ kind, cost, passes, lanes }: KeyDescriptor): boolean {
  if (!isStretch(kind)) return true;
  const wanted = STRETCH_COST[kind];
  return cost >= wanted.cost && passes >= wanted.passes && lanes >= wanted.lanes;
}

function scrypt(text: string, { cost, passes: r, lanes: p, salt }: KeyDescriptor): Uint8Array {
  const N = 2 ** cost;
  return scryptSync(text, salt, RAW_KEY_BYTES, { N, r, p, maxmem: 256 * N * r });
}

function argon2(text: string, { cost: m, passes: t, lanes: p, salt }: KeyDescriptor): Uint8Array {
  return argon2id(text, salt, { m, t, p, dkLen: RAW_KEY_BYTES });
}
