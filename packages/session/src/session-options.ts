/** How sessions run: one set of options for a whole process. */

import type { RatchetLimits, RatchetSabotage } from '@simsim/double-ratchet';
import { defaultRatchetOptions } from '@simsim/double-ratchet';

/** Options of {@link makeSessionSteps}; production passes none. */
export interface SessionOptions {
  readonly limits?: Partial<RatchetLimits>;
  /** A planted defect for the tests that must catch it. */
  readonly sabotage?: SessionSabotage;
}

/**
 * Defects a law must notice: those of the ratchet, a session that moves before the tag is checked,
 * secrets wiped before the caller has committed, an initiation that never ends.
 */
export type SessionSabotage =
  | RatchetSabotage
  | 'moves-before-tag'
  | 'wipes-before-commit'
  | 'never-ends-initiation';

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly suite: typeof defaultRatchetOptions.suite;
  readonly limits: RatchetLimits;
  /** What the ratchet is told; the other defects are the session's own. */
  readonly sabotage: RatchetSabotage | undefined;
  readonly defect: SessionSabotage | undefined;
}

/** Fills in the defaults. */
export function resolveOptions({ limits, sabotage }: SessionOptions): ResolvedOptions {
  return {
    suite: defaultRatchetOptions.suite,
    limits: { ...defaultRatchetOptions.limits, ...limits },
    sabotage: isRatchetSabotage(sabotage) ? sabotage : undefined,
    defect: sabotage,
  };
}

function isRatchetSabotage(sabotage: SessionSabotage | undefined): sabotage is RatchetSabotage {
  switch (sabotage) {
    case undefined:
    case 'moves-before-tag':
    case 'wipes-before-commit':
    case 'never-ends-initiation':
      return false;
    case 'keeps-used-seed':
    case 'reuses-ratchet-key':
    case 'never-expires':
    case 'jumps-without-limit':
      return true;
  }
}
