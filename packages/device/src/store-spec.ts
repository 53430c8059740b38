/** Where a device keeps its log: the seam between the front door and a store. */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import type { Chaos, EventLog, Retention, StoreRefusal } from '@simsim/event-log';
import { createEventLog, createMemoryStore, createMemoryVault, RETENTION } from '@simsim/event-log';
import { openSqliteLog, storeFailed } from '@simsim/event-log-sqlite';
import type { Keychain, Stretch, VaultKey } from '@simsim/event-log-sqlite';
import { badArgument } from './checked-arguments.ts';

/** What a store is opened with. */
export interface StoreParts {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly chaos?: Chaos;
  /** What becomes of the past; `keepsAll` counts when a store is made. */
  readonly retention?: Retention;
  /** Whether a log or vault that was put back is opened all the same. Default: `refuse`. */
  readonly onRollback?: 'refuse' | 'accept';
}

/** A place for one device's log and vault. */
export interface StoreSpec {
  /** Opens the log that is there; one that is not, or was never finished, is made if asked. */
  open(parts: StoreParts, ifMissing: 'create' | 'fail'): Result<EventLog, StoreRefusal>;
}

/** How the vault beside a log is opened: an explicit choice, without a silent fallback. */
export type VaultChoice =
  /** Stretched with scrypt, about half a second, or with argon2id, about one. */
  | { readonly passphrase: string; readonly stretch?: Stretch }
  /** 32 bytes from a KMS or a TPM. */
  | { readonly key: Uint8Array }
  /**
   * A key that a keychain keeps and replaces with every rotation, so that old copies of the files
   * open no more; see `osKeychain`.
   */
  | { readonly keychain: Keychain }
  /** Whoever has the file has the live state; superseded keys are erased all the same. */
  | { readonly unsafePlaintextVault: true };

/** What is decided when a SQLite store is made. */
export interface SqliteOptions {
  /**
   * `clear` leaves facts and stream names readable to whoever has the file: who wrote to whom, and
   * when. Texts and keys are sealed in any case. Default `sealed`.
   */
  readonly metadata?: 'sealed' | 'clear';
  /**
   * The lease of a process that has the device open and is gone for good although nobody here can know:
   * on another host, in a container that was deleted. `STORE_IN_USE` says its name. Only that one is
   * taken over, so an option that was left on does nothing. Should the process live after all, it
   * writes nothing more and closes as `takenOver`.
   */
  readonly takeOver?: string;
}

/** A log in memory, gone with the process: for trying things out and for tests. */
export function memory(): StoreSpec {
  let isMade = false;
  return {
    open({ crypto, entropy, chaos, retention = RETENTION.default }, ifMissing) {
      if (isMade || ifMissing === 'fail') {
        return err({ code: 'STORE_MISSING', detail: 'a log in memory is gone once it is closed' });
      }
      isMade = true;
      const vault = createMemoryVault({ crypto, entropy });
      const parts = { store: createMemoryStore(), vault, crypto, entropy };
      return createEventLog(parts, { retention, ...(chaos === undefined ? {} : { chaos }) });
    },
  };
}

/** A log in a SQLite file, with its vault beside it; see {@link vaultPathOf}. */
export function sqlite(path: string, choice: VaultChoice, options: SqliteOptions = {}): StoreSpec {
  const key = vaultKey(choice);
  const metadata = options.metadata === undefined ? {} : { metadata: options.metadata };
  return {
    open(parts, ifMissing) {
      const { crypto, entropy, chaos, onRollback = 'refuse' } = parts;
      const { retention = RETENTION.default } = parts;
      const hindrance = ifMissing === 'create' ? makeFolderOf(path) : undefined;
      if (hindrance !== undefined) return err(hindrance);
      const opened = openSqliteLog({
        path,
        vaultPath: vaultPathOf(path),
        key,
        crypto,
        entropy,
        ifMissing: ifMissing === 'create' ? 'create' : 'refuse',
        onRollback,
        retention,
        wipe: retention.wipe,
        ...metadata,
        ...(options.takeOver === undefined ? {} : { takeOver: options.takeOver }),
        ...(chaos === undefined ? {} : { chaos }),
      });
      return opened.ok ? ok(opened.value.log) : opened;
    },
  };
}

/** Makes the folder of a log; answers why there can be none. */
function makeFolderOf(path: string): StoreRefusal | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return undefined;
  } catch (failure) {
    return storeFailed(failure, path);
  }
}

/** The vault of a log: `log.db` has `log.vault` beside it. */
export function vaultPathOf(path: string): string {
  return `${path.replace(/\.db$/u, '')}.vault`;
}

/**
 * What the vault takes for a choice.
 *
 * Throws: {@link SessionError} `BAD_ARGUMENT` where nothing was chosen: no vault is left unprotected unasked.
 */
export function vaultKey(choice: VaultChoice): VaultKey {
  if (typeof choice === 'object') {
    if ('passphrase' in choice && typeof choice.passphrase === 'string')
      return { kind: 'passphrase', ...choice };
    if ('keychain' in choice && typeof choice.keychain === 'object')
      return { kind: 'keychain', keychain: choice.keychain };
    if ('key' in choice && choice.key instanceof Uint8Array)
      return { kind: 'raw', key: choice.key };
    if ('unsafePlaintextVault' in choice && choice.unsafePlaintextVault === true)
      return { kind: 'none', unsafePlaintextVault: true };
  }
  throw badArgument('vault', 'a passphrase, a key, a keychain, or unsafePlaintextVault: true');
}
