/** The store in memory: for tests, the simulator, and as the contract's reference. */

import { bytesToHex, equalBytes, invariant } from '@simsim/bytes';
import type {
  CommitAnswer,
  EventReader,
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
  /** Everything committed so far. */
  image(): MemorySnapshot;
}

/** The same, while it changes. */
interface Tables {
  readonly meta: Map<string, Uint8Array>;
  readonly events: EventRow[];
  readonly streams: Map<number, StreamRow>;
  readonly idByName: Map<string, number>;
  readonly heads: Map<number, HeadRow>;
  readonly records: Map<string, NamedRow>;
  readonly data: Map<string, NamedRow>;
  readonly outbox: Map<number, OutboxRow>;
  readonly inbox: Map<number, InboxRow>;
  seenRuns: SeenRun[];
  /** Counts commits. */
  version: number;
}

/** Makes an empty store, or one that continues from an image. */
export function createMemoryStore(from?: MemorySnapshot): MemoryStore {
  const tables = tablesOf(from);
  let isOpen = true;
  const reader = readerOf(tables);
  return {
    ...reader,
    commit(change): CommitAnswer {
      invariant(isOpen, 'the store is open');
      const tip = reader.tip();
      const isExpected =
        tip.seq === change.expectedTip.seq && equalBytes(tip.hash, change.expectedTip.hash);
      if (!isExpected) return { kind: 'moved', tip };
      refuseBroken(tables, change);
      applyChange(tables, change);
      tables.version++;
      return { kind: 'committed' };
    },
    locked(work) {
      const before = tablesOf(tables);
      try {
        return work();
      } catch (failure) {
        restore(tables, before);
        // oxlint-disable-next-line house/no-throw -- undone, and then as it was
        throw failure;
      }
    },
    image: () => imageOf(tables),
    close() {
      isOpen = false;
    },
  };
}

function readerOf(tables: Tables): EventReader {
  const { meta, events, streams, idByName, heads, records, data, outbox, inbox } = tables;
  return {
    meta: (key) => meta.get(key),
    tip() {
      const last = events.at(-1);
      return { seq: last?.seq ?? 0, hash: last?.hash ?? new Uint8Array(0) };
    },
    version: () => tables.version,
    event: (seq) => events[seq - 1],
    events: (from, to) => events.slice(Math.max(from, 1) - 1, Math.max(to, 0)),
    streamByName: (name) => streams.get(idByName.get(bytesToHex(name)) ?? 0),
    streamById: (id) => streams.get(id),
    streams: () => [...streams.values()].sort(byId),
    publicStreams: () => [...streams.values()].filter(({ slot }) => slot === undefined).sort(byId),
    streamMax: () => [...streams.keys()].reduce((max, id) => Math.max(max, id), 0),
    head: (stream) => heads.get(stream),
    heads: () => [...heads.values()].sort((a, b) => a.stream - b.stream),
    record: (name) => records.get(bytesToHex(name))?.value,
    records: () => [...records.values()],
    data: (name) => data.get(bytesToHex(name))?.value,
    dataRows: () => [...data.values()],
    outbox: () => [...outbox.values()].sort(bySeqThenSlot),
    inbox: () => [...inbox.values()].sort(bySeqThenSlot),
    seenRuns: () => [...tables.seenRuns],
    seenUpto: () => tables.seenRuns.at(-1)?.upto ?? 0,
    snapshot: (read) => read(),
    close: () => {},
  };
}

function tablesOf(from: MemorySnapshot | undefined): Tables {
  const streams = new Map(from?.streams);
  return {
    meta: new Map(from?.meta),
    events: [...(from?.events ?? [])],
    streams,
    idByName: new Map([...streams.values()].map((row) => [bytesToHex(row.name), row.id])),
    heads: new Map(from?.heads),
    records: new Map(from?.records),
    data: new Map(from?.data),
    outbox: new Map(from?.outbox),
    inbox: new Map(from?.inbox),
    seenRuns: [...(from?.seenRuns ?? [])],
    version: 0,
  };
}

/** Puts every table back to what it was. */
function restore(tables: Tables, before: Tables): void {
  tables.events.splice(0, tables.events.length, ...before.events);
  tables.seenRuns = before.seenRuns;
  refill(tables.meta, before.meta);
  refill(tables.streams, before.streams);
  refill(tables.idByName, before.idByName);
  refill(tables.heads, before.heads);
  refill(tables.records, before.records);
  refill(tables.data, before.data);
  refill(tables.outbox, before.outbox);
  refill(tables.inbox, before.inbox);
  tables.version++;
}

function refill<K, V>(map: Map<K, V>, from: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
}

function imageOf(tables: Tables): MemorySnapshot {
  const { idByName: _names, version: _version, ...copied } = tablesOf(tables);
  return copied;
}

/** What a sound log never asks for; a store refuses it before it changes anything. */
function refuseBroken({ events, heads, streams, idByName }: Tables, change: StoreChange): void {
  change.events.forEach((row, i) =>
    invariant(row.seq === events.length + 1 + i, 'events follow the tip without a gap'),
  );
  for (const head of change.heads) {
    const version = heads.get(head.stream)?.version ?? 0;
    invariant(version === head.expectedVersion, 'a head moves from the version it had');
  }
  for (const { seq, digest } of change.pruned) {
    const { sealed } = events[seq - 1] ?? {};
    const isWhole = sealed !== undefined && sealed.length > digest.length;
    invariant(isWhole && digest.length === 32, 'a live sealed part shrinks once');
  }
  for (const { seq, digest } of change.forgotten) {
    const { facts } = events[seq - 1] ?? {};
    const isWhole = facts !== undefined && facts.length !== digest.length;
    invariant(isWhole && digest.length === 32, 'facts shrink once');
  }
  for (const { id } of change.renamed) {
    invariant(streams.has(id), 'a stream that is renamed has its row');
  }
  const given = new Map<string, number>();
  for (const { id, name } of [...change.streams, ...change.renamed]) {
    const key = bytesToHex(name);
    const holder = given.get(key) ?? idByName.get(key) ?? id;
    invariant(holder === id, 'stream names are unique');
    given.set(key, id);
  }
}

function applyChange(tables: Tables, change: StoreChange): void {
  const { meta, events, streams, idByName, heads, outbox, inbox } = tables;
  events.push(...change.events);
  for (const row of change.streams) {
    streams.set(row.id, row);
    idByName.set(bytesToHex(row.name), row.id);
  }
  for (const { expectedVersion: _, ...head } of change.heads) heads.set(head.stream, head);
  applyNamed(tables.records, change.records);
  applyNamed(tables.data, change.data);
  for (const slot of change.outboxFreed) outbox.delete(slot);
  for (const row of change.outbox) outbox.set(row.slot, row);
  for (const { slot, due, tries } of change.outboxRetry) {
    const row = outbox.get(slot);
    if (row !== undefined) outbox.set(slot, { ...row, due, tries });
  }
  for (const slot of change.inboxFreed) inbox.delete(slot);
  for (const row of change.inbox) inbox.set(row.slot, row);
  tables.seenRuns = [...tables.seenRuns, ...change.seenRuns].filter(
    ({ until }) => until >= change.seenExpireBefore,
  );
  for (const { key, value } of change.meta) meta.set(key, value);
  for (const { seq, digest } of change.pruned) shrink(events, seq, { sealed: digest });
  for (const { seq, digest } of change.forgotten) shrink(events, seq, { facts: digest });
  for (const { id, name, label } of change.renamed) {
    const row = streams.get(id);
    if (row === undefined) continue;
    idByName.delete(bytesToHex(row.name));
    idByName.set(bytesToHex(name), id);
    streams.set(id, { ...row, name, label });
  }
}

function shrink(events: EventRow[], seq: number, part: Partial<EventRow>): void {
  const row = events[seq - 1];
  invariant(row !== undefined, 'the event is there');
  events[seq - 1] = { ...row, ...part };
}

function applyNamed(rows: Map<string, NamedRow>, changes: readonly NamedChange[]): void {
  for (const { name, value } of changes) {
    if (value === undefined) rows.delete(bytesToHex(name));
    else rows.set(bytesToHex(name), { name, value });
  }
}

function byId(a: StreamRow, b: StreamRow): number {
  return a.id - b.id;
}

function bySeqThenSlot(a: OutboxRow | InboxRow, b: OutboxRow | InboxRow): number {
  return a.seq - b.seq || a.slot - b.slot;
}
