import { describe, expect, test } from 'vitest';
import {
  answeringEarly,
  halfCommitting,
  proveStore,
  restoringNewest,
  storeConformance,
} from './conformance/index.ts';
import type { StoreHooks } from './conformance/index.ts';
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
});
