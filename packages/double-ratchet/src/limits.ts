/** Every bound of a ratchet with its reason. Checked before anything is derived or allocated. */

import { invariant } from '@simsim/bytes';

/** The bounds a ratchet works under. */
export interface RatchetLimits {
  /** Receiving chains kept beside the current one. */
  readonly olderChainsMax: number;
  /** How many messages one message may skip in its chain (the specification's MAX_SKIP). */
  readonly forwardJumpMax: number;
  /** Skipped keys kept for one session over all chains; the oldest block goes first. */
  readonly skippedKeysMax: number;
  /** Blocks of skipped keys kept for one session. */
  readonly blocksMax: number;
  /** Keys in one block: what one late message rewrites. */
  readonly blockKeysMax: number;
  /** Messages received after a block's birth until it dies. */
  readonly blockLifeMessages: number;
  /** Messages received after a block's birth during which it still takes keys. */
  readonly blockOpenMessages: number;
  /**
   * Milliseconds from a block's birth until it dies; none where absent. With it every step must be
   * given `elapsedMs`, and whoever saves a directory must save the births with it.
   */
  readonly blockLifeMs?: number | undefined;
  /** Closed chains whose header keys are kept for late messages (header encryption only). */
  readonly headerKeysMax: number;
  /** Messages one chain can carry. */
  readonly chainMessagesMax: number;
  /** How many messages one message may skip in the post-quantum chain, which no turn restarts. */
  readonly pqForwardJumpMax: number;
}

/** What production runs with. */
export const defaultRatchetLimits: RatchetLimits = {
  // As Signal's peers: mail that crossed a few turns of the conversation still opens.
  olderChainsMax: 4,
  // A forged message costs us at most this many chain steps (about 10 ms) before its tag fails.
  forwardJumpMax: 2_000,
  // The specification's own example (§8.4): 36 KB of seeds at most.
  skippedKeysMax: 1_000,
  // The directory of blocks is part of the cold state, about 45 bytes a block: 12 KB at most.
  blocksMax: 256,
  // 32 seeds are 1 KB: a late message rewrites that, not the whole store.
  blockKeysMax: 32,
  // By count, not by clock: every rejected round of a sender leaves a key here that nobody will
  // ever use, and a clock can be set.
  blockLifeMessages: 2_000,
  // A block that kept taking keys until it is full would kill its last keys soon after their birth.
  blockOpenMessages: 256,
  // A message that neither current key opens costs one trial for each of these.
  headerKeysMax: 32,
  // Counters are 32 bits on the wire.
  chainMessagesMax: 0xffff_ffff,
  // More than the jump of one chain, because what is lost in several chains adds up here; a forged
  // message costs us at most this many HKDF calls (about 100 ms) before its tag fails.
  pqForwardJumpMax: 8_000,
};

/**
 * What Signal's own library allows (signal-wire d): for talking to peers that lose very much.
 *
 * Differs: its 2,000 skipped keys are for each chain, these are for the session.
 */
export const signalPeerLimits: RatchetLimits = {
  ...defaultRatchetLimits,
  forwardJumpMax: 25_000,
  pqForwardJumpMax: 25_000,
  skippedKeysMax: 2_000,
};

const UINT32_MAX = 0xffff_ffff;

/**
 * The default limits with changes. Every limit is a whole number of 32 bits: there is no way to
 * have none, which would let one forged message cost any amount of work (DR-3).
 *
 * Throws: on a limit that is no such number, which is a bug of the caller.
 */
export function ratchetLimits(changes: Partial<RatchetLimits>): RatchetLimits {
  const limits = { ...defaultRatchetLimits, ...changes };
  checkLimits(limits);
  return limits;
}

/** Throws where {@link ratchetLimits} would. */
export function checkLimits(limits: RatchetLimits): void {
  for (const [name, limit] of Object.entries(limits)) {
    const isAbsent = limit === undefined && name === 'blockLifeMs';
    const isWhole = Number.isInteger(limit) && limit >= 0 && limit <= UINT32_MAX;
    invariant(isAbsent || isWhole, `the limit ${name} is a whole number of 32 bits`);
  }
  invariant(limits.blockKeysMax > 0, 'a block holds at least one key');
}
