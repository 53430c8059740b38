/**
 * How many rows there are that no event tells of. The numbers lie in a row of their own and follow in the
 * commit that adds or removes rows, so that verifying misses the ones that are gone.
 */

import { bytesToHex } from '@simsim/bytes';
import type { EventReader, NamedChange, StoreChange } from './event-store.ts';
import { numberOf, writePlace } from './place.ts';

const COUNTS_KEY = 'counts';
const NUMBER_BYTES = 8;

/** Rows of a log, pending or free. */
export interface RowCounts {
  readonly outbox: number;
  readonly inbox: number;
  /** Values of the application. */
  readonly data: number;
}

/** Of a new log. */
export const NO_ROWS: RowCounts = { outbox: 0, inbox: 0, data: 0 };

/** The row that says how many there are. */
export function encodeRowCounts({ outbox, inbox, data }: RowCounts): StoreChange['meta'] {
  const value = new Uint8Array(3 * NUMBER_BYTES);
  [outbox, inbox, data].forEach((count, i) => writePlace(value, i * NUMBER_BYTES, count));
  return [{ key: COUNTS_KEY, value }];
}

/** Reads it; `undefined` where a log does not say, or its row is damaged. */
export function readRowCounts(store: Pick<EventReader, 'meta'>): RowCounts | undefined {
  const value = store.meta(COUNTS_KEY);
  if (value?.length !== 3 * NUMBER_BYTES) return undefined;
  const [outbox = 0, inbox = 0, data = 0] = [0, 1, 2].map((i) =>
    numberOf(value.subarray(i * NUMBER_BYTES, (i + 1) * NUMBER_BYTES)),
  );
  return { outbox, inbox, data };
}

/** The counts once a change is done; the same object where none of them moves. */
export function countedWith(
  counts: RowCounts,
  { outbox, inbox, data }: Pick<StoreChange, 'outbox' | 'inbox' | 'data'>,
  store: Pick<EventReader, 'data'>,
): RowCounts {
  const after = {
    outbox: lastSlot(counts.outbox, outbox),
    inbox: lastSlot(counts.inbox, inbox),
    data: counts.data + (data.length === 0 ? 0 : newValues(data, store)),
  };
  const isSame =
    after.outbox === counts.outbox && after.inbox === counts.inbox && after.data === counts.data;
  return isSame ? counts : after;
}

/** Queue rows are overwritten and never deleted, so their highest number is how many there are. */
function lastSlot(before: number, rows: readonly { readonly slot: number }[]): number {
  return rows.reduce((most, { slot }) => Math.max(most, slot), before);
}

/** How many values more there are. A name that is changed twice has what its last change leaves. */
function newValues(changes: readonly NamedChange[], store: Pick<EventReader, 'data'>): number {
  const last = new Map(changes.map((change) => [bytesToHex(change.name), change]));
  let more = 0;
  for (const { name, value } of last.values()) {
    more += (value === undefined ? 0 : 1) - (store.data(name) === undefined ? 0 : 1);
  }
  return more;
}
