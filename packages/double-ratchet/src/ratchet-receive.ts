/**
 * RatchetReceiveKey: the keys of a received message. The step is a proposal: it leaves the old state
 * usable, and the caller adopts the new one only after the message's tag has been checked.
 */

import type { Result } from '@simsim/bytes';
import { compareBytes, err, ok } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import { exceedsJump, skipTo, walkTo } from './chain-walk.ts';
import type { RatchetLimits } from './limits.ts';
import { checkLimits } from './limits.ts';
import type { RatchetOptions } from './ratchet-env.ts';
import { rootStep } from './ratchet-send.ts';
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
  isOutdated,
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
  /** See {@link BlockTime}; needed only under `blockLifeMs`. */
  readonly elapsedMs?: number | undefined;
}

/**
 * Finds or derives the keys of the message that `header` announces.
 *
 * Limits: skips at most `forwardJumpMax` messages of a chain, checked before anything is derived;
 * under `oldChains: 'closed'` as many again up to PN of the chain before it.
 * Rejects: `BAD_KEY`, `UNKNOWN_RATCHET_KEY`, `TOO_FAR_AHEAD`, `CHAIN_EXHAUSTED`, `DUPLICATE`,
 * `BLOCKS_NEEDED`; the old state is untouched then and nothing new is left behind.
 * Spec: Double Ratchet §3.4.
 * Differs: unless the suite says `oldChains: 'closed'`, the received PN is not used; the last few
 * receiving chains stay open instead, because real peers send it one too low (signal-wire b.6).
 */
export function ratchetReceive(
  state: RatchetState,
  header: RatchetHeader,
  env: ReceiveEnv & { readonly options: RatchetOptions },
): Result<ReceiveStep, RatchetRejection> {
  const { hot, cold } = state;
  const { options } = env;
  const { crypto, salt, elapsedMs } = env;
  const stepping: Stepping = { crypto, salt, elapsedMs, options, header };
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
  const isKnown = cold.directory.some(({ ratchetKey }) => isKey(ratchetKey, header));
  if (isKnown) return takeStored(state, stepping);
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
  const { header, options } = stepping;
  if (exceedsJump(header.counter - receiving.counter, options)) return tooFarAhead();
  const { next, keys, seeds } = walkTo(receiving, header.counter, stepping);
  const hot = { ...state.hot, receiving: next };
  const kept = settle({ ...state, hot }, [{ ratchetKey: header.ratchetKey, seeds }], stepping);
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
  const { header, options } = stepping;
  if (exceedsJump(header.counter - older.counter, options)) return tooFarAhead();
  const { next, keys, seeds } = walkTo(older, header.counter, stepping);
  const olderChains = state.cold.olderChains.map((chain) =>
    chain === older ? { ...next, ratchetKey: older.ratchetKey } : chain,
  );
  const cold = { ...state.cold, olderChains };
  const kept = settle({ ...state, cold }, [{ ratchetKey: older.ratchetKey, seeds }], stepping);
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
  if (hot.peer === undefined) checkLimits(options.limits); // a responder's first message
  // A key we already sent to but never received on would begin a chain nobody has (DR-7).
  const isFirstPeerKey = hot.peer !== undefined && isKey(hot.peer.bytes, header);
  if (sending.kind === 'owed' || isFirstPeerKey) return err({ code: 'UNKNOWN_RATCHET_KEY' });
  if (exceedsJump(header.counter, options)) return tooFarAhead();
  if (isClosing(options) && hot.receiving !== undefined) {
    const missing = header.previousCount - hot.receiving.counter;
    if (exceedsJump(missing, options)) return tooFarAhead();
  }
  const peer = crypto.publicKey(header.ratchetKey);
  const shared = peer && crypto.dh(sending.own.privateKey, peer);
  if (peer === undefined || shared === undefined) return err({ code: 'BAD_KEY', key: 'ratchet' });
  const [root, chain] = rootStep(crypto, { root: hot.root, shared, info: options.suite.rootInfo });
  const { next, keys, seeds } = walkTo({ chain, counter: 0 }, header.counter, stepping);
  crypto.wipe(chain); // the walk has gone past it
  const { olderChains, left, dropped } = leaveCurrent(state, stepping);
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
  const added = [...left, { ratchetKey: header.ratchetKey, seeds }];
  const kept = settle({ ...state, hot: turned, cold: { ...cold, olderChains } }, added, stepping);
  return ok({
    state: kept.state,
    keys,
    consumed: [...consumed, ...kept.dropped],
    created: [root, next.chain, ...kept.created],
    didTurn: true,
  });
}

/** What a turn leaves of the chains before it. */
interface LeftChains {
  readonly olderChains: readonly OlderChain[];
  /** Keys of the chain that was closed, up to the PN of the message. */
  readonly left: readonly ChainSeeds[];
  readonly dropped: readonly Secret[];
}

/**
 * Closes the current receiving chain, or makes it the newest older one; what exceeds the limit is
 * dropped.
 */
function leaveCurrent({ hot, cold }: RatchetState, stepping: Stepping): LeftChains {
  const { crypto, options, header } = stepping;
  if (hot.receiving === undefined || hot.peer === undefined) {
    return { olderChains: cold.olderChains, left: [], dropped: [] };
  }
  const ratchetKey = hot.peer.bytes;
  if (isClosing(options)) {
    const { chain, seeds } = skipTo(hot.receiving, header.previousCount, stepping);
    if (chain !== hot.receiving) crypto.wipe(chain.chain);
    const left = [{ ratchetKey, seeds }];
    return { olderChains: cold.olderChains, left, dropped: [hot.receiving.chain] };
  }
  const { olderChainsMax } = options.limits;
  const chains = [{ ...hot.receiving, ratchetKey }, ...cold.olderChains];
  return {
    olderChains: chains.slice(0, olderChainsMax),
    left: [],
    dropped: chains.slice(olderChainsMax).map(({ chain }) => chain),
  };
}

function isClosing({ suite }: RatchetOptions): boolean {
  return suite.oldChains === 'closed';
}

function tooFarAhead(): Result<never, RatchetRejection> {
  return err({ code: 'TOO_FAR_AHEAD' });
}

/** A message whose seed was stored when its chain went past it. */
function takeStored(
  state: RatchetState,
  stepping: Stepping,
): Result<ReceiveStep, RatchetRejection> {
  const { crypto, salt, options, header } = stepping;
  const entry = entryOf(state.cold.directory, header.ratchetKey, header.counter);
  if (entry === undefined && options.sabotage === 'derives-duplicates' && state.hot.receiving) {
    return advanceCurrent(state, state.hot.receiving, stepping);
  }
  if (entry === undefined) return err({ code: 'DUPLICATE' });
  if (isOutdated(entry, { ...stepping, limits: options.limits })) return err({ code: 'DUPLICATE' });
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

/** Seeds of one chain on their way into the store. */
interface ChainSeeds {
  readonly ratchetKey: Uint8Array;
  readonly seeds: readonly SkippedSeed[];
}

interface Settled {
  readonly state: RatchetState;
  readonly dropped: readonly Secret[];
  readonly created: readonly Secret[];
}

/** Counts the message, lets old blocks die and stores what was skipped. */
function settle(
  state: RatchetState,
  added: readonly ChainSeeds[],
  { crypto, elapsedMs, options }: Stepping,
): Settled {
  const { sabotage } = options;
  const receivedCount = state.hot.receivedCount + 1;
  const time = { receivedCount, elapsedMs, limits: limitsUnder(options) };
  const hot = { ...state.hot, receivedCount };
  const before = storeOf(state);
  const expired =
    sabotage === 'never-expires' ? { store: before, dropped: [] } : expireBlocks(before, time);
  let { store } = expired;
  if (store === before && added.every(({ seeds }) => seeds.length === 0)) {
    return { state: { ...state, hot }, dropped: [], created: [] };
  }
  const dropped: Secret[] = [...expired.dropped];
  // A seed that was made and dropped in this very step is in neither state.
  const made = new Set<Secret>();
  for (const { ratchetKey, seeds } of sabotage === 'forgets-skipped' ? [] : added) {
    if (seeds.length === 0) continue;
    for (const { seed } of seeds) made.add(seed);
    const change = addSeeds(store, { ...time, ratchetKey, seeds });
    store = change.store;
    for (const seed of change.dropped) {
      if (made.delete(seed)) crypto.wipe(seed);
      else dropped.push(seed);
    }
  }
  const settled = store === before ? { ...state, hot } : withStore({ ...state, hot }, store);
  return { state: settled, dropped, created: [...made] };
}

function limitsUnder({ limits, sabotage }: RatchetOptions): RatchetLimits {
  if (sabotage !== 'stores-without-limit') return limits;
  return { ...limits, skippedKeysMax: Infinity, blocksMax: Infinity };
}

/** Ratchet keys are public, so stopping early tells nobody anything. */
function isKey(key: Uint8Array, header: RatchetHeader): boolean {
  return compareBytes(key, header.ratchetKey) === 0;
}
