/** What to say where a vault does not open: a code, and what to do next. */

import { InvariantError } from '@simsim/bytes';
import { StoreFailure } from '@simsim/event-log';
import type { StoreRefusal } from '@simsim/event-log';
import { adviceOn } from './failure-advice.ts';

/** There is a vault where a new one is asked for. */
export function vaultExists(path: string): StoreRefusal {
  return {
    code: 'VAULT_EXISTS',
    detail: `there is a vault at ${path}; open it, or name another path`,
  };
}

/** There is none where one must be. */
export function vaultMissing(path: string): StoreRefusal {
  const detail =
    `there is no vault at ${path}; if it is elsewhere, bring it back, else begin as a new device: ` +
    'the log beside it does not open without it';
  return { code: 'VAULT_MISSING', detail };
}

/** It opens, and what is in it cannot be. */
export function slotsContradict(): StoreRefusal {
  const detail =
    'the slots of the vault contradict each other; open a copy of log and vault, or a new device';
  return { code: 'VAULT_CORRUPT', detail };
}

/** What a failing medium or keychain threw. Throws: again, what is a bug of ours. */
export function vaultFailed(failure: unknown): StoreRefusal {
  if (failure instanceof StoreFailure) return { code: failure.code, detail: failure.detail };
  if (!(failure instanceof Error) || failure instanceof InvariantError) throw failure;
  const code = 'code' in failure && typeof failure.code === 'string' ? failure.code : '';
  const advice = adviceOn(code) ?? 'look at the medium, then open the log again';
  return {
    code: 'VAULT_FAILED',
    detail: `the vault cannot be used: ${advice} (${failure.message})`,
  };
}
