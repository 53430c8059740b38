/** What can stop a store, a vault or a log from opening or going on. Codes are API. */

/**
 * Every reason for which a log does not open or stops.
 *
 * - `STORE_MISSING`: there is no store where one must be.
 * - `STORE_EXISTS`: a new log was asked for where one is already.
 * - `STORE_CORRUPT`: rows that contradict each other, the chain, or the database itself.
 * - `STORE_TOO_NEW`: written by a later format.
 * - `STORE_IN_USE`: another live process owns it; `holder` says which.
 * - `STORE_TAKEN_OVER`: somebody took it over by the name of this process's lease, or ended that lease;
 *   nothing is written here any more.
 * - `STORE_MOVED`: it goes on elsewhere, and must not go on here too.
 * - `STORE_ROLLED_BACK`: the log ends before, or beside, what the vault has seen of it.
 * - `STORE_FAILED`: the medium refused a write; the log must be opened again.
 * - `STORE_UNSAFE`: the database library or its settings cannot keep the promises.
 * - `VAULT_MISSING`, `VAULT_EXISTS`, `VAULT_TOO_NEW`, `VAULT_FAILED`: likewise for the vault.
 * - `VAULT_WRONG_KEY`: the file is whole, the key does not open it.
 * - `VAULT_KEY_UNAVAILABLE`: the keychain does not answer, or has no key for this vault.
 * - `VAULT_CORRUPT`: neither copy is whole.
 * - `VAULT_MISMATCH`: a vault of another log.
 * - `VAULT_ROLLED_BACK`: the vault is an older copy than the log relies on.
 */
export type StoreRefusalCode =
  | 'STORE_MISSING'
  | 'STORE_EXISTS'
  | 'STORE_CORRUPT'
  | 'STORE_TOO_NEW'
  | 'STORE_IN_USE'
  | 'STORE_TAKEN_OVER'
  | 'STORE_MOVED'
  | 'STORE_ROLLED_BACK'
  | 'STORE_FAILED'
  | 'STORE_UNSAFE'
  | 'VAULT_MISSING'
  | 'VAULT_EXISTS'
  | 'VAULT_TOO_NEW'
  | 'VAULT_FAILED'
  | 'VAULT_WRONG_KEY'
  | 'VAULT_KEY_UNAVAILABLE'
  | 'VAULT_CORRUPT'
  | 'VAULT_MISMATCH'
  | 'VAULT_ROLLED_BACK';

/** Who owns a store that is in use. */
export interface LeaseHolder {
  readonly pid: number;
  readonly host: string;
  /** When the lease was taken, wall ms. */
  readonly at: number;
  /** The lease's own name, 32 hex characters, new for every opening: what a take-over has to say. */
  readonly lease: string;
}

/** Why something did not open. `detail` is a sentence for people and names no secret. */
export interface StoreRefusal {
  readonly code: StoreRefusalCode;
  readonly detail: string;
  /** The offending event, where there is one. */
  readonly seq?: number;
  /** With `STORE_IN_USE`. */
  readonly holder?: LeaseHolder;
}

/**
 * Thrown when the medium fails in the middle of work. The log that met it must be closed and
 * opened again: what was in flight may or may not be durable.
 */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure';
  readonly code: StoreRefusalCode;
  /** As in a {@link StoreRefusal}. */
  readonly detail: string;
  constructor(code: StoreRefusalCode, detail: string, cause?: unknown) {
    super(`${code}: ${detail}`, { cause });
    this.code = code;
    this.detail = detail;
  }
}

/**
 * Gives up on a medium that failed or holds damage. Throws: {@link StoreFailure}, the given one
 * where the cause is one already.
 */
export function failStore(code: StoreRefusalCode, detail: string, cause?: unknown): never {
  // oxlint-disable-next-line house/no-throw -- a failing medium is the environment, not an input
  throw cause instanceof StoreFailure ? cause : new StoreFailure(code, detail, cause);
}
