/** How much of the disk an event takes: a conversation through the real engine. */

import { randomBytes } from 'node:crypto';
import Database from 'better-sqlite3';
import { invariant } from '@simsim/bytes';
import { limitRow, median } from '../report.ts';
import type { BenchRow } from '../report.ts';
import { logOptions, openBenchLog } from './bench-log.ts';
import { BODY_BYTES, follow, partyInMemory } from './crowd.ts';
import { converse, createParty } from './party.ts';
import { withScratch } from './scratch.ts';

const BYTES_MAX = 420;
/** A message there and one back, each with its receipt. */
const TURNS_PER_WINDOW = 25;

/** Runs it. The session begins before anything is counted. */
export function benchEventBytes({ quick }: { quick: boolean }): Promise<readonly BenchRow[]> {
  const windows = quick ? 4 : 20;
  return withScratch((folder) => {
    const log = openBenchLog(folder);
    const bob = createParty('bob', log);
    const ann = partyInMemory('ann');
    converse(bob, ann, randomBytes(BODY_BYTES));
    converse(ann, bob, randomBytes(BODY_BYTES));
    const pages = new Database(logOptions(folder).path, { readonly: true });
    const perEvent: number[] = [];
    let before = sizeOf(pages);
    for (let window = 0; window < windows; window++) {
      for (let turn = 0; turn < TURNS_PER_WINDOW; turn++) {
        converse(bob, ann, randomBytes(BODY_BYTES));
        converse(ann, bob, randomBytes(BODY_BYTES));
        follow(log);
      }
      const after = sizeOf(pages);
      perEvent.push((after.bytes - before.bytes) / (after.events - before.events));
      before = after;
    }
    const single = singleEvents(pages);
    pages.close();
    log.close();
    return [
      limitRow({
        what: 'event on disk, ping-pong of 256 B, pages of table and index: median of windows',
        ours: median(perEvent),
        unit: 'B',
        goal: BYTES_MAX,
      }),
      limitRow({
        what: 'the same, event by event: its row and its share of the pages',
        ours: single,
        unit: 'B',
        goal: BYTES_MAX,
      }),
    ];
  });
}

interface Size {
  readonly events: number;
  readonly bytes: number;
}

function sizeOf(db: Database.Database): Size {
  const events = numberOf(db, 'SELECT max(seq) FROM event');
  const bytes = numberOf(
    db,
    "SELECT sum(pgsize) FROM dbstat WHERE name IN ('event', 'event_mile')",
  );
  return { events, bytes };
}

/** Median over the events after initiation: payload, scaled up to what the pages hold in all. */
function singleEvents(db: Database.Database): number {
  const { bytes } = sizeOf(db);
  const payload = 'length(facts) + coalesce(length(sealed), 0) + length(hash)';
  const all = numberOf(db, `SELECT sum(${payload}) FROM event`);
  const rows = db.prepare<[], number>(`SELECT ${payload} FROM event WHERE seq > 40`).pluck().all();
  return (median(rows) * bytes) / all;
}

function numberOf(db: Database.Database, sql: string): number {
  const value = db.prepare(sql).pluck().get();
  invariant(typeof value === 'number', 'a size is a number');
  return value;
}
