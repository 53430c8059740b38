/** Retention: how long superseded secrets may stay, and what becomes of old events. */

import { invariant } from '@simsim/bytes';

/** When the vault follows the log, which is when superseded keys are erased. */
export interface FlushPolicy {
  /** Events since the last flush; 1 is every commit. */
  readonly events: number;
  /** Milliseconds since the first of them. */
  readonly ms: number;
  /** Milliseconds without any event. */
  readonly onIdleMs: number;
}

/** How a log treats its past. */
export interface Retention {
  readonly flush: FlushPolicy;
  /**
   * `strict`: replaced keys are zeroed and synced within the flush. `lazy`: with the next flush or
   * the closing, which saves one sync and leaves one window of keys on the medium meanwhile.
   */
  readonly wipe: 'strict' | 'lazy';
  /** The vault's master key is replaced at open and every so many ms; undefined: never. */
  readonly rotateMs: number | undefined;
  /** Sealed parts shrink to their digests when they are so old, in ms; undefined: never. */
  readonly pruneAfterMs: number | undefined;
  /** No key is ever erased. See {@link keepAll}. */
  readonly keepsAll: boolean;
}

/** The name of a preset. */
export type RetentionName = 'paranoid' | 'default' | 'server';

const HOUR_MS = 3_600_000;

/**
 * The presets. What a thief of all files and of the vault's key can open beyond the live state:
 * - `paranoid`: nothing that an earlier commit superseded.
 * - `default`: at most one second of traffic; costs almost nothing in batches.
 * - `server`: at most five seconds, for many devices on one disk.
 */
export const RETENTION: { readonly [N in RetentionName]: Retention } = {
  paranoid: {
    flush: { events: 1, ms: 0, onIdleMs: 0 },
    wipe: 'strict',
    rotateMs: HOUR_MS,
    pruneAfterMs: undefined,
    keepsAll: false,
  },
  default: {
    flush: { events: 64, ms: 1000, onIdleMs: 250 },
    wipe: 'strict',
    rotateMs: HOUR_MS,
    pruneAfterMs: undefined,
    keepsAll: false,
  },
  server: {
    flush: { events: 4096, ms: 5000, onIdleMs: 5000 },
    wipe: 'strict',
    rotateMs: HOUR_MS,
    pruneAfterMs: undefined,
    keepsAll: false,
  },
};

/**
 * The preset that keeps every key for ever, so that replay opens every secret state there ever was: for
 * tests, the simulator and debugging. Its argument says what it costs. Fixed when a log is created.
 */
export function keepAll(consent: { readonly iKnowThisDisablesForwardSecrecy: true }): Retention {
  const { iKnowThisDisablesForwardSecrecy: isKnown } = { ...consent };
  invariant(isKnown === true, 'keepAll takes { iKnowThisDisablesForwardSecrecy: true }');
  return {
    ...RETENTION.server,
    flush: { events: 4096, ms: HOUR_MS, onIdleMs: HOUR_MS },
    rotateMs: undefined,
    keepsAll: true,
  };
}

/** A preset by its name, or the policy itself. */
export function retentionOf(choice: RetentionName | Retention): Retention {
  return typeof choice === 'string' ? RETENTION[choice] : choice;
}
