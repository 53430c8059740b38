/** Reading a log's tables, on any connection. */

import { StoreFailure } from '@simsim/event-log';
import type { EventReader, EventRow } from '@simsim/event-log';
import type { CompiledText, SqlArguments } from './compiled-query.ts';
import { failureOf } from './connection.ts';
import type { Connection } from './connection.ts';
import { QUERIES } from './queries.ts';
import {
  bytesAt,
  decodeEvent,
  decodeHead,
  decodeInbox,
  decodeNamed,
  decodeOutbox,
  decodeSeenRun,
  decodeStream,
  decodeTip,
  numberAt,
} from './row-codec.ts';
import type { Columns } from './row-codec.ts';

/** Rows read in one go: a reader must not pin the WAL while the caller works. */
const PAGE_ROWS = 256;

/** The reads of the contract over a connection. */
export function readerOver(connection: Connection): EventReader {
  const { db, query } = connection;
  const one = <T>(
    text: CompiledText,
    values: SqlArguments,
    decode: (row: Columns) => T,
  ): T | undefined =>
    guard(() => {
      const row = query(text).get(values);
      return row && decode(row);
    });
  const all = <T>(text: CompiledText, decode: (row: Columns) => T): T[] =>
    guard(() => query(text).all({}).map(decode));
  const pages = <T>(text: CompiledText, decode: (row: Columns) => T): Iterable<T> =>
    paged(connection, { text, decode });
  return {
    meta: (key) => one(QUERIES.meta, { key }, (row) => bytesAt(row, 0)),
    tip: () => one(QUERIES.tip, {}, decodeTip) ?? { seq: 0, hash: new Uint8Array(0) },
    version: () => one(QUERIES.dataVersion, {}, (row) => numberAt(row, 0)) ?? 0,
    event: (seq) => one(QUERIES.event, { seq }, decodeEvent),
    events: (from, to) => eventPages(connection, from, to),
    streamByName: (name) => one(QUERIES.streamByName, { name }, decodeStream),
    streamById: (id) => one(QUERIES.streamById, { id }, decodeStream),
    streams: () => pages(QUERIES.streamPage, decodeStream),
    publicStreams: () => pages(QUERIES.publicStreamPage, decodeStream),
    streamMax: () => one(QUERIES.streamMax, {}, (row) => numberAt(row, 0)) ?? 0,
    head: (stream) => one(QUERIES.head, { stream }, decodeHead),
    heads: () => pages(QUERIES.headPage, decodeHead),
    record: (name) => one(QUERIES.record, { name }, (row) => bytesAt(row, 0)),
    records: () => pages(QUERIES.recordPage, decodeNamed),
    data: (name) => one(QUERIES.data, { name }, (row) => bytesAt(row, 0)),
    dataRows: () => pages(QUERIES.dataPage, decodeNamed),
    outbox: () => all(QUERIES.outbox, decodeOutbox),
    inbox: () => all(QUERIES.inbox, decodeInbox),
    seenRuns: () => pages(QUERIES.seenRunPage, decodeSeenRun),
    seenUpto: () => one(QUERIES.seenUpto, {}, (row) => numberAt(row, 0)) ?? 0,
    snapshot: (read) => guard(() => db.transaction('read', read)),
    close: () => db.close(),
  };
}

/** Runs a read; what SQLite throws becomes a StoreFailure. */
function guard<T>(read: () => T): T {
  try {
    return read();
  } catch (failure) {
    throw failureOf(failure);
  }
}

/** Pages by the number in the first column. */
function* paged<T>(
  { query }: Connection,
  { text, decode }: { readonly text: CompiledText; readonly decode: (row: Columns) => T },
): Iterable<T> {
  for (let after = 0; ;) {
    const rows = guard(() => query(text).all({ after, limit: PAGE_ROWS }));
    for (const row of rows) {
      const id = guard(() => numberAt(row, 0));
      if (id <= after) throw new StoreFailure('STORE_CORRUPT', 'rows are out of order');
      after = id;
      yield decode(row);
    }
    if (rows.length < PAGE_ROWS) return;
  }
}

/** Events in pages. Rows before a damaged one are yielded first, so that it can be named. */
function* eventPages({ query }: Connection, from: number, to: number): Iterable<EventRow> {
  for (let next = from; next <= to;) {
    const rows: EventRow[] = [];
    let failure: Error | undefined;
    try {
      for (const row of query(QUERIES.eventPage).iterate({ from: next, to, limit: PAGE_ROWS })) {
        rows.push(decodeEvent(row));
      }
    } catch (caught) {
      failure = failureOf(caught);
    }
    for (const row of rows) {
      if (row.seq < next) throw new StoreFailure('STORE_CORRUPT', 'events are out of order');
      next = row.seq + 1;
      yield row;
    }
    if (failure !== undefined) throw failure;
    if (rows.length < PAGE_ROWS) return;
  }
}
