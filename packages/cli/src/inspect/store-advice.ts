/** What to do about a log or a vault that cannot be read: one sentence for each code. */

import type { StoreRefusalCode } from '@simsim/event-log';

/** Name of the environment variable with a vault's passphrase. */
export const PASSPHRASE_VARIABLE = 'SIMSIM_PASSPHRASE';

const GIVE_KEY = `Give --key-file, or the passphrase in ${PASSPHRASE_VARIABLE}.`;

/** What to do about damage: nothing brings back what is gone, and an old copy is noticed as one. */
export const DAMAGE_ADVICE: string =
  'Keep the files; put back a copy of log and vault together, which its device opens as a new ' +
  'incarnation, or link the device anew.';

/** The next step after a refusal. */
export const STORE_ADVICE: Readonly<Record<StoreRefusalCode, string>> = {
  STORE_MISSING: 'Name a log.db or a folder with some.',
  STORE_EXISTS: 'Name another place.',
  STORE_CORRUPT: DAMAGE_ADVICE,
  STORE_TOO_NEW: 'Use a newer release.',
  STORE_IN_USE: 'Close the process that has it open.',
  STORE_TAKEN_OVER: 'Look at it again: another process has it open now.',
  STORE_MOVED: 'Look at it where it was moved to.',
  STORE_ROLLED_BACK: 'Put the newer log back beside its vault.',
  STORE_FAILED: 'See that the medium is there and works, and that this user may read the log.',
  STORE_UNSAFE: 'Use the SQLite that the package brings along.',
  VAULT_MISSING: 'Put the vault back beside its log.',
  VAULT_EXISTS: 'Name another place.',
  VAULT_TOO_NEW: 'Use a newer release.',
  VAULT_FAILED: 'See that the medium is there and works, and that this user may read the vault.',
  VAULT_WRONG_KEY: GIVE_KEY,
  VAULT_KEY_UNAVAILABLE: GIVE_KEY,
  VAULT_CORRUPT: DAMAGE_ADVICE,
  VAULT_MISMATCH: 'Put the right vault beside it.',
  VAULT_ROLLED_BACK: 'Put the newer vault back beside its log.',
};
