/**
 * MKSKIPPED in blocks: seeds of messages that were skipped and may still come. A block belongs to
 * one chain and is stored on its own, so that a late message rewrites 1 KB and not the whole store;
 * the directory in the cold state says which block could hold which message.
 */

import type { Secret } from '@simsim/crypto';
import { compareBytes, invariant } from '@simsim/bytes';
import type { RatchetLimits } from './limits.ts';

/** The seed of one skipped message. */
export interface SkippedSeed {
  readonly counter: number;
  readonly seed: Secret<'seed'>;
}

/** Up to 32 seeds of one chain, ascending by counter, never empty. */
export interface SkippedBlock {
  readonly id: number;
  /** The peer's ratchet key of the chain, 32 bytes. */
  readonly ratchetKey: Uint8Array;
  readonly seeds: readonly SkippedSeed[];
}

/** What is known of a block without loading it. */
export interface BlockEntry {
  readonly id: number;
  readonly ratchetKey: Uint8Array;
  /** Lowest counter the block may hold. */
  readonly from: number;
  /** Highest counter the block may hold. */
  readonly to: number;
  /** Seeds in the block when it was last added to: never less than there are. */
  readonly count: number;
  /** Messages the session had received when the block was born. */
  readonly bornAt: number;
  /** `elapsedMs` of that step, where the caller gives it. */
  readonly bornAtMs?: number | undefined;
}

/** By what a block's age is told. */
export interface BlockTime {
  readonly receivedCount: number;
  /**
   * Milliseconds on a clock that only goes forward, restarts included; the caller adds them up. Only
   * looked at under `blockLifeMs`.
   */
  readonly elapsedMs?: number | undefined;
  readonly limits: RatchetLimits;
}

/** The store of skipped keys: the directory and the loaded blocks. */
export interface SkippedStore {
  readonly directory: readonly BlockEntry[];
  readonly nextBlockId: number;
  readonly blocks: ReadonlyMap<number, SkippedBlock>;
}

/**
 * In place of a ratchet key: the post-quantum ratchet's one receiving chain of a session. No public
 * key looks like it, and none is ever taken for one.
 */
export const PQ_CHAIN_KEY: Uint8Array = new Uint8Array(32).fill(0xff);

/** Whether a key is {@link PQ_CHAIN_KEY}. */
export function isPqChain(ratchetKey: Uint8Array): boolean {
  return isSameKey(ratchetKey, PQ_CHAIN_KEY);
}

/** A changed store and the seeds that are in no block any more. */
export interface SkippedChange {
  readonly store: SkippedStore;
  readonly dropped: readonly Secret<'seed'>[];
}

/** The entry of the block that could hold a message's seed. Ranges of one chain do not overlap. */
export function entryOf(
  directory: readonly BlockEntry[],
  ratchetKey: Uint8Array,
  counter: number,
): BlockEntry | undefined {
  return directory.find(
    (entry) =>
      entry.from <= counter && counter <= entry.to && isSameKey(entry.ratchetKey, ratchetKey),
  );
}

/** The block of a chain that still takes seeds, if there is one: the chain's newest, young enough. */
export function openEntryOf(
  directory: readonly BlockEntry[],
  ratchetKey: Uint8Array,
  { receivedCount, limits }: { readonly receivedCount: number; readonly limits: RatchetLimits },
): BlockEntry | undefined {
  const newest = directory.findLast((entry) => isSameKey(entry.ratchetKey, ratchetKey));
  if (newest === undefined || newest.count >= limits.blockKeysMax) return undefined;
  return receivedCount - newest.bornAt <= limits.blockOpenMessages ? newest : undefined;
}

/** What {@link addSeeds} adds, and when. */
export interface AddedSeeds extends BlockTime {
  readonly ratchetKey: Uint8Array;
  /** Ascending, and above every counter stored for this chain before. */
  readonly seeds: readonly SkippedSeed[];
}

/** Stores seeds: first into the chain's open block where it is loaded, then into new ones. */
export function addSeeds(store: SkippedStore, added: AddedSeeds): SkippedChange {
  const { ratchetKey, seeds, receivedCount, elapsedMs, limits } = added;
  const directory = [...store.directory];
  const blocks = new Map(store.blocks);
  let { nextBlockId } = store;
  let at = 0;

  const open = openEntryOf(directory, ratchetKey, { receivedCount, limits });
  const openBlock = open && takesKeys(open, added) ? blocks.get(open.id) : undefined;
  if (open && openBlock) {
    const room = limits.blockKeysMax - openBlock.seeds.length;
    const block = { ...openBlock, seeds: [...openBlock.seeds, ...seeds.slice(0, room)] };
    at = Math.min(room, seeds.length);
    blocks.set(block.id, block);
    directory[directory.indexOf(open)] = entryFor(block, open);
  }
  for (; at < seeds.length; at += limits.blockKeysMax) {
    const block = {
      id: nextBlockId++,
      ratchetKey,
      seeds: seeds.slice(at, at + limits.blockKeysMax),
    };
    blocks.set(block.id, block);
    directory.push(entryFor(block, { bornAt: receivedCount, bornAtMs: elapsedMs }));
  }
  return dropOldest({ directory, nextBlockId, blocks }, limits);
}

/** Under a life in milliseconds a block past half of it takes no more: they would die too soon. */
function takesKeys(open: BlockEntry, { elapsedMs, limits }: BlockTime): boolean {
  const { blockLifeMs } = limits;
  if (blockLifeMs === undefined) return true;
  return !isOutdated(open, { elapsedMs, limits: { ...limits, blockLifeMs: blockLifeMs / 2 } });
}

/** Takes one seed out. The seed itself is the caller's now; an emptied block is gone. */
export function takeSeed(
  store: SkippedStore,
  block: SkippedBlock,
  { counter }: SkippedSeed,
): SkippedStore {
  const seeds = block.seeds.filter((stored) => stored.counter !== counter);
  const blocks = new Map(store.blocks);
  if (seeds.length > 0) {
    blocks.set(block.id, { ...block, seeds });
    return { ...store, blocks };
  }
  blocks.delete(block.id);
  return { ...store, directory: store.directory.filter(({ id }) => id !== block.id), blocks };
}

/** Drops the blocks whose life is over, in messages or in time; the same store if there are none. */
export function expireBlocks(store: SkippedStore, time: BlockTime): SkippedChange {
  let expired = 0;
  // Oldest first, so looking at the head is enough on every ordinary message.
  for (const { bornAt, bornAtMs } of store.directory) {
    const isYoung = time.receivedCount - bornAt <= time.limits.blockLifeMessages;
    if (isYoung && !isOutdated({ bornAtMs }, time)) break;
    expired += 1;
  }
  if (expired === 0) return { store, dropped: [] };
  return dropEntries(store, new Set(store.directory.slice(0, expired)));
}

/**
 * Whether a life in milliseconds is set and over. What was born without a time, or after `elapsedMs`
 * because the clock went back, has no known age and counts as over: the limit must hold.
 */
export function isOutdated(
  { bornAtMs }: { readonly bornAtMs?: number | undefined },
  { elapsedMs, limits: { blockLifeMs } }: Pick<BlockTime, 'elapsedMs' | 'limits'>,
): boolean {
  if (blockLifeMs === undefined) return false;
  invariant(elapsedMs !== undefined, 'a life in milliseconds needs the time in every step');
  const ageMs = bornAtMs === undefined ? -1 : elapsedMs - bornAtMs;
  return ageMs < 0 || ageMs > blockLifeMs;
}

/** Both kinds of keys have the limits for themselves: neither pushes out what the other needs. */
function dropOldest(store: SkippedStore, limits: RatchetLimits): SkippedChange {
  const kept = { pq: { keys: 0, blocks: 0 }, ratchet: { keys: 0, blocks: 0 } };
  const gone = new Set<BlockEntry>();
  for (const entry of store.directory.toReversed()) {
    const sum = isPqChain(entry.ratchetKey) ? kept.pq : kept.ratchet;
    sum.keys += entry.count;
    sum.blocks += 1;
    if (sum.keys > limits.skippedKeysMax || sum.blocks > limits.blocksMax) gone.add(entry);
  }
  return gone.size === 0 ? { store, dropped: [] } : dropEntries(store, gone);
}

function dropEntries(store: SkippedStore, gone: ReadonlySet<BlockEntry>): SkippedChange {
  const blocks = new Map(store.blocks);
  const dropped: Secret<'seed'>[] = [];
  for (const { id } of gone) {
    for (const { seed } of blocks.get(id)?.seeds ?? []) dropped.push(seed);
    blocks.delete(id);
  }
  const directory = store.directory.filter((entry) => !gone.has(entry));
  return { store: { ...store, directory, blocks }, dropped };
}

function entryFor(
  { id, ratchetKey, seeds }: SkippedBlock,
  { bornAt, bornAtMs }: Pick<BlockEntry, 'bornAt' | 'bornAtMs'>,
): BlockEntry {
  const from = seeds[0]?.counter ?? 0;
  const to = seeds.at(-1)?.counter ?? from;
  const entry = { id, ratchetKey, from, to, count: seeds.length, bornAt };
  return bornAtMs === undefined ? entry : { ...entry, bornAtMs };
}

/** Ratchet keys are public, so stopping early tells nobody anything. */
function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, b) === 0;
}
