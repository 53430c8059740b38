/**
 * The symmetric half of Signal's post-quantum ratchet (SPQR): two chains from the handshake's third
 * output, one for each direction, whose keys salt the message keys of a session.
 *
 * This end takes part passively: it never starts an epoch of ML-KEM keys, so both chains run for the
 * life of the session. Peers accept that. It gives NO post-quantum healing: whoever reads this state
 * once follows the chains from there on.
 *
 * Spec: signal-wire b.8; SPQ-2 to SPQ-5 for the one epoch there is.
 */

import type { Result } from '@simsim/bytes';
import { concatBytes, createWriter, encodeUtf8, err, ok } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import type { RatchetOptions } from './ratchet-env.ts';
import type { Chain, RatchetRejection, RatchetState } from './ratchet-state.ts';
import { storeOf, withStore } from './ratchet-state.ts';
import type { SkippedSeed } from './skipped-blocks.ts';
import {
  PQ_CHAIN_KEY,
  addSeeds,
  entryOf,
  isOutdated,
  openEntryOf,
  takeSeed,
} from './skipped-blocks.ts';

/** Both chains of a session. A counter is the index of the last key taken; the first key is 1. */
export interface PqChains {
  readonly sending: Chain;
  readonly receiving: Chain;
}

/** The next chains and the key of one message to send. */
export interface PqSendStep {
  readonly chains: PqChains;
  /** For one message; whoever encrypts wipes it. */
  readonly salt: Secret<'seed'>;
  readonly index: number;
  readonly consumed: readonly Secret[];
}

/** A proposed state, as {@link ReceiveStep} is one, and the key of one received message. */
export interface PqReceiveStep {
  readonly chains: PqChains;
  /** With the skipped keys that came or went; hot state and older chains as before. */
  readonly state: RatchetState;
  readonly salt: Secret<'seed'>;
  /** Secrets of the old state that the new one lacks: wipe once the new one is committed. */
  readonly consumed: readonly Secret[];
  /** Secrets of the new state that the old one lacks: wipe when the message turns out forged. */
  readonly created: readonly Secret[];
  /** Whether the key was made in this step: it is in neither state, so wipe it after use. */
  readonly isSaltFresh: boolean;
}

/** What {@link pqReceive} needs. */
export interface PqReceiveEnv {
  readonly crypto: Crypto;
  /** See {@link BlockTime}; needed only under `blockLifeMs`. */
  readonly elapsedMs?: number | undefined;
  readonly options: RatchetOptions;
}

/** The peer's label has two blanks here. */
const START_INFO = encodeUtf8('Signal PQ Ratchet V1 Chain  Start');
const NEXT_INFO = encodeUtf8('Signal PQ Ratchet V1 Chain Next');

/**
 * The chains of a new session. The authentication key stays the caller's; the root of later epochs
 * is wiped, as there will be none.
 */
export function startPqChains(
  auth: Secret<'pqAuth'>,
  role: 'initiator' | 'responder',
  crypto: Crypto,
): PqChains {
  const [nextRoot, a2b, b2a] = crypto.hkdf([auth], undefined, START_INFO, [
    'root',
    'chain',
    'chain',
  ]);
  crypto.wipe(nextRoot);
  const [own, peer] = role === 'initiator' ? [a2b, b2a] : [b2a, a2b];
  return { sending: { chain: own, counter: 0 }, receiving: { chain: peer, counter: 0 } };
}

/**
 * Takes the next key of the sending chain.
 *
 * Consumes: the chain key.   Rejects: `CHAIN_EXHAUSTED`.
 */
export function pqSend(
  chains: PqChains,
  { crypto, options }: { readonly crypto: Crypto; readonly options: RatchetOptions },
): Result<PqSendStep, RatchetRejection> {
  const { sending } = chains;
  if (sending.counter >= options.limits.chainMessagesMax) return err({ code: 'CHAIN_EXHAUSTED' });
  const { chain, key } = nextKey(sending, crypto);
  return ok({
    chains: { ...chains, sending: chain },
    salt: key,
    index: chain.counter,
    consumed: [sending.chain],
  });
}

/**
 * Finds or derives the key that a message names by its index.
 *
 * Limits: skips at most `pqForwardJumpMax`, checked before anything is derived.
 * Rejects: `DUPLICATE`, `BLOCKS_NEEDED`, `TOO_FAR_AHEAD`, `CHAIN_EXHAUSTED`; nothing is left behind.
 */
export function pqReceive(
  state: RatchetState,
  { chains, index }: { readonly chains: PqChains; readonly index: number },
  { crypto, elapsedMs, options }: PqReceiveEnv,
): Result<PqReceiveStep, RatchetRejection> {
  const { limits, sabotage } = options;
  const { receiving } = chains;
  if (index > limits.chainMessagesMax) return err({ code: 'CHAIN_EXHAUSTED' });
  if (index <= receiving.counter) return takeStored(state, { chains, index, elapsedMs, options });
  const isTooFar = index - receiving.counter - 1 > limits.pqForwardJumpMax;
  if (isTooFar && sabotage !== 'jumps-without-limit') return err({ code: 'TOO_FAR_AHEAD' });
  const walked = walk(receiving, { index, crypto, options });
  const { seeds, next, salt } = walked;
  const change = addSeeds(storeOf(state), {
    ratchetKey: PQ_CHAIN_KEY,
    seeds,
    receivedCount: state.hot.receivedCount + 1,
    elapsedMs,
    limits,
  });
  const made = new Set<Secret>(seeds.map(({ seed }) => seed));
  const dropped: Secret[] = [];
  for (const seed of change.dropped) {
    if (made.delete(seed)) crypto.wipe(seed);
    else dropped.push(seed);
  }
  return ok({
    chains: { ...chains, receiving: next },
    state: seeds.length === 0 ? state : withStore(state, change.store),
    salt,
    consumed: [receiving.chain, ...dropped],
    created: [next.chain, ...made],
    isSaltFresh: true,
  });
}

/** Ids of stored blocks that {@link pqReceive} wants loaded, needed or welcome. No cryptography. */
export function pqBlocksToLoad(
  { hot, cold }: Pick<RatchetState, 'hot' | 'cold'>,
  { chains, index }: { readonly chains: PqChains; readonly index: number },
  { limits }: RatchetOptions,
): readonly number[] {
  const { counter } = chains.receiving;
  if (index === counter + 1) return [];
  const receivedCount = hot.receivedCount + 1;
  const entry =
    index > counter
      ? openEntryOf(cold.directory, PQ_CHAIN_KEY, { receivedCount, limits })
      : entryOf(cold.directory, PQ_CHAIN_KEY, index);
  return entry === undefined ? [] : [entry.id];
}

function takeStored(
  state: RatchetState,
  {
    chains,
    index,
    elapsedMs,
    options,
  }: Omit<PqReceiveEnv, 'crypto'> & { readonly chains: PqChains; readonly index: number },
): Result<PqReceiveStep, RatchetRejection> {
  const entry = entryOf(state.cold.directory, PQ_CHAIN_KEY, index);
  if (entry === undefined) return err({ code: 'DUPLICATE' });
  const { limits } = options;
  if (isOutdated(entry, { elapsedMs, limits })) return err({ code: 'DUPLICATE' });
  const block = state.blocks.get(entry.id);
  if (block === undefined) return err({ code: 'BLOCKS_NEEDED', blocks: [entry.id] });
  const stored = block.seeds.find(({ counter }) => counter === index);
  if (stored === undefined) return err({ code: 'DUPLICATE' });
  const isKept = options.sabotage === 'keeps-used-seed';
  const store = isKept ? storeOf(state) : takeSeed(storeOf(state), block, stored);
  return ok({
    chains,
    state: withStore(state, store),
    salt: stored.seed,
    consumed: isKept ? [] : [stored.seed],
    created: [],
    isSaltFresh: false,
  });
}

interface Walk {
  readonly seeds: readonly SkippedSeed[];
  readonly next: Chain;
  readonly salt: Secret<'seed'>;
}

/** Walks to the named index, keeping the keys it passes. Leaves `from` usable. */
function walk(
  from: Chain,
  {
    index,
    crypto,
    options,
  }: { readonly index: number; readonly crypto: Crypto; readonly options: RatchetOptions },
): Walk {
  const seeds: SkippedSeed[] = [];
  let at = from;
  for (;;) {
    const { chain, key } = nextKey(at, crypto);
    if (at !== from) crypto.wipe(at.chain);
    at = chain;
    if (at.counter === index) return { seeds, next: at, salt: key };
    // More than the session may keep would be dropped again at once.
    if (index - at.counter > options.limits.skippedKeysMax) crypto.wipe(key);
    else seeds.push({ counter: at.counter, seed: key });
  }
}

function nextKey(
  { chain, counter }: Chain,
  crypto: Crypto,
): { readonly chain: Chain; readonly key: Secret<'seed'> } {
  const index = createWriter(4)
    .u32(counter + 1)
    .finish();
  const info = concatBytes([index, NEXT_INFO]);
  const [next, key] = crypto.hkdf([chain], undefined, info, ['chain', 'seed']);
  return { chain: { chain: next, counter: counter + 1 }, key };
}
