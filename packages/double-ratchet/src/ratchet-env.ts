/** What a ratchet step is given besides its state. */

import type { Crypto, Entropy, Secret } from '@simsim/crypto';
import type { RatchetLimits } from './limits.ts';
import { defaultRatchetLimits } from './limits.ts';
import type { RatchetSuite } from './ratchet-suite.ts';
import { signalRatchet } from './ratchet-suite.ts';

/** Capabilities of a step. Receiving draws no entropy. */
export interface RatchetEnv {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** The post-quantum ratchet's key of this message, which salts the message keys; mostly none. */
  readonly salt?: Secret<'seed'> | undefined;
}

/** How a ratchet runs; both ends must agree on the suite. */
export interface RatchetOptions {
  readonly suite: RatchetSuite;
  readonly limits: RatchetLimits;
  /** A planted defect, for the tests that must catch it. Production passes none. */
  readonly sabotage?: RatchetSabotage | MessageSabotage | undefined;
}

/**
 * Defects a law must notice: a used seed that stays stored, one ratchet key for every turn, blocks
 * that never die, a skipped range without a limit.
 */
export type RatchetSabotage =
  | 'keeps-used-seed'
  | 'reuses-ratchet-key'
  | 'never-expires'
  | 'jumps-without-limit';

/**
 * More of them, for the laws of this package: skipped keys that are not stored, a sending chain that
 * stands still, the key of an opened message that stays, a state moved or its secrets wiped before
 * the tag is checked, keys derived for what is known to be a duplicate, more keys than the limits
 * allow, a header tried once for each stored key, a ratchet key that follows from what is public.
 */
export type MessageSabotage =
  | 'forgets-skipped'
  | 'stalls-sending'
  | 'keeps-spent-seed'
  | 'moves-before-tag'
  | 'wipes-before-tag'
  | 'derives-duplicates'
  | 'stores-without-limit'
  | 'tries-every-key'
  | 'predictable-ratchet-key';

/** Signal's labels under the default limits. */
export const defaultRatchetOptions: RatchetOptions = {
  suite: signalRatchet,
  limits: defaultRatchetLimits,
};
