/** What a command changes in a store: small numbers, and the rows that they stand for in a store as it is. */

import { NO_CHANGE } from '@simsim/event-log';
import type { EventReader, EventRow, HeadChange, StoreChange } from '@simsim/event-log';
import fc from 'fast-check';

/** A change in a few numbers. Each stands for rows that a sound log could write next. */
export interface Recipe {
  /** The stream of each event. */
  readonly events: readonly number[];
  /** Names of records, and sizes of what is put there; 0 removes it. */
  readonly records: readonly Put[];
  readonly data: readonly Put[];
  /** Slots that are filled, after those were freed that are to be. */
  readonly outbox: readonly number[];
  readonly outboxFreed: readonly number[];
  readonly outboxRetry: readonly number[];
  readonly inbox: readonly number[];
  readonly inboxFreed: readonly number[];
  /** Ids of a run of dedupe ids; 0 for none. */
  readonly seen: number;
  /** Runs that end now, of those that the store has. */
  readonly expires: number;
  /** Size of a meta row; 0 for none. */
  readonly meta: number;
  /** Events that lose their sealed part, and their facts, where they have them. */
  readonly pruned: readonly number[];
  readonly forgotten: readonly number[];
}

type Put = readonly [name: number, bytes: number];

/** The key of the meta row that recipes write. */
export const META_KEY = 'note';

const SLOTS = 4;
const DIGEST_BYTES = 32;
const START_MS = 1_700_000_000_000;

const few = <T>(each: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(each, { maxLength: 3 });
const slots = fc.uniqueArray(fc.integer({ min: 1, max: SLOTS }), { maxLength: 3 });
const puts = fc.uniqueArray(fc.tuple(fc.nat(3), fc.nat(40)), {
  maxLength: 3,
  selector: ([name]) => name,
});
const seqs = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 2 });

/** Changes, smaller ones where shrunk. */
export const recipes: fc.Arbitrary<Recipe> = fc.record({
  events: few(fc.integer({ min: 1, max: 3 })),
  records: puts,
  data: puts,
  outbox: slots,
  outboxFreed: slots,
  outboxRetry: slots,
  inbox: slots,
  inboxFreed: slots,
  seen: fc.nat(3),
  expires: fc.nat(2),
  meta: fc.nat(3),
  pruned: seqs,
  forgotten: seqs,
});

/** A recipe, without what it leaves as it is. */
export function recipeText(recipe: Recipe): string {
  const said = Object.entries(recipe).filter(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value !== 0,
  );
  return JSON.stringify(Object.fromEntries(said)).replaceAll('"', '');
}

/** The rows that a recipe stands for in a store as it is now; `salt` makes them differ from all before. */
export function changeOf(recipe: Recipe, store: EventReader, salt: number): StoreChange {
  const tip = store.tip();
  const { events, heads } = eventsOf(recipe, store, salt);
  const ends = [...store.seenRuns()].map(({ until }) => until);
  const lastSeq = tip.seq + events.length;
  const pending = new Set([...store.outbox()].map(({ slot }) => slot));
  const isThere = (seq: number): boolean => seq <= tip.seq;
  return {
    ...NO_CHANGE,
    expectedTip: tip,
    events,
    heads,
    streams: newStreams(recipe, store),
    records: recipe.records.map(([name, bytes]) => put(name, bytes, salt)),
    data: recipe.data.map(([name, bytes]) => put(name, bytes, salt + 1)),
    outboxFreed: recipe.outboxFreed,
    outbox: recipe.outbox.map((slot) => ({
      slot,
      post: bytesOf(16, salt + slot),
      seq: salt,
      due: undefined,
      tries: 0,
      body: bytesOf(20, salt + slot),
    })),
    outboxRetry: recipe.outboxRetry
      .filter((slot) => pending.has(slot))
      .filter((slot) => !recipe.outboxFreed.includes(slot) && !recipe.outbox.includes(slot))
      .map((slot) => ({ slot, due: START_MS + salt, tries: (salt % 9) + 1 })),
    inboxFreed: recipe.inboxFreed,
    inbox: recipe.inbox.map((slot) => ({
      slot,
      id: bytesOf(16, salt + slot + 50),
      seq: salt,
      epoch: slot,
      body: bytesOf(30, salt + slot),
    })),
    seenRuns:
      recipe.seen === 0 || lastSeq <= store.seenUpto()
        ? []
        : [{ upto: lastSeq, until: START_MS + salt, ids: bytesOf(8 * recipe.seen, salt) }],
    seenExpireBefore: recipe.expires === 0 ? 0 : (ends[recipe.expires - 1] ?? -1) + 1,
    meta: recipe.meta === 0 ? [] : [{ key: META_KEY, value: bytesOf(recipe.meta, salt) }],
    pruned: shrunk(recipe.pruned.filter(isThere), (seq) => store.event(seq)?.sealed, salt),
    forgotten: shrunk(recipe.forgotten.filter(isThere), (seq) => store.event(seq)?.facts, salt),
  };
}

function eventsOf(
  { events: streams }: Recipe,
  store: EventReader,
  salt: number,
): { readonly events: readonly EventRow[]; readonly heads: readonly HeadChange[] } {
  const headById = new Map<number, HeadChange>();
  const { seq: before } = store.tip();
  const events = streams.map((stream, i): EventRow => {
    const seq = before + 1 + i;
    const old = store.head(stream);
    const last = headById.get(stream);
    const version = (last?.version ?? old?.version ?? 0) + 1;
    const sealed = seq % 3 === 0 ? undefined : bytesOf(60, salt + seq);
    const sealedAt = sealed === undefined ? (last?.sealed ?? old?.sealed ?? 0) : seq;
    const expectedVersion = old?.version ?? 0;
    headById.set(stream, { stream, version, seq, sealed: sealedAt, state: 0, expectedVersion });
    return {
      seq,
      stream,
      version,
      prev: last?.seq ?? old?.seq ?? 0,
      kind: 0x101,
      at: START_MS + seq,
      facts: bytesOf(12, salt + seq),
      sealed,
      hash: bytesOf(DIGEST_BYTES, salt + seq),
    };
  });
  return { events, heads: [...headById.values()] };
}

function newStreams({ events }: Recipe, store: EventReader): StoreChange['streams'] {
  return [...new Set(events)]
    .filter((id) => store.streamById(id) === undefined)
    .map((id) => ({
      id,
      name: bytesOf(16, id),
      label: bytesOf(10, id),
      slot: id === 2 ? undefined : id,
    }));
}

function put(name: number, bytes: number, salt: number): StoreChange['records'][number] {
  return { name: bytesOf(16, name), value: bytes === 0 ? undefined : bytesOf(bytes, salt) };
}

/** Those whose part is still whole, with what takes its place. */
function shrunk(
  seqs: readonly number[],
  partOf: (seq: number) => Uint8Array | undefined,
  salt: number,
): StoreChange['pruned'] {
  return seqs
    .filter((seq) => {
      const part = partOf(seq);
      return part !== undefined && part.length !== DIGEST_BYTES;
    })
    .map((seq) => ({ seq, digest: bytesOf(DIGEST_BYTES, salt + seq) }));
}

/** Bytes that say which row they belong to. */
export function bytesOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7 + (seed >> 3) + 1) & 0xff);
}
