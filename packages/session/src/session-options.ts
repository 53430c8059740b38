/** How sessions run: one set of options for a whole process. */

import type { RatchetLimits, RatchetSabotage } from '@simsim/double-ratchet';
import { defaultRatchetOptions, ratchetLimits } from '@simsim/double-ratchet';
import type { WireVersion } from './wire.ts';

/** Options of {@link makeSessionSteps}; production may pass a policy and limits. */
export interface SessionOptions {
  readonly limits?: Partial<RatchetLimits>;
  readonly policy?: Partial<SessionPolicy>;
  /** A planted defect for the tests that must catch it. */
  readonly sabotage?: SessionSabotage;
}

/** What sessions may begin. Sessions that exist go on whatever the policy says. */
export interface SessionPolicy {
  /** No session of a version below this begins, neither as initiator nor as responder. */
  readonly minimumVersion: WireVersion;
  /**
   * Whether a session may be of a lower version than the responder's bundle offers. The KEM prekey is
   * what a relay would leave out to weaken a session, so `refuse` is the default.
   */
  readonly downgrade: 'refuse' | 'allow';
  /**
   * The post-quantum ratchet in version 4. `required`: every session has it, as Signal's peers demand
   * since 0.92. `optional`: we begin with it and take sessions of peers that know none or still
   * negotiate. `off`: we begin without it, for peers before 0.75, and take none with it.
   */
  readonly pqRatchet: 'required' | 'optional' | 'off';
}

/** What production runs with where nothing else is asked for. */
export const defaultSessionPolicy: SessionPolicy = {
  minimumVersion: 3,
  downgrade: 'refuse',
  pqRatchet: 'required',
};

/**
 * Defects a law must notice: those of the ratchet, a session that moves before the tag is checked,
 * secrets wiped before the caller has committed, an initiation that never ends, a downgrade that is
 * taken, repeats told by base key, a replay record that forgets.
 */
export type SessionSabotage =
  | RatchetSabotage
  | 'moves-before-tag'
  | 'wipes-before-commit'
  | 'never-ends-initiation'
  | 'takes-downgrade'
  | 'replays-by-base-key'
  | 'forgets-replays';

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly suite: typeof defaultRatchetOptions.suite;
  readonly limits: RatchetLimits;
  readonly policy: SessionPolicy;
  /** What the ratchet is told; the other defects are the session's own. */
  readonly sabotage: RatchetSabotage | undefined;
  readonly defect: SessionSabotage | undefined;
}

/** Fills in the defaults. Throws: on limits that are none, which is our own bug. */
export function resolveOptions({ limits, policy, sabotage }: SessionOptions): ResolvedOptions {
  return {
    suite: defaultRatchetOptions.suite,
    limits: ratchetLimits(limits ?? {}),
    policy: { ...defaultSessionPolicy, ...policy },
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
    case 'takes-downgrade':
    case 'replays-by-base-key':
    case 'forgets-replays':
      return false;
    case 'keeps-used-seed':
    case 'reuses-ratchet-key':
    case 'never-expires':
    case 'jumps-without-limit':
      return true;
  }
}
