/**
 * Rows that are gone and that no event tells of. The log counts them (`RowCounts`); and the store never
 * deletes a queue row: an answered post or an acknowledged mail leaves its row to the next, so that rows
 * lie without a gap.
 */

import { readRowCounts } from '@simsim/event-log';
import type { Difference, RowCounts, VaultReader } from '@simsim/event-log';
import type { CompiledText } from './compiled-query.ts';
import type { Connection } from './connection.ts';
import { QUERIES } from './queries.ts';
import { bytesAt, numberAt } from './row-codec.ts';

/** Missing rows that are named: a damaged number may make a gap of any size. */
const GAPS_MAX = 64;

/** What of a vault tells which mail there must be. */
export type EpochKeys = Pick<VaultReader, 'anchor' | 'liveSlots'>;

/**
 * The rows that are missing. With the vault also those after the last one that is there, as far as mail
 * waited in them. Throws: errors of the driver, StoreFailure.
 */
export function lostRows(
  { query }: Connection,
  vault: EpochKeys | undefined,
): readonly Difference[] {
  const numbersOf = (text: CompiledText, columns: readonly number[]): number[][] =>
    query(text)
      .all({})
      .map((row) => columns.map((column) => numberAt(row, column)));
  const outbox = numbersOf(QUERIES.outboxSlots, [0]);
  const inbox = numbersOf(QUERIES.inboxPlaces, [0, 1, 2]);
  const data = numbersOf(QUERIES.dataCount, [0])[0]?.[0] ?? 0;
  const found = { outbox: outbox.length, inbox: inbox.length, data };
  const counts = readRowCounts({
    meta(key) {
      const row = query(QUERIES.meta).get({ key });
      return row && bytesAt(row, 0);
    },
  });
  const lost = [
    ...gaps('outbox', outbox, counts),
    ...gaps('inbox', inbox, counts),
    ...(counts === undefined ? [] : lostValues(counts, found)),
    ...(vault === undefined ? [] : lostEpochs(vault, inbox)),
  ];
  return lost.length > 0 || counts === undefined ? lost : uncounted(counts, found);
}

function gaps(
  table: 'outbox' | 'inbox',
  rows: readonly (readonly number[])[],
  counts: RowCounts | undefined,
): Difference[] {
  const found = new Set(rows.map(([slot = 0]) => slot));
  const last = Math.max(rows.at(-1)?.[0] ?? 0, counts?.[table] ?? 0);
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

/**
 * A flush destroys the key of mail that was all read. One that the vault holds has its row, pending or
 * acknowledged since, unless mail of after the flush lies in its place.
 */
function lostEpochs(vault: EpochKeys, inbox: readonly (readonly number[])[]): Difference[] {
  const { seq: flushed } = vault.anchor();
  if (inbox.some(([, seq = 0]) => seq > flushed)) return [];
  const known = new Set(inbox.map(([, , epoch]) => epoch));
  return [...vault.liveSlots()]
    .filter(({ use, slot }) => use === 'epoch' && !known.has(slot))
    .map(({ slot }) => ({
      table: 'inbox',
      key: `key ${slot}`,
      detail: 'the vault has the key of unread mail, and the rows of that mail are gone',
    }));
}
