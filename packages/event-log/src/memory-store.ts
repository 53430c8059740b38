/** The store in memory: for tests, the simulator, and as the contract's reference. */

import { bytesToHex, equalBytes, invariant } from '@simsim/bytes';
import type {
  CommitAnswer,
  EventRow,
  EventStore,
  HeadRow,
  InboxRow,
  NamedChange,
  NamedRow,
  OutboxRow,
  SeenRun,
  StoreChange,
  StreamRow,
  Tip,
} from './event-store.ts';

/** A store's whole content at one moment. Rows are never changed, so containers are copied only. */
export interface MemorySnapshot {
  readonly meta: ReadonlyMap<string, Uint8Array>;
  readonly events: readonly EventRow[];
  readonly streams: ReadonlyMap<number, StreamRow>;
  readonly heads: ReadonlyMap<number, HeadRow>;
  readonly records: ReadonlyMap<string, NamedRow>;
  readonly data: ReadonlyMap<string, NamedRow>;
  readonly outbox: ReadonlyMap<number, OutboxRow>;
  readonly inbox: ReadonlyMap<number, InboxRow>;
  readonly seenRuns: readonly SeenRun[];
}

/** A store that can be copied and put back: a backup, a clone, a rollback. */
export interface MemoryStore extends EventStore {
  snapshot<T>(read: () => T): T;
  /** Everything committed so far. */
  image(): MemorySnapshot;
}

/** Makes an empty store, or one that continues from an image. */
export function createMemoryStore(from?: MemorySnapshot): MemoryStore {
  const meta = new Map(from?.meta);
  const events: EventRow[] = [...(from?.events ?? [])];
  const streams = new Map(from?.streams);
  const idByName = new Map([...streams.values()].map((row) => [bytesToHex(row.name), row.id]));
  const heads = new Map(from?.heads);
  const records = new Map(from?.records);
  const data = new Map(from?.data);
  const outbox = new Map(from?.outbox);
  const inbox = new Map(from?.inbox);
  let seenRuns: SeenRun[] = [...(from?.seenRuns ?? [])];
  let isOpen = true;

  const tip = (): Tip => {
    const last = events.at(-1);
    return { seq: last?.seq ?? 0, hash: last?.hash ?? new Uint8Array(0) };
  };
  const refuseBroken = (change: StoreChange): void => {
    invariant(isOpen, 'the store is open');
    change.events.forEach((row, i) =>
      invariant(row.seq === events.length + 1 + i, 'events follow the tip without a gap'),
    );
    for (const head of change.heads) {
      const version = heads.get(head.stream)?.version ?? 0;
      invariant(version === head.expectedVersion, 'a head moves from the version it had');
    }
    for (const row of change.streams) {
      const holder = idByName.get(bytesToHex(row.name));
      invariant(holder === undefined || holder === row.id, 'stream names are unique');
    }
  };
  const apply = (change: StoreChange): void => {
    events.push(...change.events);
    for (const row of change.streams) {
      streams.set(row.id, row);
      idByName.set(bytesToHex(row.name), row.id);
    }
    for (const { expectedVersion: _, ...head } of change.heads) heads.set(head.stream, head);
    applyNamed(records, change.records);
    applyNamed(data, change.data);
    for (const slot of change.outboxFreed) outbox.delete(slot);
    for (const row of change.outbox) outbox.set(row.slot, row);
    for (const { slot, due, tries } of change.outboxRetry) {
      const row = outbox.get(slot);
      if (row !== undefined) outbox.set(slot, { ...row, due, tries });
    }
    for (const slot of change.inboxFreed) inbox.delete(slot);
    for (const row of change.inbox) inbox.set(row.slot, row);
    seenRuns = [...seenRuns, ...change.seenRuns].filter(
      (run) => run.until >= change.seenExpireBefore,
    );
    for (const { key, value } of change.meta) meta.set(key, value);
  };

  return {
    meta: (key) => meta.get(key),
    tip,
    event: (seq) => events[seq - 1],
    events: (from, to) => events.slice(Math.max(from, 1) - 1, Math.max(to, 0)),
    streamByName: (name) => streams.get(idByName.get(bytesToHex(name)) ?? 0),
    streamById: (id) => streams.get(id),
    streams: () => [...streams.values()].sort((a, b) => a.id - b.id),
    publicStreams: () => [...streams.values()].filter((row) => row.slot === undefined),
    streamMax: () => Math.max(0, ...streams.keys()),
    head: (stream) => heads.get(stream),
    heads: () => [...heads.values()].sort((a, b) => a.stream - b.stream),
    record: (name) => records.get(bytesToHex(name))?.value,
    records: () => [...records.values()],
    data: (name) => data.get(bytesToHex(name))?.value,
    dataRows: () => [...data.values()],
    outbox: () => [...outbox.values()].sort(bySeqThenSlot),
    inbox: () => [...inbox.values()].sort(bySeqThenSlot),
    seenRuns: () => [...seenRuns],
    seenUpto: () => seenRuns.at(-1)?.upto ?? 0,
    snapshot: (read) => read(),
    commit(change): CommitAnswer {
      const at = tip();
      const isExpected =
        at.seq === change.expectedTip.seq && equalBytes(at.hash, change.expectedTip.hash);
      if (!isExpected) return { kind: 'moved', tip: at };
      refuseBroken(change);
      apply(change);
      return { kind: 'committed' };
    },
    image: () => ({
      meta: new Map(meta),
      events: [...events],
      streams: new Map(streams),
      heads: new Map(heads),
      records: new Map(records),
      data: new Map(data),
      outbox: new Map(outbox),
      inbox: new Map(inbox),
      seenRuns: [...seenRuns],
    }),
    close() {
      isOpen = false;
    },
  };
}

function applyNamed(rows: Map<string, NamedRow>, changes: readonly NamedChange[]): void {
  for (const { name, value } of changes) {
    if (value === undefined) rows.delete(bytesToHex(name));
    else rows.set(bytesToHex(name), { name, value });
  }
}

function bySeqThenSlot(a: OutboxRow | InboxRow, b: OutboxRow | InboxRow): number {
  return a.seq - b.seq || a.slot - b.slot;
}
