/**
 * Keychains: places outside the vault's file that keep its wrapping key, and can forget it. What a
 * keychain forgets, no copy of the file brings back.
 */

import { createRequire } from 'node:module';
import type { Entry } from '@napi-rs/keyring';
import { failStore } from '@simsim/event-log';

/** A place for a few small secrets by name. Every function throws where it does not answer. */
export interface Keychain {
  /** The bytes under a name, a copy; `undefined` where there are none. */
  get(name: string): Uint8Array | undefined;
  /** Keeps the bytes, which stay the caller's, in place of what was there. */
  set(name: string, bytes: Uint8Array): void;
  /** Forgets a name; nothing where it does not know it. */
  remove(name: string): void;
}

/** As far as we use the package. */
interface KeyringModule {
  readonly Entry: new (
    service: string,
    name: string,
    options: { readonly linux: { readonly store: 'secret-service' } },
  ) => Entry;
}

const PACKAGE = '@napi-rs/keyring';

/**
 * The keychain of the operating system: Keychain on macOS, Credential Manager on Windows, the Secret
 * Service on Linux. `service` names the application in it. Needs the package `@napi-rs/keyring`,
 * which is loaded with the first use.
 *
 * Throws, with each use: StoreFailure `VAULT_KEY_UNAVAILABLE`.
 */
export function osKeychain(service: string): Keychain {
  const asked = <T>(name: string, work: (entry: Entry) => T): T => {
    const { Entry } = loadKeyring();
    try {
      // Without it the package falls back to the kernel's keyring, which a restart empties.
      return work(new Entry(service, name, { linux: { store: 'secret-service' } }));
    } catch (failure) {
      const said = failure instanceof Error ? failure.message : 'unknown';
      return failStore(
        'VAULT_KEY_UNAVAILABLE',
        `the keychain of this machine does not answer (${said}); unlock it, or on a machine without ` +
          'one choose a passphrase or a raw key',
        failure,
      );
    }
  };
  return {
    get: (name) => asked(name, (entry) => secretOf(entry)),
    set: (name, bytes) => asked(name, (entry) => entry.setSecret(bytes)),
    remove: (name) => asked(name, (entry) => void entry.deleteCredential()),
  };
}

function secretOf(entry: Entry): Uint8Array | undefined {
  const found = entry.getSecret();
  if (found === null) return undefined;
  const bytes = new Uint8Array(found);
  found.fill(0);
  return bytes;
}

function loadKeyring(): KeyringModule {
  try {
    const loaded: unknown = createRequire(import.meta.url)(PACKAGE);
    if (isKeyring(loaded)) return loaded;
  } catch (failure) {
    failStore('VAULT_KEY_UNAVAILABLE', `the package ${PACKAGE} is not there; install it`, failure);
  }
  return failStore('VAULT_KEY_UNAVAILABLE', `the package ${PACKAGE} is not the one known to us`);
}

function isKeyring(loaded: unknown): loaded is KeyringModule {
  return typeof loaded === 'object' && loaded !== null && 'Entry' in loaded;
}
