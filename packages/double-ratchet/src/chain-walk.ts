/** SkipMessageKeys and the step after it, for both variants. No limit is checked here. */

import type { Crypto, Secret } from '@simsim/crypto';
import type { RatchetOptions } from './ratchet-env.ts';
import { messageStep } from './ratchet-send.ts';
import type { Chain } from './ratchet-state.ts';
import type { SkippedSeed } from './skipped-blocks.ts';

/** What walking takes besides the chain. */
export interface WalkEnv {
  readonly crypto: Crypto;
  readonly salt?: Secret<'seed'> | undefined;
  readonly options: RatchetOptions;
}

/** A chain further on, and the seeds it passed. */
export interface Skipped {
  /** The very chain it began with where nothing was skipped. */
  readonly chain: Chain;
  readonly seeds: readonly SkippedSeed[];
}

/** A chain past one message, that message's keys, and the seeds it passed. */
export interface Walk {
  readonly next: Chain;
  readonly keys: Secret<'message'>;
  readonly seeds: readonly SkippedSeed[];
}

/** Whether a jump is longer than the limit; to be asked before anything is derived. */
export function exceedsJump(skipped: number, { limits, sabotage }: RatchetOptions): boolean {
  return skipped > limits.forwardJumpMax && sabotage !== 'jumps-without-limit';
}

/** Steps a chain until it is at `until`, keeping the seeds it passes. Leaves `from` usable. */
export function skipTo(from: Chain, until: number, { crypto, options }: WalkEnv): Skipped {
  const seeds: SkippedSeed[] = [];
  let { chain } = from;
  for (let counter = from.counter; counter < until; counter++) {
    const [next, seed] = crypto.chainStep(chain);
    if (chain !== from.chain) crypto.wipe(chain);
    chain = next;
    // More than the session may keep would be dropped again at once.
    if (until - counter > options.limits.skippedKeysMax) crypto.wipe(seed);
    else seeds.push({ counter, seed });
  }
  return seeds.length === 0 && chain === from.chain
    ? { chain: from, seeds }
    : { chain: { chain, counter: until }, seeds };
}

/** Walks a chain to a message at or after its place. Leaves `from` usable. */
export function walkTo(from: Chain, counter: number, env: WalkEnv): Walk {
  const { crypto, options } = env;
  const { chain, seeds } = skipTo(from, counter, env);
  const [next, keys] = messageStep(env, chain.chain, options);
  const spent = options.sabotage === 'keeps-spent-seed' ? [crypto.chainStep(chain.chain)[1]] : [];
  if (chain !== from) crypto.wipe(chain.chain);
  return {
    next: { chain: next, counter: counter + 1 },
    keys,
    seeds: [...seeds, ...spent.map((seed) => ({ counter, seed }))],
  };
}
