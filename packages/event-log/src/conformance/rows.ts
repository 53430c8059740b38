/** Rows and changes for the conformance cases. */

import { NO_CHANGE } from '../event-store.ts';
import type {
  EventReader,
  EventRow,
  EventStore,
  HeadChange,
  InboxRow,
  OutboxRow,
  StoreChange,
  StreamRow,
  Tip,
} from '../event-store.ts';
import { same } from '@simsim/bytes/conformance';

/** Bytes that say which row and column they belong to. */
export function bytesOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7 + 1) & 0xff);
}

/** The tip of an empty store. */
export const EMPTY_TIP: Tip = { seq: 0, hash: new Uint8Array(0) };

/** An event; every third has no sealed part. */
export function eventRow(seq: number, more: Partial<EventRow> = {}): EventRow {
  return {
    seq,
    stream: 1,
    version: seq,
    prev: seq - 1,
    kind: 0x10203,
    at: 1_700_000_000_000 + seq,
    facts: bytesOf(40, seq),
    sealed: seq % 3 === 0 ? undefined : bytesOf(60, seq + 1),
    hash: bytesOf(32, seq + 2),
    ...more,
  };
}

/** A stream. */
export function streamRow(id: number, more: Partial<StreamRow> = {}): StreamRow {
  return { id, name: bytesOf(16, id), label: bytesOf(50, id), slot: id + 3, ...more };
}

/** A head that a stream's first event makes. */
export function headChange(stream: number, more: Partial<HeadChange> = {}): HeadChange {
  return { stream, version: 1, seq: 1, sealed: 1, state: 0, expectedVersion: 0, ...more };
}

/** A pending post. */
export function outboxRow(slot: number, more: Partial<OutboxRow> = {}): OutboxRow {
  const base = { slot, post: bytesOf(16, slot), seq: 1, due: undefined, tries: 0 };
  return { ...base, body: bytesOf(300, slot), ...more };
}

/** Pending mail. */
export function inboxRow(slot: number, more: Partial<InboxRow> = {}): InboxRow {
  const base = { slot, id: bytesOf(16, slot + 100), seq: 1, epoch: 9 };
  return { ...base, body: bytesOf(200, slot), ...more };
}

/** A change that does nothing but what is given. */
export function change(more: Partial<StoreChange>): StoreChange {
  return { ...NO_CHANGE, expectedTip: EMPTY_TIP, ...more };
}

/** Events 1 … `count` of stream 1, in one change. */
export function firstEvents(count: number): StoreChange {
  const events = Array.from({ length: count }, (_, i) => eventRow(i + 1));
  return change({
    events,
    streams: [streamRow(1)],
    heads: [headChange(1, { version: count, seq: count, sealed: count })],
  });
}

/** The tip after {@link firstEvents}. */
export function tipAfter(count: number): Tip {
  return { seq: count, hash: eventRow(count).hash };
}

/** A name. */
export const NAME_A: Uint8Array = bytesOf(16, 200);
/** The other one. */
export const NAME_B: Uint8Array = bytesOf(16, 201);

/** A time of our days, in wall ms: more than 32 bits. */
export const LATE = 1_900_000_000_000;

/** One change of an empty store that touches every table. */
export function fullChange(): StoreChange {
  return {
    ...firstEvents(3),
    records: [{ name: NAME_A, value: bytesOf(10, 1) }],
    data: [
      { name: NAME_A, value: bytesOf(20, 7) },
      { name: NAME_B, value: bytesOf(5000, 2) },
    ],
    outbox: [outboxRow(1), outboxRow(2)],
    inbox: [inboxRow(1)],
    seenRuns: [{ upto: 3, until: LATE, ids: bytesOf(16, 3) }],
    meta: [
      { key: 'format', value: Uint8Array.of(1) },
      { key: 'rows', value: bytesOf(8, 3) },
    ],
  };
}

/** One that follows when the tip is event `seq` of stream 1, and touches most tables as well. */
export function nextChange(seq: number): StoreChange {
  const next = seq + 1;
  return change({
    expectedTip: tipAfter(seq),
    events: [eventRow(next)],
    heads: [headChange(1, { version: next, seq: next, sealed: next, expectedVersion: seq })],
    records: [{ name: NAME_A, value: bytesOf(10 + next, next) }],
    data: [{ name: NAME_B, value: bytesOf(700, next) }],
    outboxFreed: [1],
    outbox: [outboxRow(3, { post: bytesOf(16, next), seq: next })],
    outboxRetry: [{ slot: 2, due: LATE + next, tries: next }],
    inboxFreed: [1],
    inbox: [inboxRow(2, { id: bytesOf(16, next + 90), seq: next })],
    seenRuns: [{ upto: next, until: LATE + next, ids: bytesOf(8, next) }],
    meta: [{ key: 'rows', value: bytesOf(8, next) }],
  });
}

/** Commits, which must succeed. */
export function committed(store: EventStore, what: StoreChange): void {
  same(store.commit(what), { kind: 'committed' }, 'the commit');
}

/** Everything one can read of a store, for comparing. */
export function contentOf(store: EventReader): unknown {
  const { seq } = store.tip();
  return {
    tip: store.tip(),
    events: [...store.events(1, seq)],
    streams: [...store.streams()],
    heads: [...store.heads()],
    records: [...store.records()].map(({ name, value }) => [name, value]),
    data: [...store.dataRows()].map(({ name, value }) => [name, value]),
    outbox: [...store.outbox()],
    inbox: [...store.inbox()],
    seenRuns: [...store.seenRuns()],
    meta: ['format', 'rows'].map((key) => store.meta(key)),
  };
}
