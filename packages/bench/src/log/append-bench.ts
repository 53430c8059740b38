/** Commits of the log itself against bare SQLite: one event, and 32 of them. */

import { randomBytes } from 'node:crypto';
import { invariant } from '@simsim/bytes';
import type { EventLog } from '@simsim/event-log';
import { ratioRow } from '../report.ts';
import type { BenchRow } from '../report.ts';
import { bareInserts, bareUpserts } from './bare-tables.ts';
import {
  appendEvents,
  FLUSH_EVENTS,
  openBenchLog,
  outboxPut,
  SESSIONS,
  sessionEvent,
} from './bench-log.ts';
import { withScratch } from './scratch.ts';
import { medianOfCalls, medianOfRounds } from './turns.ts';
import type { TurnPlan } from './turns.ts';

const BATCH = 32;
const INSERT_BYTES = 400;

/** Runs it. */
export async function benchAppend({ quick }: { quick: boolean }): Promise<readonly BenchRow[]> {
  const rounds = quick ? 8 : 40;
  const one = { warmUp: 1000, rounds, perRound: 32 };
  const many = { warmUp: 100, rounds, perRound: 8 };
  return [
    await appendOne(one),
    await appendWithVault({ ...one, perRound: FLUSH_EVENTS }),
    await groupCommit(many, 'events'),
    await groupCommit(many, 'sends'),
  ];
}

/** A log in which all sessions have their rows, as they have in life. */
function settledLog(folder: string): EventLog {
  const log = openBenchLog(folder);
  appendEvents(log, { from: 0, to: SESSIONS, perCommit: SESSIONS });
  log.flush();
  return log;
}

/** Keeps the vault close behind, as a device does. */
function follow(log: EventLog): void {
  if (log.lag() >= FLUSH_EVENTS) log.flush();
}

function appendOne(plan: TurnPlan): Promise<BenchRow> {
  return withScratch(async (folder) => {
    const log = settledLog(folder);
    const bare = bareInserts(`${folder}/bare.db`, INSERT_BYTES);
    const times = await medianOfCalls(
      plan,
      (i) => appendEvents(log, { from: i, to: i + 1, perCommit: 1 }),
      (i) => bare.write(i),
    );
    log.close();
    bare.close();
    return ratioRow({
      what: 'append, one commit / bare insert of 400 B, own FULL commit',
      ...times,
      unit: 'us',
      goal: 1.2,
    });
  });
}

function appendWithVault(plan: TurnPlan): Promise<BenchRow> {
  return withScratch(async (folder) => {
    const log = settledLog(folder);
    const bare = bareInserts(`${folder}/bare.db`, INSERT_BYTES);
    const times = await medianOfRounds(
      plan,
      (i) => {
        appendEvents(log, { from: i, to: i + 1, perCommit: 1 });
        follow(log);
      },
      (i) => bare.write(i),
    );
    log.close();
    bare.close();
    return ratioRow({
      what: 'the same with its share of a vault flush every 64 events, in mean',
      ...times,
      unit: 'us',
      goal: null,
    });
  });
}

function groupCommit(plan: TurnPlan, kind: 'events' | 'sends'): Promise<BenchRow> {
  return withScratch(async (folder) => {
    const log = settledLog(folder);
    const bare = bareUpserts(`${folder}/bare.db`, SESSIONS);
    let posts: Uint8Array[] = [];
    const commit = (i: number): void => {
      const events = Array.from({ length: BATCH }, (_, n) => sessionEvent(i * BATCH + n));
      if (kind === 'events') {
        invariant(log.commit({ at: 1, events }).ok, 'an owner commits');
        return;
      }
      const outboxDone = posts;
      posts = events.map(() => randomBytes(16));
      const answer = log.commit({ at: 1, events, outboxPut: posts.map(outboxPut), outboxDone });
      invariant(answer.ok, 'an owner commits');
    };
    const times = await medianOfCalls(plan, commit, (i) => bare.write(i * BATCH, BATCH));
    log.close();
    bare.close();
    const what = kind === 'events' ? '32 events' : '32 events with an outbox row of 330 B each';
    return ratioRow({
      what: `${what}, one commit / 32 bare upserts of 1 KB (TEXT key, WITHOUT ROWID), one commit`,
      ...times,
      unit: 'us',
      goal: 2.5,
    });
  });
}
