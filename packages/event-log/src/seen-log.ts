/**
 * Which envelopes were received: an in-memory table of keyed 8-byte ids, loaded on first use, kept
 * by sorted runs in the store and, since the last run, by the events themselves.
 */

import { compareBytes, concatBytes, equalBytes } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { EventReader, EventRow, SeenRun, Tip } from './event-store.ts';
import { SEEN_ID_BYTES } from './facts-envelope.ts';
import { SEEN_RUN_EVENTS, SEEN_RUN_IDS } from './limits.ts';
import type { FixedKeys, MetadataBox } from './metadata-box.ts';
import { openFacts } from './open-facts.ts';
import { failStore } from './refusal.ts';
import { createSeenTable } from './seen-table.ts';
import type { SeenTable } from './seen-table.ts';

/** An event's part in the seen log. */
export interface SeenEvent {
  readonly seq: number;
  readonly at: number;
  readonly ids: readonly Uint8Array[];
}

/** Ids that belong to no run yet. Closing is decided event by event, so that replay agrees. */
export interface SeenTail {
  readonly upto: number;
  /** Latest wall ms of the events with ids: a clock that was set back must not end them early. */
  readonly at: number;
  readonly ids: readonly Uint8Array[];
}

/** What a batch does to the seen log. */
export interface StagedSeen {
  readonly runs: readonly SeenRun[];
  readonly tail: SeenTail;
  readonly added: readonly Uint8Array[];
}

/** The seen log of an open log. */
export interface SeenLog {
  idOf(digest: Uint8Array): Uint8Array;
  has(id: Uint8Array): boolean;
  /** `undefined` where the batch leaves the seen log alone. */
  stage(events: readonly SeenEvent[]): StagedSeen | undefined;
  /**
   * Closes the tail by a run, where one of `rows` is in it: its events may lose their ids then.
   * `undefined` where none is.
   */
  cut(
    rows: readonly EventRow[],
    log: { readonly tip: Tip; readonly at: number },
  ): StagedSeen | undefined;
  adopt(staged: StagedSeen): void;
  /** Reads everything again at the next use. */
  reset(): void;
}

/** What {@link createSeenLog} needs. */
export interface SeenLogParts {
  readonly crypto: Crypto;
  readonly store: EventReader;
  readonly box: MetadataBox;
  readonly keys: FixedKeys;
  readonly seenMs: number;
}

/** Adds one event to a tail and says which run it closes, if any. */
export function extendTail(
  tail: SeenTail,
  event: SeenEvent,
  seenMs: number,
): { readonly tail: SeenTail; readonly run: SeenRun | undefined } {
  const hasIds = event.ids.length > 0;
  const ids = hasIds ? [...tail.ids, ...event.ids] : tail.ids;
  const at = hasIds ? Math.max(tail.at, event.at) : tail.at;
  const isFull = ids.length >= SEEN_RUN_IDS || event.seq - tail.upto >= SEEN_RUN_EVENTS;
  if (!isFull) return { tail: { upto: tail.upto, at, ids }, run: undefined };
  const run = {
    upto: event.seq,
    until: Math.max(at, event.at) + seenMs,
    ids: concatBytes([...ids].sort(compareBytes)),
  };
  return { tail: { upto: event.seq, at: 0, ids: [] }, run };
}

/** What events after the last run remember, up to and with one of them. */
function readTail({ store, box }: Pick<SeenLogParts, 'store' | 'box'>, last: number): SeenTail {
  const upto = store.seenUpto();
  const ids: Uint8Array[] = [];
  let at = 0;
  for (const row of store.events(upto + 1, last)) {
    const opened = openFacts(box, row);
    if (opened === undefined) failStore('STORE_CORRUPT', `event ${row.seq} is damaged`);
    if (opened.seen.length > 0) at = Math.max(at, row.at);
    ids.push(...opened.seen);
  }
  return { upto, at, ids };
}

/** Makes the seen log of a store. Reads nothing yet. */
export function createSeenLog({ crypto, store, box, keys, seenMs }: SeenLogParts): SeenLog {
  let table: SeenTable | undefined;
  /** A digest is asked for before it is remembered, mostly as the same array. */
  const known = new WeakMap<Uint8Array, { readonly digest: Uint8Array; readonly id: Uint8Array }>();
  let tail: SeenTail = { upto: store.seenUpto(), at: 0, ids: [] };
  /** What came later came by this log, and without ids: any would have been staged, and loaded these. */
  let before = store.tip().seq;

  const load = (): SeenTable => {
    if (table !== undefined) return table;
    const loaded = createSeenTable();
    for (const { ids } of store.seenRuns()) {
      for (let at = 0; at + SEEN_ID_BYTES <= ids.length; at += SEEN_ID_BYTES) {
        loaded.add(ids.subarray(at, at + SEEN_ID_BYTES));
      }
    }
    tail = readTail({ store, box }, before);
    for (const id of tail.ids) loaded.add(id);
    table = loaded;
    return loaded;
  };

  return {
    idOf(digest) {
      const found = known.get(digest);
      if (found !== undefined && equalBytes(found.digest, digest)) return found.id;
      const id = crypto.mac(keys.dedupe, [digest]).slice(0, SEEN_ID_BYTES);
      known.set(digest, { digest: digest.slice(), id });
      return id;
    },
    has: (id) => load().has(id),
    stage(events) {
      const last = events.at(-1);
      if (last === undefined) return undefined;
      const isTouched = events.some(({ ids }) => ids.length > 0);
      if (!isTouched && last.seq - tail.upto < SEEN_RUN_EVENTS) return undefined;
      load();
      let after = tail;
      const runs: SeenRun[] = [];
      for (const event of events) {
        const step = extendTail(after, event, seenMs);
        after = step.tail;
        if (step.run !== undefined) runs.push(step.run);
      }
      return { runs, tail: after, added: events.flatMap(({ ids }) => ids) };
    },
    cut(rows, { tip, at }) {
      load();
      if (tail.ids.length === 0 || !rows.some(({ seq }) => seq > tail.upto)) return undefined;
      const ids = concatBytes([...tail.ids].sort(compareBytes));
      const run = { upto: tip.seq, until: Math.max(at, tail.at) + seenMs, ids };
      return { runs: [run], tail: { upto: tip.seq, at: 0, ids: [] }, added: [] };
    },
    adopt(staged) {
      tail = staged.tail;
      for (const id of staged.added) table?.add(id);
    },
    reset() {
      table = undefined;
      tail = { upto: store.seenUpto(), at: 0, ids: [] };
      before = store.tip().seq;
    },
  };
}
