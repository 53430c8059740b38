/** The keys that wrap a vault's master key, while it is open: made, found, replaced and forgotten. */

import { equalBytes, err, ok, wipe } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy, Secret } from '@simsim/crypto';
import { StoreFailure } from '@simsim/event-log';
import type { StoreRefusal } from '@simsim/event-log';
import type { Keychain } from './vault-keychain.ts';
import {
  isStretch,
  isStretchedEnough,
  RAW_KEY_BYTES,
  SALT_BYTES,
  STRETCH_COST,
  stretchPassphrase,
} from './vault-key.ts';
import type { KeyDescriptor, Stretch, VaultKey } from './vault-key.ts';

/** A wrapping key and how to find it again. The key belongs to whoever gave it out. */
export interface Wrapping {
  readonly descriptor: KeyDescriptor;
  readonly key: Secret<'seal'>;
}

/** The wrapping keys of one vault. Refuses: `VAULT_WRONG_KEY`, `VAULT_KEY_UNAVAILABLE`. */
export interface WrappingKeys {
  /** The key a vault was wrapped with. Refuses also: `VAULT_CORRUPT`, for what no release writes. */
  unlock(descriptor: KeyDescriptor): Result<Wrapping, StoreRefusal>;
  /** The first key of a new vault. */
  first(entropy: Entropy): Result<Wrapping, StoreRefusal>;
  /**
   * The key for a fresh master key: another one where the provider can forget the old one, or where
   * a passphrase is stretched too little by now; else the same. A keychain holds it already.
   */
  next(before: Wrapping, entropy: Entropy): Result<Wrapping, StoreRefusal>;
  /** Makes a keychain forget the key that the vault does not need any more. */
  forgetOther(needed: KeyDescriptor): StoreRefusal | undefined;
  /** Makes a keychain forget the vault altogether. */
  forgetAll(): StoreRefusal | undefined;
  /** Whether a keychain still holds a key that the vault does not need. */
  holdsOther(needed: KeyDescriptor): boolean;
  /** Forgets every key in memory. */
  close(): void;
}

/** What wrapping keys are made of. */
export interface WrappingParts {
  readonly crypto: Crypto;
  readonly key: VaultKey;
  /** What a keychain knows the vault by. */
  readonly vaultId: Uint8Array;
}

const NO_COST = { cost: 0, passes: 0, lanes: 0 } as const;

/** Makes the wrapping keys of a vault; what a passphrase becomes is kept until `close`. */
export function createWrappingKeys(parts: WrappingParts): WrappingKeys {
  const { crypto, key } = parts;
  const kept: Wrapping[] = [];
  const made = (descriptor: KeyDescriptor): Result<Wrapping, StoreRefusal> => {
    const known = kept.find((wrapping) => isSame(wrapping.descriptor, descriptor));
    if (known !== undefined) return ok(known);
    const found = findKey(parts, descriptor);
    if (!found.ok) return found;
    kept.push({ descriptor, key: found.value });
    return ok({ descriptor, key: found.value });
  };
  const fresh = (cost: number, entropy: Entropy): Result<Wrapping, StoreRefusal> => {
    const descriptor = descriptorFor(key, entropy(SALT_BYTES));
    if (key.kind !== 'keychain') return made(descriptor);
    const named = { ...descriptor, cost };
    const refusal = storeKey(key.keychain, nameOf(parts.vaultId, cost), { descriptor, entropy });
    return refusal === undefined ? made(named) : err(refusal);
  };
  return {
    unlock: made,
    first: (entropy) => fresh(0, entropy),
    next(before, entropy) {
      if (key.kind === 'keychain') return fresh(1 - before.descriptor.cost, entropy);
      return isStrongEnough(key, before.descriptor) ? ok(before) : fresh(0, entropy);
    },
    forgetOther(needed) {
      for (const [at, wrapping] of [...kept.entries()].reverse()) {
        if (isSame(wrapping.descriptor, needed)) continue;
        crypto.wipe(wrapping.key);
        kept.splice(at, 1);
      }
      if (key.kind !== 'keychain') return undefined;
      const { keychain } = key;
      return refusalOf(() => keychain.remove(nameOf(parts.vaultId, 1 - needed.cost)));
    },
    forgetAll() {
      if (key.kind !== 'keychain') return undefined;
      const { keychain } = key;
      return refusalOf(() => {
        for (const which of [0, 1]) keychain.remove(nameOf(parts.vaultId, which));
      });
    },
    holdsOther({ cost }) {
      if (key.kind !== 'keychain') return false;
      const found = key.keychain.get(nameOf(parts.vaultId, 1 - cost));
      if (found !== undefined) wipe(found);
      return found !== undefined;
    },
    close() {
      for (const wrapping of kept.splice(0)) crypto.wipe(wrapping.key);
    },
  };
}

/** What opens a vault, for people. */
const OPENED_WITH: Readonly<Record<KeyDescriptor['kind'], string>> = {
  none: 'without a key',
  raw: 'with a raw key',
  scrypt: 'with a passphrase',
  argon2id: 'with a passphrase',
  keychain: 'with a key in a keychain',
};

function findKey(
  parts: WrappingParts,
  descriptor: KeyDescriptor,
): Result<Secret<'seal'>, StoreRefusal> {
  const { crypto, key } = parts;
  const { kind } = descriptor;
  if (isStretch(kind) ? key.kind !== 'passphrase' : key.kind !== kind) {
    return wrongKey(`the vault opens ${OPENED_WITH[kind]}; open it that way`);
  }
  switch (key.kind) {
    case 'none':
      return ok(crypto.importSecret('seal', new Uint8Array(RAW_KEY_BYTES)));
    case 'raw':
      if (key.key.length === RAW_KEY_BYTES) return ok(crypto.importSecret('seal', key.key));
      return wrongKey(`a raw key has ${RAW_KEY_BYTES} bytes; give one of that length`);
    case 'keychain':
      return keyOfKeychain(parts, key.keychain, descriptor);
    case 'passphrase': {
      if (key.passphrase === '') return wrongKey('the passphrase is empty; give one');
      const stretched = isStretch(kind)
        ? stretchPassphrase(crypto, key.passphrase, { ...descriptor, kind })
        : undefined;
      if (stretched !== undefined) return ok(stretched);
      const detail =
        'the vault asks for more work on the passphrase than any release does, so its header was ' +
        'tampered with; put the vault back from a copy, together with its log';
      return err({ code: 'VAULT_CORRUPT', detail });
    }
  }
}

function descriptorFor(key: VaultKey, salt: Uint8Array): KeyDescriptor {
  if (key.kind !== 'passphrase') return { kind: key.kind, ...NO_COST, salt };
  const kind: Stretch = key.stretch ?? 'scrypt';
  return { kind, ...STRETCH_COST[kind], salt };
}

function isStrongEnough(key: VaultKey, descriptor: KeyDescriptor): boolean {
  const isOther = key.kind === 'passphrase' && (key.stretch ?? descriptor.kind) !== descriptor.kind;
  return !isOther && isStretchedEnough(descriptor);
}

/** Two names take turns, so that whatever a kill leaves is replaced or removed later. */
function nameOf(vaultId: Uint8Array, which: number): string {
  return `vault ${Buffer.from(vaultId).toString('hex')} ${which === 0 ? 'a' : 'b'}`;
}

/** Puts a fresh key, behind the salt it belongs to, into a keychain and makes sure that it is there. */
function storeKey(
  keychain: Keychain,
  name: string,
  { descriptor, entropy }: { readonly descriptor: KeyDescriptor; readonly entropy: Entropy },
): StoreRefusal | undefined {
  const bytes = new Uint8Array(SALT_BYTES + RAW_KEY_BYTES);
  bytes.set(descriptor.salt);
  const key = entropy(RAW_KEY_BYTES);
  bytes.set(key, SALT_BYTES);
  let found: Uint8Array | undefined;
  const refusal = refusalOf(() => {
    keychain.set(name, bytes);
    found = keychain.get(name);
  });
  const isThere = found !== undefined && equalBytes(found, bytes);
  for (const secret of [key, bytes, found]) if (secret !== undefined) wipe(secret);
  if (refusal !== undefined || isThere) return refusal;
  return unavailable(
    'the keychain does not keep what it is given; look at it, or choose another key for the vault',
  );
}

function keyOfKeychain(
  { crypto, vaultId }: WrappingParts,
  keychain: Keychain,
  { cost, salt }: KeyDescriptor,
): Result<Secret<'seal'>, StoreRefusal> {
  let found: Uint8Array | undefined;
  const refusal = refusalOf(() => void (found = keychain.get(nameOf(vaultId, cost))));
  if (refusal !== undefined) return err(refusal);
  const bytes = found ?? new Uint8Array(0);
  const isWhole = bytes.length === SALT_BYTES + RAW_KEY_BYTES;
  // Names are used again and again; the salt tells which key it is.
  if (!isWhole || !equalBytes(bytes.slice(0, SALT_BYTES), salt)) {
    wipe(bytes);
    return err(
      unavailable(
        'the keychain holds no key for this vault: it is the keychain of another user or machine, or ' +
          'the vault is an older copy whose key was replaced since; bring the newest log and vault ' +
          'back, or begin as a new device',
      ),
    );
  }
  const key = bytes.slice(SALT_BYTES);
  const secret = crypto.importSecret('seal', key);
  wipe(key);
  wipe(bytes);
  return ok(secret);
}

function refusalOf(work: () => void): StoreRefusal | undefined {
  try {
    work();
    return undefined;
  } catch (failure) {
    if (failure instanceof StoreFailure) return { code: failure.code, detail: failure.detail };
    const said = failure instanceof Error ? failure.message : 'unknown';
    return unavailable(`the keychain does not answer (${said}); unlock it and try again`);
  }
}

function isSame(one: KeyDescriptor, other: KeyDescriptor): boolean {
  const isSameKind = one.kind === other.kind && one.cost === other.cost;
  const isSameWork = one.passes === other.passes && one.lanes === other.lanes;
  return isSameKind && isSameWork && equalBytes(one.salt, other.salt);
}

function wrongKey(detail: string): Result<never, StoreRefusal> {
  return err({ code: 'VAULT_WRONG_KEY', detail });
}

function unavailable(detail: string): StoreRefusal {
  return { code: 'VAULT_KEY_UNAVAILABLE', detail };
}
