/**
 * Rows that are gone and that no event tells of. The log counts them (`RowCounts`); and the store never
 * deletes a queue row: an answered post or an acknowledged mail leaves its row to the next, so that rows
 * lie without a gap.
 */

import { readRowCounts } from '@simsim/event-log';
import type { Difference, RowCounts } from '@simsim/event-log';
import type { CompiledText } from './compiled-query.ts';
import type { Connection } from './connection.ts';
import { QUERIES } from './queries.ts';
import { numberAt } from './row-codec.ts';
import { readerOver } from './sqlite-reader.ts';

/** Missing rows that are named: a damaged number may make a gap of any size. */
const GAPS_MAX = 64;

/** The rows that are missing. Throws: errors of the driver, StoreFailure. */
export function lostRows(connection: Connection): readonly Difference[] {
  const { query } = connection;
  const numbersOf = (text: CompiledText): number[] =>
    query(text)
      .all({})
      .map((row) => numberAt(row, 0));
  const outbox = numbersOf(QUERIES.outboxSlots);
  const inbox = numbersOf(QUERIES.inboxSlots);
  const [data = 0] = numbersOf(QUERIES.dataCount);
  const found = { outbox: outbox.length, inbox: inbox.length, data };
  const counts = readRowCounts(readerOver(connection));
  const lost = [
    ...gaps('outbox', outbox, counts),
    ...gaps('inbox', inbox, counts),
    ...(counts === undefined ? [] : lostValues(counts, found)),
  ];
  return lost.length > 0 || counts === undefined ? lost : uncounted(counts, found);
}

function gaps(
  table: 'outbox' | 'inbox',
  slots: readonly number[],
  counts: RowCounts | undefined,
): Difference[] {
  const found = new Set(slots);
  const last = Math.max(slots.at(-1) ?? 0, counts?.[table] ?? 0);
  const lost: Difference[] = [];
  for (let slot = 1; slot <= last && lost.length < GAPS_MAX; slot++) {
    if (found.has(slot)) continue;
    lost.push({
      table,
      key: `${slot}`,
      detail: 'its row is gone, with what may have waited in it',
    });
  }
  return lost;
}

function lostValues({ data: counted }: RowCounts, { data: found }: RowCounts): Difference[] {
  if (found >= counted) return [];
  const detail = `${counted - found} of the application's ${counted} values are gone`;
  return [{ table: 'data', key: `${counted} values`, detail }];
}

/** Rows that nobody counted: one was added behind the log's back, or the counts are damaged. */
function uncounted(counts: RowCounts, found: RowCounts): Difference[] {
  return (['outbox', 'inbox', 'data'] as const)
    .filter((table) => found[table] > counts[table])
    .map((table) => {
      const detail = `the log counts ${counts[table]} rows of ${table}, and there are ${found[table]}`;
      return { table: 'meta', key: 'counts', detail };
    });
}
