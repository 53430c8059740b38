import { describe, expect, test } from 'vitest';
import { ConformanceError, halfCommitting, STORE_CASES } from './conformance/index.ts';
import type { StoreMaker } from './conformance/index.ts';
import { createMemoryStore } from './memory-store.ts';
import type { MemoryStore } from './memory-store.ts';

function memoryMaker(): StoreMaker {
  const stores = new Map<unknown, MemoryStore>();
  return {
    make() {
      const store = createMemoryStore();
      stores.set(store, store);
      return store;
    },
    reopen(store) {
      const image = stores.get(store)?.image();
      store.close();
      return createMemoryStore(image);
    },
  };
}

describe('the memory store', () => {
  for (const { name, level, run } of STORE_CASES) {
    test(`${level}: ${name}`, () => run(memoryMaker()));
  }

  test('the suite catches a store that commits by halves', () => {
    const maker = { make: () => halfCommitting(createMemoryStore()) };
    const failed = STORE_CASES.filter(({ level, run }) => {
      if (level !== 'contract') return false;
      try {
        run(maker);
        return false;
      } catch (failure) {
        return failure instanceof ConformanceError;
      }
    });
    expect(failed.map(({ name }) => name)).toEqual([
      'a change that cannot be applied changes nothing at all',
    ]);
  });
});
