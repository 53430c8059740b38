import type { Secret } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import { describe, expect, it } from 'vitest';
import type { RatchetLimits } from './limits.ts';
import { defaultRatchetLimits } from './limits.ts';
import type { SkippedSeed, SkippedStore } from './skipped-blocks.ts';
import { addSeeds, entryOf, expireBlocks, openEntryOf, takeSeed } from './skipped-blocks.ts';

const empty: SkippedStore = { directory: [], nextBlockId: 0, blocks: new Map() };
const chainA = new Uint8Array(32).fill(1);
const chainB = new Uint8Array(32).fill(2);
const limits: RatchetLimits = { ...defaultRatchetLimits, blockKeysMax: 4 };

function seedsFrom(from: number, count: number): SkippedSeed[] {
  return Array.from({ length: count }, (_, i) => ({
    counter: from + i,
    seed: nobleCrypto.importSecret('seed', new Uint8Array(32).fill(from + i)),
  }));
}

function add(
  store: SkippedStore,
  seeds: SkippedSeed[],
  { ratchetKey = chainA, receivedCount = 1, limits: bounds = limits } = {},
): SkippedStore {
  return addSeeds(store, { ratchetKey, seeds, receivedCount, limits: bounds }).store;
}

function counters(store: SkippedStore): number[][] {
  return [...store.blocks.values()].map(({ seeds }) => seeds.map(({ counter }) => counter));
}

describe('blocks of skipped seeds', () => {
  it('are filled one after another', () => {
    const store = add(empty, seedsFrom(10, 9));
    expect(counters(store)).toEqual([[10, 11, 12, 13], [14, 15, 16, 17], [18]]);
    expect(store.directory.map(({ from, to, count }) => [from, to, count])).toEqual([
      [10, 13, 4],
      [14, 17, 4],
      [18, 18, 1],
    ]);
    expect(store.nextBlockId).toBe(3);
    expect(empty.directory).toEqual([]);
  });

  it('take later seeds of their chain while they are young and have room', () => {
    const store = add(empty, seedsFrom(0, 2), { receivedCount: 5 });
    const later = add(store, seedsFrom(7, 3), { receivedCount: 5 + limits.blockOpenMessages });
    expect(counters(later)).toEqual([[0, 1, 7, 8], [9]]);
    // The block keeps its birthday: its oldest keys must not live longer.
    expect(later.directory.map(({ bornAt }) => bornAt)).toEqual([5, 5 + limits.blockOpenMessages]);
    const tooLate = add(store, seedsFrom(7, 1), { receivedCount: 6 + limits.blockOpenMessages });
    expect(counters(tooLate)).toEqual([[0, 1], [7]]);
    expect(counters(add(store, seedsFrom(7, 1), { ratchetKey: chainB }))).toEqual([[0, 1], [7]]);
  });

  it('are left alone while they are not loaded', () => {
    const store = { ...add(empty, seedsFrom(0, 2)), blocks: new Map() };
    const later = add(store, seedsFrom(5, 1));
    expect(later.directory.map(({ id, from, to }) => [id, from, to])).toEqual([
      [0, 0, 1],
      [1, 5, 5],
    ]);
    expect([...later.blocks.keys()]).toEqual([1]);
  });

  it('are found by chain and range', () => {
    const store = add(add(empty, seedsFrom(0, 6)), seedsFrom(2, 1), { ratchetKey: chainB });
    expect(entryOf(store.directory, chainA, 3)?.id).toBe(0);
    expect(entryOf(store.directory, chainA, 4)?.id).toBe(1);
    expect(entryOf(store.directory, chainB, 2)?.id).toBe(2);
    expect(entryOf(store.directory, chainA, 6)).toBeUndefined();
    expect(entryOf(store.directory, chainB, 3)).toBeUndefined();
    expect(openEntryOf(store.directory, chainA, { receivedCount: 1, limits })?.id).toBe(1);
    const full = add(empty, seedsFrom(0, 4));
    expect(openEntryOf(full.directory, chainA, { receivedCount: 1, limits })).toBeUndefined();
  });

  it('lose a taken seed, and go with their last one', () => {
    const store = add(empty, seedsFrom(0, 2));
    const [block] = store.blocks.values();
    const [first, second] = block?.seeds ?? [];
    if (!block || !first || !second) throw new Error('two seeds are stored');
    const rest = takeSeed(store, block, first);
    expect(counters(rest)).toEqual([[1]]);
    expect(rest.directory).toBe(store.directory);
    const [smaller] = rest.blocks.values();
    const gone = smaller && takeSeed(rest, smaller, second);
    expect(gone).toEqual({ directory: [], nextBlockId: 1, blocks: new Map() });
    expect(counters(store)).toEqual([[0, 1]]);
  });

  it('die after exactly their life', () => {
    const store = add(empty, seedsFrom(0, 2), { receivedCount: 10 });
    const last = 10 + limits.blockLifeMessages;
    expect(expireBlocks(store, { receivedCount: last, limits }).store).toBe(store);
    const { store: left, dropped } = expireBlocks(store, { receivedCount: last + 1, limits });
    expect(left.directory).toEqual([]);
    expect(left.blocks.size).toBe(0);
    const seeds: Secret[] = [...store.blocks.values()].flatMap((b) => b.seeds.map((s) => s.seed));
    expect(dropped).toEqual(seeds);
  });

  it('are dropped oldest first where there are too many keys or too many blocks', () => {
    const eight = add(add(empty, seedsFrom(0, 4)), seedsFrom(4, 4));
    const few = { ...limits, skippedKeysMax: 8 };
    expect(counters(add(eight, seedsFrom(8, 1), { limits: few }))).toEqual([[4, 5, 6, 7], [8]]);
    const exactly = { ...limits, skippedKeysMax: 9 };
    expect(counters(add(eight, seedsFrom(8, 1), { limits: exactly }))).toHaveLength(3);
    const oneBlock = { ...limits, blocksMax: 1 };
    expect(counters(add(eight, seedsFrom(8, 1), { limits: oneBlock }))).toEqual([[8]]);
    const change = addSeeds(empty, {
      ratchetKey: chainA,
      seeds: seedsFrom(0, 6),
      receivedCount: 1,
      limits: oneBlock,
    });
    expect(counters(change.store)).toEqual([[4, 5]]);
    expect(change.dropped).toHaveLength(4);
  });
});
