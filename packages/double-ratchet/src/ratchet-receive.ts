/**
 * RatchetReceiveKey: the keys of a received message. The step is a proposal: it leaves the old state
 * usable, and the caller adopts the new one only after the message's tag has been checked.
 */

import type { Result } from '@simsim/bytes';
import { compareBytes, err, ok } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import type { RatchetOptions } from './ratchet-env.ts';
import { messageStep, rootStep } from './ratchet-send.ts';
import type {
  Chain,
  OlderChain,
  RatchetHeader,
  RatchetHot,
  RatchetRejection,
  RatchetState,
} from './ratchet-state.ts';
import { storeOf, withStore } from './ratchet-state.ts';
import type { SkippedSeed } from './skipped-blocks.ts';
import {
  addSeeds,
  entryOf,
  expireBlocks,
  isPqChain,
  openEntryOf,
  takeSeed,
} from './skipped-blocks.ts';

/** A proposed state and the secrets that come and go with it. */
export interface ReceiveStep {
  readonly state: RatchetState;
  /** For one message; whoever decrypts wipes it. */
  readonly keys: Secret<'message'>;
  /** Secrets of the old state that the new one lacks: wipe once the new one is committed. */
  readonly consumed: readonly Secret[];
  /** Secrets of the new state that the old one lacks: wipe when the message turns out forged. */
  readonly created: readonly Secret[];
  /** Whether the message began a new receiving chain. */
  readonly didTurn: boolean;
}

/** What receiving needs; it draws no entropy. */
export interface ReceiveEnv {
  readonly crypto: Crypto;
  /** The post-quantum ratchet's key of this message, which salts the message keys; mostly none. */
  readonly salt?: Secret<'seed'> | undefined;
}

/**
 * Finds or derives the keys of the message that `header` announces.
 *
 * Limits: skips at most `forwardJumpMax` messages of a chain, checked before anything is derived.
 * Rejects: `BAD_KEY`, `UNKNOWN_RATCHET_KEY`, `TOO_FAR_AHEAD`, `CHAIN_EXHAUSTED`, `DUPLICATE`,
 * `BLOCKS_NEEDED`; the old state is untouched then and nothing new is left behind.
 * Spec: Double Ratchet §3.4.
 * Differs: the received PN is not used; the last few receiving chains stay open instead, because
 * real peers send it one too low (signal-wire b.6).
 */
export function ratchetReceive(
  state: RatchetState,
  header: RatchetHeader,
  { crypto, salt, options }: ReceiveEnv & { readonly options: RatchetOptions },
): Result<ReceiveStep, RatchetRejection> {
  const { hot, cold } = state;
  const stepping: Stepping = { crypto, salt, options, header };
  if (isPqChain(header.ratchetKey)) return err({ code: 'BAD_KEY', key: 'ratchet' });
  if (header.counter >= options.limits.chainMessagesMax) return err({ code: 'CHAIN_EXHAUSTED' });
  if (hot.receiving !== undefined && hot.peer && isKey(hot.peer.bytes, header)) {
    if (header.counter < hot.receiving.counter) return takeStored(state, stepping);
    return advanceCurrent(state, hot.receiving, stepping);
  }
  const older = cold.olderChains.find(({ ratchetKey }) => isKey(ratchetKey, header));
  if (older !== undefined) {
    if (header.counter < older.counter) return takeStored(state, stepping);
    return advanceOlder(state, older, stepping);
  }
  if (cold.directory.some(({ ratchetKey }) => isKey(ratchetKey, header))) {
    return takeStored(state, stepping);
  }
  return turn(state, stepping);
}

/**
 * Ids of stored blocks that {@link ratchetReceive} wants loaded for this message: the one that may
 * hold its seed (needed), or the open one its skipped keys would join (welcome). No cryptography.
 */
export function blocksToLoad(
  { hot, cold }: Pick<RatchetState, 'hot' | 'cold'>,
  header: RatchetHeader,
  { limits }: RatchetOptions,
): readonly number[] {
  const { ratchetKey, counter } = header;
  const isCurrent = hot.peer !== undefined && isKey(hot.peer.bytes, header);
  const chain = isCurrent
    ? hot.receiving
    : cold.olderChains.find((older) => isKey(older.ratchetKey, header));
  if (chain !== undefined && counter === chain.counter) return [];
  const { receivedCount } = hot;
  const entry =
    chain !== undefined && counter > chain.counter
      ? openEntryOf(cold.directory, ratchetKey, { receivedCount: receivedCount + 1, limits })
      : entryOf(cold.directory, ratchetKey, counter);
  return entry === undefined ? [] : [entry.id];
}

interface Stepping extends ReceiveEnv {
  readonly options: RatchetOptions;
  readonly header: RatchetHeader;
}

/** A message of the current receiving chain, in order or ahead. */
function advanceCurrent(
  state: RatchetState,
  receiving: Chain,
  stepping: Stepping,
): Result<ReceiveStep, RatchetRejection> {
  const walked = walk(receiving, stepping);
  if (!walked.ok) return walked;
  const { next, keys, seeds } = walked.value;
  const hot = { ...state.hot, receiving: next };
  const kept = settle({ ...state, hot }, seeds, stepping);
  return ok({
    state: kept.state,
    keys,
    consumed: [receiving.chain, ...kept.dropped],
    created: [next.chain, ...kept.created],
    didTurn: false,
  });
}

/** A late message of an earlier chain that is still open, in order or ahead there. */
function advanceOlder(
  state: RatchetState,
  older: OlderChain,
  stepping: Stepping,
): Result<ReceiveStep, RatchetRejection> {
  const walked = walk(older, stepping);
  if (!walked.ok) return walked;
  const { next, keys, seeds } = walked.value;
  const olderChains = state.cold.olderChains.map((chain) =>
    chain === older ? { ...next, ratchetKey: older.ratchetKey } : chain,
  );
  const cold = { ...state.cold, olderChains };
  const kept = settle({ ...state, cold }, seeds, stepping);
  return ok({
    state: kept.state,
    keys,
    consumed: [older.chain, ...kept.dropped],
    created: [next.chain, ...kept.created],
    didTurn: false,
  });
}

/** The receiving half of a DH ratchet step, then the first walk along the new chain. */
function turn(state: RatchetState, stepping: Stepping): Result<ReceiveStep, RatchetRejection> {
  const { hot, cold } = state;
  const { crypto, options, header } = stepping;
  const { sending } = hot;
  // A key we already sent to but never received on would begin a chain nobody has (DR-7).
  const isFirstPeerKey = hot.peer !== undefined && isKey(hot.peer.bytes, header);
  if (sending.kind === 'owed' || isFirstPeerKey) return err({ code: 'UNKNOWN_RATCHET_KEY' });
  if (exceedsJump(header.counter, options)) return err({ code: 'TOO_FAR_AHEAD' });
  const peer = crypto.publicKey(header.ratchetKey);
  const shared = peer && crypto.dh(sending.own.privateKey, peer);
  if (peer === undefined || shared === undefined) return err({ code: 'BAD_KEY', key: 'ratchet' });
  const [root, chain] = rootStep(crypto, { root: hot.root, shared, info: options.suite.rootInfo });
  const walked = walk({ chain, counter: 0 }, stepping);
  crypto.wipe(chain); // the walk has gone past it, or failed
  if (!walked.ok) {
    crypto.wipe(root);
    return walked;
  }
  const { next, keys, seeds } = walked.value;
  const { olderChains, dropped } = pushOlder(state, options);
  const consumed: Secret[] = [hot.root, ...dropped];
  if (sending.kind === 'ready') consumed.push(sending.own.privateKey, sending.chain.chain);
  const turned: RatchetHot = {
    ...hot,
    root,
    sending: { kind: 'owed' },
    peer,
    receiving: next,
    previousCount: sending.kind === 'ready' ? sending.chain.counter : 0,
  };
  const kept = settle({ ...state, hot: turned, cold: { ...cold, olderChains } }, seeds, stepping);
  return ok({
    state: kept.state,
    keys,
    consumed: [...consumed, ...kept.dropped],
    created: [root, next.chain, ...kept.created],
    didTurn: true,
  });
}

/** The current receiving chain becomes the newest older one; what exceeds the limit is dropped. */
function pushOlder(
  { hot, cold }: RatchetState,
  { limits }: RatchetOptions,
): { readonly olderChains: readonly OlderChain[]; readonly dropped: readonly Secret[] } {
  if (hot.receiving === undefined || hot.peer === undefined) {
    return { olderChains: cold.olderChains, dropped: [] };
  }
  const chains = [{ ...hot.receiving, ratchetKey: hot.peer.bytes }, ...cold.olderChains];
  return {
    olderChains: chains.slice(0, limits.olderChainsMax),
    dropped: chains.slice(limits.olderChainsMax).map(({ chain }) => chain),
  };
}

/** A message whose seed was stored when its chain went past it. */
function takeStored(
  state: RatchetState,
  stepping: Stepping,
): Result<ReceiveStep, RatchetRejection> {
  const { crypto, salt, options, header } = stepping;
  const entry = entryOf(state.cold.directory, header.ratchetKey, header.counter);
  if (entry === undefined) return err({ code: 'DUPLICATE' });
  const block = state.blocks.get(entry.id);
  if (block === undefined) return err({ code: 'BLOCKS_NEEDED', blocks: [entry.id] });
  const stored = block.seeds.find(({ counter }) => counter === header.counter);
  if (stored === undefined) return err({ code: 'DUPLICATE' });
  const keys = crypto.messageKeys(stored.seed, salt, options.suite.messageInfo);
  const isKept = options.sabotage === 'keeps-used-seed';
  const store = isKept ? storeOf(state) : takeSeed(storeOf(state), block, stored);
  const kept = settle(withStore(state, store), [], stepping);
  const consumed = isKept ? kept.dropped : [stored.seed, ...kept.dropped];
  return ok({ state: kept.state, keys, consumed, created: kept.created, didTurn: false });
}

interface Walk {
  readonly next: Chain;
  readonly keys: Secret<'message'>;
  readonly seeds: readonly SkippedSeed[];
}

/** Walks a chain to the announced message, keeping the seeds it passes. Leaves `from` usable. */
function walk(from: Chain, stepping: Stepping): Result<Walk, RatchetRejection> {
  const { crypto, options, header } = stepping;
  if (exceedsJump(header.counter - from.counter, options)) return err({ code: 'TOO_FAR_AHEAD' });
  const seeds: SkippedSeed[] = [];
  let { chain } = from;
  for (let counter = from.counter; counter < header.counter; counter++) {
    const [next, seed] = crypto.chainStep(chain);
    if (chain !== from.chain) crypto.wipe(chain);
    chain = next;
    // More than the session may keep would be dropped again at once.
    if (header.counter - counter > options.limits.skippedKeysMax) crypto.wipe(seed);
    else seeds.push({ counter, seed });
  }
  const [next, keys] = messageStep(stepping, chain, options);
  if (chain !== from.chain) crypto.wipe(chain);
  return ok({ next: { chain: next, counter: header.counter + 1 }, keys, seeds });
}

function exceedsJump(skipped: number, { limits, sabotage }: RatchetOptions): boolean {
  return skipped > limits.forwardJumpMax && sabotage !== 'jumps-without-limit';
}

interface Settled {
  readonly state: RatchetState;
  readonly dropped: readonly Secret[];
  readonly created: readonly Secret[];
}

/** Counts the message, lets old blocks die and stores what was skipped. */
function settle(
  state: RatchetState,
  seeds: readonly SkippedSeed[],
  { crypto, options, header }: Stepping,
): Settled {
  const receivedCount = state.hot.receivedCount + 1;
  const { limits, sabotage } = options;
  const hot = { ...state.hot, receivedCount };
  const before = storeOf(state);
  const expired =
    sabotage === 'never-expires'
      ? { store: before, dropped: [] }
      : expireBlocks(before, { receivedCount, limits });
  const { ratchetKey } = header;
  const added =
    seeds.length === 0
      ? { store: expired.store, dropped: [] }
      : addSeeds(expired.store, { ratchetKey, seeds, receivedCount, limits });
  // A seed that was made and dropped in this very step is in neither state.
  const made = new Set<Secret>(seeds.map(({ seed }) => seed));
  const dropped: Secret[] = [...expired.dropped];
  for (const seed of added.dropped) {
    if (made.delete(seed)) crypto.wipe(seed);
    else dropped.push(seed);
  }
  const settled =
    added.store === before ? { ...state, hot } : withStore({ ...state, hot }, added.store);
  return { state: settled, dropped, created: [...made] };
}

/** Ratchet keys are public, so stopping early tells nobody anything. */
function isKey(key: Uint8Array, header: RatchetHeader): boolean {
  return compareBytes(key, header.ratchetKey) === 0;
}
