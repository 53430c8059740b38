import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  answeringEarly,
  halfCommitting,
  proveStore,
  restoringNewest,
  storeConformance,
} from './conformance/index.ts';
import type { StoreHooks } from './conformance/index.ts';
import { NO_CHANGE } from './event-store.ts';
import type { EventStore } from './event-store.ts';
import { createMemoryStore } from './memory-store.ts';
import type { MemorySnapshot, MemoryStore } from './memory-store.ts';

/** A killed process leaves what its store had committed; there is nothing between two commits. */
function memoryHooks(): StoreHooks<MemorySnapshot> {
  const stores = new Map<EventStore, MemoryStore>();
  const known = (store: MemoryStore): EventStore => {
    stores.set(store, store);
    return store;
  };
  const imageOf = (store: EventStore): MemorySnapshot => {
    const image = stores.get(store)?.image();
    if (image === undefined) throw new Error('a store of ours');
    return image;
  };
  return {
    make: () => known(createMemoryStore()),
    crash: (store) => known(createMemoryStore(imageOf(store))),
    crashInside(store, change, moment) {
      if (moment > 1) return undefined;
      if (moment === 1) store.commit(change);
      return known(createMemoryStore(imageOf(store)));
    },
    snapshot: imageOf,
    restore: (image) => known(createMemoryStore(image)),
  };
}

/** The hooks over stores that are broken on their way out. */
function broken(
  hooks: StoreHooks<MemorySnapshot>,
  wrap: (store: EventStore) => EventStore,
): StoreHooks<MemorySnapshot> {
  const inner = new Map<EventStore, EventStore>();
  const wrapped = (store: EventStore): EventStore => {
    const outside = wrap(store);
    inner.set(outside, store);
    return outside;
  };
  const { make, crash, crashInside } = hooks;
  if (crash === undefined || crashInside === undefined) return hooks;
  return {
    make: () => wrapped(make()),
    crash: (store) => wrapped(crash(inner.get(store) ?? store)),
    crashInside(store, change, moment) {
      const left = crashInside(inner.get(store) ?? store, change, moment);
      return left && wrapped(left);
    },
  };
}

describe('the memory store', () => {
  for (const { name, level, run } of storeConformance(memoryHooks())) {
    test(`${level}: ${name}`, run);
  }

  test('has no power to lose, and is proved up to there', () => {
    expect(proveStore(memoryHooks())).toEqual({ level: 'L2', failed: [], notRun: ['L3'] });
  });

  test('a store of which nothing is known but how to make it reaches L0', () => {
    const report = proveStore({ make: createMemoryStore });
    expect(report).toEqual({ level: 'L0', failed: [], notRun: ['L1', 'L2', 'L3'] });
  });
});

describe('the suite catches a store that', () => {
  test('commits by halves: not even L0', () => {
    const report = proveStore({ make: () => halfCommitting(createMemoryStore()) });
    expect(report.level).toBeUndefined();
    expect(report.failed.map(({ name }) => name)).toContain(
      'a change that cannot be applied changes nothing at all',
    );
  });

  test('answers before a commit lasts: L0 at most', () => {
    const hooks = memoryHooks();
    const early = broken(hooks, (store) => {
      const image = hooks.snapshot?.(store);
      return answeringEarly(store, createMemoryStore(image));
    });
    const { level, failed } = proveStore(early);
    expect(level).toBe('L0');
    expect(new Set(failed.map((each) => each.level))).toEqual(new Set(['L1']));
  });

  test('brings back what is newest instead of what was asked for: L1 at most', () => {
    const { level, failed } = proveStore(restoringNewest(memoryHooks()));
    expect(level).toBe('L1');
    expect(failed.map(({ name }) => name)).toContain(
      'a store that was put back answers its own tip, not the later one',
    );
  });

  const wrong: Readonly<Record<string, (store: MemoryStore) => EventStore>> = {
    'takes rows without events on any tip': (store) => ({
      ...store,
      commit: (change) =>
        store.commit(change.events.length > 0 ? change : { ...change, expectedTip: store.tip() }),
    }),
    'keeps meta of a change it refuses': (store) => ({
      ...store,
      commit(change) {
        const expectedTip = store.tip();
        const isExpected = isDeepStrictEqual(change.expectedTip, expectedTip);
        if (isExpected) store.commit({ ...NO_CHANGE, expectedTip, meta: change.meta });
        return store.commit(change);
      },
    }),
    'puts a head where there is one': (store) => ({
      ...store,
      commit: (change) =>
        store.commit({
          ...change,
          heads: change.heads.map((head) =>
            head.expectedVersion === 0
              ? { ...head, expectedVersion: store.head(head.stream)?.version ?? 0 }
              : head,
          ),
        }),
    }),
    'frees mail after it has put it': (store) => ({
      ...store,
      commit(change) {
        const inbox = change.inbox.filter(({ slot }) => !change.inboxFreed.includes(slot));
        return store.commit({ ...change, inbox });
      },
    }),
    'answers a tip that goes on': (store) => {
      const tip: { seq: number; hash: Uint8Array } = { seq: 0, hash: new Uint8Array(0) };
      return { ...store, tip: () => Object.assign(tip, store.tip()) };
    },
    'has 32 bits for the time of a retry': (store) => ({
      ...store,
      commit: (change) =>
        store.commit({
          ...change,
          outboxRetry: change.outboxRetry.map((row) => ({ ...row, due: row.due | 0 })),
        }),
    }),
    'leaves half of a change that is refused under the lock': (store) => {
      let isLocked = false;
      return {
        ...store,
        commit(change) {
          if (!isLocked) return store.commit(change);
          const answer = store.commit({ ...change, pruned: [] });
          if (change.pruned.length > 0) throw new Error('no such event');
          return answer;
        },
        locked(work) {
          isLocked = true;
          try {
            return store.locked(work);
          } finally {
            isLocked = false;
          }
        },
      };
    },
  };

  test.each(Object.keys(wrong))('%s: not even L0', (what) => {
    const make = (): EventStore => wrong[what]?.(createMemoryStore()) ?? createMemoryStore();
    expect(proveStore({ make }).level).toBeUndefined();
  });

  test('loses a row of meta with its process: L0 at most', () => {
    const hooks = memoryHooks();
    const { snapshot, restore } = hooks;
    if (snapshot === undefined || restore === undefined) throw new Error('hooks of ours');
    const { level } = proveStore({
      ...hooks,
      crash(store) {
        const image = snapshot(store);
        return restore({
          ...image,
          meta: new Map([...image.meta].filter(([key]) => key !== 'rows')),
        });
      },
    });
    expect(level).toBe('L0');
  });

  test('shows another process what is not done, or lets it write meanwhile', () => {
    const report = proveStore({ make: createMemoryStore, beside: (store) => ({ ...store }) });
    expect(report.failed.map(({ name }) => name)).toEqual([
      'a snapshot is of one moment, whatever another process commits',
      expect.stringContaining('nobody commits meanwhile'),
    ]);
  });
});
