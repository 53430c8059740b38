/** What a store must do with rows that are written again: meta, pruned and forgotten parts, names. */

import type { EventStore, ShrunkPart, StoreChange } from '../event-store.ts';
import { refuses, same } from '@simsim/bytes/conformance';
import { bytesOf, change, contentOf, eventRow, firstEvents, streamRow, tipAfter } from './rows.ts';
import type { BareCase } from './store-hooks.ts';

const DIGEST = bytesOf(32, 250);

function began(make: () => EventStore): EventStore {
  const store = make();
  same(store.commit({ ...firstEvents(3), streams: [streamRow(1)] }), DONE, 'the commit');
  return store;
}

const DONE = { kind: 'committed' };

/** A change of the store as it is after {@link began}. */
function later(more: Partial<StoreChange>): StoreChange {
  return change({ expectedTip: tipAfter(3), ...more });
}

/** Refuses each of them, and nothing of them is there. */
function refusesAll(store: EventStore, attempts: readonly Partial<StoreChange>[]): void {
  const before = contentOf(store);
  for (const attempt of attempts) {
    refuses(() => store.commit(later({ ...attempt, events: [eventRow(4)] })), 'what cannot be');
    same(contentOf(store), before, 'the store after refusing');
  }
}

const part = (seq: number): ShrunkPart => ({ seq, digest: DIGEST });

/** Cases of the contract. */
export const SHRINK_CASES: readonly BareCase[] = [
  {
    name: 'a meta row is replaced',
    run({ make }) {
      const store = make();
      for (const value of [bytesOf(3, 1), bytesOf(5, 2)]) {
        same(store.commit(change({ meta: [{ key: 'k', value }] })), DONE, 'the commit');
        same(store.meta('k'), value, 'the row');
      }
    },
  },
  {
    name: 'a sealed part shrinks to its digest once, and nothing else changes',
    run({ make }) {
      const store = began(make);
      same(store.commit(later({ pruned: [part(2)] })), DONE, 'the commit');
      same(store.event(2), { ...eventRow(2), sealed: DIGEST }, 'event 2');
      same([store.event(1), store.event(3)], [eventRow(1), eventRow(3)], 'the others');
      refusesAll(store, [{ pruned: [part(2)] }, { pruned: [part(9)] }]);
    },
  },
  {
    name: 'facts shrink to their digest once, and nothing else changes',
    run({ make }) {
      const store = began(make);
      same(store.commit(later({ forgotten: [part(2), part(3)] })), DONE, 'the commit');
      same(store.event(2), { ...eventRow(2), facts: DIGEST }, 'event 2');
      same([store.event(1)], [eventRow(1)], 'event 1');
      refusesAll(store, [{ forgotten: [part(2)] }, { forgotten: [part(9)] }]);
    },
  },
  {
    name: 'a stream gets another name and keeps its slot',
    run({ make }) {
      const store = began(make);
      const renamed = { id: 1, name: bytesOf(16, 90), label: bytesOf(40, 91) };
      same(store.commit(later({ renamed: [renamed] })), DONE, 'the commit');
      same(store.streamById(1), { ...streamRow(1), ...renamed }, 'the stream');
      same(store.streamByName(streamRow(1).name), undefined, 'the old name');
      same(store.streamByName(renamed.name)?.id, 1, 'the new name');
      same(store.commit(later({ streams: [streamRow(2)] })), DONE, 'another stream');
      const taken = { ...renamed, id: 2 };
      refusesAll(store, [{ renamed: [{ ...renamed, id: 7 }] }, { renamed: [taken] }]);
    },
  },
  {
    name: 'what is done under the lock takes effect as one, or not at all',
    run({ make }) {
      const store = began(make);
      const before = contentOf(store);
      refuses(
        () =>
          store.locked(() => {
            same(store.commit(later({ events: [eventRow(4)] })), DONE, 'the commit');
            same(store.tip(), tipAfter(4), 'the tip inside');
            refuses(() => store.commit(later({ pruned: [part(9)] })), 'a broken change');
            throw new Error('given up');
          }),
        'work that throws',
      );
      same(contentOf(store), before, 'the store after work that threw');
      const answer = store.locked(() => store.commit(later({ events: [eventRow(4)] })));
      same([answer, store.tip()], [DONE, tipAfter(4)], 'the answer and the tip');
    },
  },
  {
    name: 'a change that is refused under the lock leaves nothing, also where the work goes on',
    run({ make }) {
      const store = began(make);
      const before = contentOf(store);
      try {
        store.locked(() => {
          const half = later({ events: [eventRow(4)], pruned: [part(9)] });
          refuses(() => store.commit(half), 'a broken change');
        });
      } catch {
        // Refusing the work as a whole will do, too.
      }
      same(contentOf(store), before, 'the store');
    },
  },
  {
    name: 'the version stays while nobody else writes',
    run({ make }) {
      const store = began(make);
      same(store.version(), store.version(), 'the version');
    },
  },
];
