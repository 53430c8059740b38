/**
 * Level L0, the contract: what a store must do while its process lives. Needs nothing but a way to
 * make an empty store.
 */

import type { EventStore } from '../event-store.ts';
import { refuses, same } from '@simsim/bytes/conformance';
import {
  bytesOf,
  change,
  EMPTY_TIP,
  committed,
  contentOf,
  eventRow,
  firstEvents,
  fullChange,
  headChange,
  inboxRow,
  LATE,
  NAME_A,
  NAME_B,
  nextChange,
  outboxRow,
  streamRow,
  tipAfter,
} from './rows.ts';
import { SHRINK_CASES } from './shrink-cases.ts';
import type { BareCase } from './store-hooks.ts';

/** A store must answer for what it refuses: nothing of the change may be there. */
function changesNothing(store: EventStore, attempt: () => unknown, what: string): void {
  const before = contentOf(store);
  refuses(attempt, what);
  same(contentOf(store), before, `the store after refusing: ${what}`);
}

/** The contract, case by case. */
export const CONTRACT_CASES: readonly BareCase[] = [
  {
    name: 'an empty store has the empty tip and finds nothing',
    run({ make }) {
      const store = make();
      same(store.tip(), EMPTY_TIP, 'the tip');
      same(store.event(1), undefined, 'event 1');
      same([...store.events(1, 10)], [], 'events');
      same(store.streamMax(), 0, 'the highest stream');
      same(store.seenUpto(), 0, 'the last run');
      same(store.meta('format'), undefined, 'meta');
      same([store.streamById(1), store.head(1)], [undefined, undefined], 'stream 1');
      same([store.record(NAME_A), store.data(NAME_A)], [undefined, undefined], 'names');
    },
  },
  {
    name: 'a commit is read back byte for byte',
    run({ make }) {
      const store = make();
      committed(store, fullChange());
      same(store.tip(), tipAfter(3), 'the tip');
      same(
        [...store.events(1, 3)],
        [1, 2, 3].map((seq) => eventRow(seq)),
        'events',
      );
      same(store.event(2), eventRow(2), 'event 2');
      same(store.streamById(1), streamRow(1), 'the stream by id');
      same(store.streamByName(streamRow(1).name), streamRow(1), 'the stream by name');
      same(store.head(1), { stream: 1, version: 3, seq: 3, sealed: 3, state: 0 }, 'the head');
      same(store.record(NAME_A), bytesOf(10, 1), 'the record');
      same(store.data(NAME_B), bytesOf(5000, 2), 'the application row');
      same(store.data(NAME_A), bytesOf(20, 7), 'one that is called as a record');
      same([...store.outbox()], [outboxRow(1), outboxRow(2)], 'the outbox');
      same([...store.inbox()], [inboxRow(1)], 'the inbox');
      same([...store.seenRuns()], [{ upto: 3, until: LATE, ids: bytesOf(16, 3) }], 'the runs');
      same(store.meta('format'), Uint8Array.of(1), 'meta');
    },
  },
  {
    name: 'a commit on another tip answers the tip and changes nothing',
    run({ make }) {
      const store = make();
      committed(store, fullChange());
      const before = contentOf(store);
      const wrongTips = [EMPTY_TIP, { seq: 3, hash: bytesOf(32, 77) }, tipAfter(2)];
      for (const expectedTip of wrongTips) {
        const rows = { meta: [{ key: 'rows', value: bytesOf(8, 9) }], outboxFreed: [1] };
        for (const more of [{ events: [eventRow(4)] }, rows]) {
          const answer = store.commit(change({ expectedTip, ...more }));
          same(answer, { kind: 'moved', tip: tipAfter(3) }, 'the answer');
          same(contentOf(store), before, 'the store');
        }
      }
    },
  },
  {
    name: 'a change that cannot be applied changes nothing at all',
    run({ make }) {
      const store = make();
      committed(store, fullChange());
      const { heads: _, ...good } = nextChange(3);
      const wrongHead = headChange(1, { version: 9, expectedVersion: 8 });
      changesNothing(
        store,
        () => store.commit(change({ ...good, heads: [wrongHead] })),
        'a wrong head',
      );
      const unknownHead = headChange(7, { version: 2, expectedVersion: 1 });
      changesNothing(
        store,
        () => store.commit(change({ ...good, heads: [unknownHead] })),
        'no head',
      );
      const secondHead = headChange(1, { version: 4, expectedVersion: 0 });
      changesNothing(
        store,
        () => store.commit(change({ ...good, heads: [secondHead] })),
        'a head that is there',
      );
      const twins = [streamRow(2), streamRow(3, { name: streamRow(2).name })];
      changesNothing(
        store,
        () => store.commit(change({ ...good, streams: twins })),
        'one name for two',
      );
      const twin = streamRow(2, { name: streamRow(1).name });
      changesNothing(
        store,
        () => store.commit(change({ ...good, streams: [twin] })),
        'a second name',
      );
      const again = { ...good, events: [eventRow(3)] };
      changesNothing(store, () => store.commit(change(again)), 'an event that is there');
    },
  },
  {
    name: 'queue rows are freed, retried and overwritten in one change',
    run({ make }) {
      const store = make();
      committed(store, fullChange());
      const renewed = outboxRow(1, { post: bytesOf(16, 60), seq: 9 });
      committed(
        store,
        change({
          expectedTip: tipAfter(3),
          outboxFreed: [1],
          outbox: [renewed],
          outboxRetry: [{ slot: 2, due: LATE, tries: 3 }],
          inboxFreed: [1],
          inbox: [inboxRow(2)],
        }),
      );
      same([...store.outbox()], [outboxRow(2, { due: LATE, tries: 3 }), renewed], 'the outbox');
      same([...store.inbox()], [inboxRow(2)], 'the inbox');
      const again = inboxRow(2, { id: bytesOf(16, 61) });
      committed(store, change({ expectedTip: tipAfter(3), inboxFreed: [2], inbox: [again] }));
      same([...store.inbox()], [again], 'the inbox with another mail in its row');
      committed(store, change({ expectedTip: tipAfter(3), outboxFreed: [1, 2], inboxFreed: [2] }));
      same([[...store.outbox()], [...store.inbox()]], [[], []], 'the emptied queues');
    },
  },
  {
    name: 'queues come by seq, then slot',
    run({ make }) {
      const store = make();
      const rows = [outboxRow(5), outboxRow(1, { seq: 2 }), outboxRow(3), outboxRow(2, { seq: 0 })];
      committed(store, { ...firstEvents(1), outbox: rows });
      same(
        [...store.outbox()].map(({ slot }) => slot),
        [2, 3, 5, 1],
        'the order',
      );
    },
  },
  {
    name: 'records and application rows are replaced and removed',
    run({ make }) {
      const store = make();
      for (const table of ['records', 'data'] as const) {
        const read = (name: Uint8Array): Uint8Array | undefined =>
          table === 'records' ? store.record(name) : store.data(name);
        const put = (name: Uint8Array, value: Uint8Array | undefined): void =>
          committed(store, change({ [table]: [{ name, value }] }));
        put(NAME_A, bytesOf(3, 1));
        put(NAME_B, bytesOf(4, 2));
        put(NAME_A, bytesOf(2000, 3));
        same([read(NAME_A), read(NAME_B)], [bytesOf(2000, 3), bytesOf(4, 2)], table);
        put(NAME_A, undefined);
        put(NAME_A, undefined);
        same([read(NAME_A), read(NAME_B)], [undefined, bytesOf(4, 2)], table);
      }
    },
  },
  {
    name: 'dedupe runs end when they expire, not before',
    run({ make }) {
      const store = make();
      const runs = [10, 20, 30].map((until, i) => ({ upto: i + 1, until, ids: bytesOf(8, i) }));
      committed(store, { ...firstEvents(3), seenRuns: runs });
      committed(store, change({ expectedTip: tipAfter(3), seenExpireBefore: 20 }));
      same([...store.seenRuns()], runs.slice(1), 'runs after expiry');
      same(store.seenUpto(), 3, 'the last run');
      committed(store, change({ expectedTip: tipAfter(3) }));
      same([...store.seenRuns()], runs.slice(1), 'runs without expiry');
    },
  },
  {
    name: 'long tables are read whole and in order',
    run({ make }) {
      const store = make();
      const count = 700;
      const ids = Array.from({ length: count }, (_, i) => i + 1);
      const name = (id: number): Uint8Array => {
        const bytes = new Uint8Array(16);
        new DataView(bytes.buffer).setUint32(0, (id * 2654435761) >>> 0);
        return bytes;
      };
      committed(store, {
        ...firstEvents(count),
        streams: ids
          .map((id) => streamRow(id, { name: name(id), slot: id % 2 ? undefined : id }))
          .reverse(),
        heads: ids.map((id) => headChange(id)).reverse(),
        data: ids.map((id) => ({ name: name(id), value: name(id) })),
      });
      same(
        [...store.events(1, count)].map(({ seq }) => seq),
        ids,
        'events',
      );
      same(
        [...store.events(255, 259)].map(({ seq }) => seq),
        [255, 256, 257, 258, 259],
        'a range',
      );
      same(
        [...store.events(699, 10_000)].map(({ seq }) => seq),
        [699, 700],
        'a range past the end',
      );
      same(
        [...store.streams()].map(({ id }) => id),
        ids,
        'streams',
      );
      same(
        [...store.publicStreams()].map(({ id }) => id),
        ids.filter((id) => id % 2),
        'public streams',
      );
      same(
        [...store.heads()].map(({ stream }) => stream),
        ids,
        'heads',
      );
      same([...store.dataRows()].length, count, 'application rows');
      same(store.streamMax(), count, 'the highest stream');
    },
  },
  {
    name: 'a stream may take its slot later',
    run({ make }) {
      const store = make();
      committed(store, { ...firstEvents(1), streams: [streamRow(1, { slot: undefined })] });
      committed(store, change({ expectedTip: tipAfter(1), streams: [streamRow(1, { slot: 44 })] }));
      same(store.streamById(1), streamRow(1, { slot: 44 }), 'the stream');
      same([...store.publicStreams()], [], 'public streams');
    },
  },
  {
    name: 'empty and large blobs, and times of any age, are kept',
    run({ make }) {
      const store = make();
      const odd = eventRow(1, { facts: new Uint8Array(0), sealed: bytesOf(100_000, 5), at: 0 });
      const late = eventRow(2, { at: 2 ** 53 - 1, sealed: undefined });
      committed(store, { ...firstEvents(2), events: [odd, late] });
      same([store.event(1), store.event(2)], [odd, late], 'events');
    },
  },
  {
    name: 'what was answered stays what it was',
    run({ make }) {
      const store = make();
      committed(store, fullChange());
      const [tip, head, record] = [store.tip(), store.head(1), store.record(NAME_A)];
      const [meta, outbox] = [store.meta('rows'), [...store.outbox()]];
      committed(store, nextChange(3));
      same(store.tip(), tipAfter(4), 'the tip');
      same([tip, record, meta], [tipAfter(3), bytesOf(10, 1), bytesOf(8, 3)], 'the bytes');
      same(head, { stream: 1, version: 3, seq: 3, sealed: 3, state: 0 }, 'the head');
      same(outbox, [outboxRow(1), outboxRow(2)], 'the outbox');
    },
  },
  {
    name: 'a snapshot answers what its reading answers',
    run({ make }) {
      const store = make();
      committed(store, firstEvents(2));
      same(
        store.snapshot(() => store.snapshot(() => store.tip().seq)),
        2,
        'a nested snapshot',
      );
    },
  },
  ...SHRINK_CASES,
];
