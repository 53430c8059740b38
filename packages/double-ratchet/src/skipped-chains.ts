/**
 * MKSKIPPED of the header-encryption variant: seeds by (header key, N). They lie with their chain,
 * so that one trial of a header key serves all messages of that chain (HE-9).
 */

import type { Secret } from '@simsim/crypto';
import type { RatchetOptions } from './ratchet-env.ts';
import type { BlockTime, SkippedSeed } from './skipped-blocks.ts';
import { isOutdated } from './skipped-blocks.ts';

/** A skipped seed with its birth. */
export interface DatedSeed extends SkippedSeed {
  /** Messages the state had received when the seed was stored. */
  readonly bornAt: number;
  /** `elapsedMs` of that step, where the caller gives it. */
  readonly bornAtMs?: number | undefined;
}

/** A receiving chain that ended with messages missing. It goes with the last of them. */
export interface ClosedChain {
  /** HKr of its time. */
  readonly headerKey: Secret<'header'>;
  /** Ascending by counter, never empty. */
  readonly skipped: readonly DatedSeed[];
}

/** All skipped seeds of a state. */
export interface SkippedChains {
  readonly current: readonly DatedSeed[];
  /** Oldest first. */
  readonly closed: readonly ClosedChain[];
}

/** What is left, and what is in it no more. */
export interface ChainsChange extends SkippedChains {
  readonly dropped: readonly Secret[];
}

/** Puts births on seeds. */
export function dateSeeds(
  seeds: readonly SkippedSeed[],
  { receivedCount, elapsedMs }: Pick<BlockTime, 'receivedCount' | 'elapsedMs'>,
): readonly DatedSeed[] {
  const born = elapsedMs === undefined ? {} : { bornAtMs: elapsedMs };
  return seeds.map((seed) => ({ ...seed, bornAt: receivedCount, ...born }));
}

/** Whether a seed's life is over, in messages or in time. */
export function isOver({ bornAt, bornAtMs }: DatedSeed, time: BlockTime): boolean {
  if (time.receivedCount - bornAt > time.limits.blockLifeMessages) return true;
  return isOutdated({ bornAtMs }, time);
}

/**
 * Lets seeds die whose life is over, then drops the oldest beyond `skippedKeysMax` and whole chains
 * beyond `headerKeysMax`. The header key of a chain goes with its last seed.
 */
export function pruneChains(
  { current, closed }: SkippedChains,
  time: BlockTime,
  { sabotage }: Pick<RatchetOptions, 'sabotage'>,
): ChainsChange {
  const { skippedKeysMax, headerKeysMax } = time.limits;
  const isBound = sabotage !== 'stores-without-limit';
  const aged = [...closed.map(({ skipped }) => skipped), current].map((seeds) =>
    sabotage === 'never-expires' ? 0 : deadAtHead(seeds, time),
  );
  let excess = -skippedKeysMax;
  [...closed.map(({ skipped }) => skipped), current].forEach((seeds, i) => {
    excess += seeds.length - (aged[i] ?? 0);
  });
  const dropped: Secret[] = [];
  const cut = (seeds: readonly DatedSeed[], i: number): readonly DatedSeed[] => {
    const dead = aged[i] ?? 0;
    const more = isBound ? Math.min(Math.max(0, excess), seeds.length - dead) : 0;
    excess -= more;
    if (dead + more === 0) return seeds;
    for (const { seed } of seeds.slice(0, dead + more)) dropped.push(seed);
    return seeds.slice(dead + more);
  };
  const cutChains = closed.map((chain, i) => {
    const skipped = cut(chain.skipped, i);
    return skipped === chain.skipped ? chain : { ...chain, skipped };
  });
  const cutCurrent = cut(current, closed.length);
  const alive = cutChains.filter(({ skipped }) => skipped.length > 0);
  const left = isBound ? alive.slice(Math.max(0, alive.length - headerKeysMax)) : alive;
  for (const chain of cutChains) {
    if (left.includes(chain)) continue;
    dropped.push(chain.headerKey);
    for (const { seed } of chain.skipped) dropped.push(seed);
  }
  const isSame = left.length === closed.length && left.every((chain, i) => chain === closed[i]);
  return { current: cutCurrent, closed: isSame ? closed : left, dropped };
}

/** Births ascend within a chain, so the dead stand first. */
function deadAtHead(seeds: readonly DatedSeed[], time: BlockTime): number {
  const alive = seeds.findIndex((seed) => !isOver(seed, time));
  return alive < 0 ? seeds.length : alive;
}
