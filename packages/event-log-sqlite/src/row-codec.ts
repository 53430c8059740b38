/** Rows of the database as values of the contract. A column of the wrong type is damage. */

import { StoreFailure } from '@simsim/event-log';
import type {
  EventRow,
  HeadRow,
  InboxRow,
  NamedRow,
  OutboxRow,
  SeenRun,
  StreamRow,
  Tip,
} from '@simsim/event-log';
import type { SqlRow } from './sqlite-driver.ts';

/** A row by columns, in the order of its query. */
export type Columns = SqlRow;

/** Reads a safe integer. */
export function numberAt(row: Columns, column: number): number {
  const value = row[column];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return damaged();
  return value;
}

/** Reads an integer that may be absent. */
function numberOrNoneAt(row: Columns, column: number): number | undefined {
  return row[column] === null ? undefined : numberAt(row, column);
}

/** Reads text. */
export function textAt(row: Columns, column: number): string {
  const value = row[column];
  return typeof value === 'string' ? value : damaged();
}

/** Reads bytes as a plain array: a Buffer's `slice` would be a view. */
export function bytesAt(row: Columns, column: number): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) return damaged();
  // To ask a small plain array for its buffer makes the engine move it.
  if (value.constructor === Uint8Array) return value;
  return new Uint8Array(value.buffer, value.byteOffset, value.length);
}

/** Decodes the tip. */
export function decodeTip(row: Columns): Tip {
  return { seq: numberAt(row, 0), hash: bytesAt(row, 1) };
}

/** Decodes an event. */
export function decodeEvent(row: Columns): EventRow {
  return {
    seq: numberAt(row, 0),
    stream: numberAt(row, 1),
    version: numberAt(row, 2),
    prev: numberAt(row, 3),
    kind: numberAt(row, 4),
    at: numberAt(row, 5),
    facts: bytesAt(row, 6),
    sealed: row[7] === null ? undefined : bytesAt(row, 7),
    hash: bytesAt(row, 8),
  };
}

/** Decodes a stream. */
export function decodeStream(row: Columns): StreamRow {
  return {
    id: numberAt(row, 0),
    name: bytesAt(row, 1),
    label: bytesAt(row, 2),
    slot: numberOrNoneAt(row, 3),
  };
}

/** Decodes a head. */
export function decodeHead(row: Columns): HeadRow {
  return {
    stream: numberAt(row, 0),
    version: numberAt(row, 1),
    seq: numberAt(row, 2),
    sealed: numberAt(row, 3),
    state: numberAt(row, 4),
  };
}

/** Decodes an outbox row. */
export function decodeOutbox(row: Columns): OutboxRow {
  return {
    slot: numberAt(row, 0),
    post: bytesAt(row, 1),
    seq: numberAt(row, 2),
    due: numberOrNoneAt(row, 3),
    tries: numberAt(row, 4),
    body: bytesAt(row, 5),
  };
}

/** Decodes an inbox row. */
export function decodeInbox(row: Columns): InboxRow {
  return {
    slot: numberAt(row, 0),
    id: bytesAt(row, 1),
    seq: numberAt(row, 2),
    epoch: numberAt(row, 3),
    body: bytesAt(row, 4),
  };
}

/** Decodes a dedupe run. */
export function decodeSeenRun(row: Columns): SeenRun {
  return { upto: numberAt(row, 0), until: numberAt(row, 1), ids: bytesAt(row, 2) };
}

/** Decodes a record or an application row, after its id. */
export function decodeNamed(row: Columns): NamedRow {
  return { name: bytesAt(row, 1), value: bytesAt(row, 2) };
}

function damaged(): never {
  throw new StoreFailure('STORE_CORRUPT', 'a row has a column of the wrong type');
}
