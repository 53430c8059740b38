/**
 * Receiving beside `libsignal-client`, which saves its session records in SQLite. Ours is the whole
 * durable receive of the engine: session, inbox row, dedupe, log, and the vault that follows. Theirs
 * is decrypting and saving the record: what their library asks of its user at the least.
 */

import { randomBytes } from 'node:crypto';
import Database from 'better-sqlite3';
import { invariant } from '@simsim/bytes';
import type { CoreInput } from '@simsim/device-core';
import { ratioRow } from '../report.ts';
import type { BenchRow } from '../report.ts';
import { openBenchLog, SESSIONS } from './bench-log.ts';
import { BODY_BYTES, createCrowd, follow } from './crowd.ts';
import type { Crowd } from './crowd.ts';
import { createClientDevice, loadClient, RELEASE } from './libsignal-client.ts';
import type { Client, ClientDevice, SessionRecords } from './libsignal-client.ts';
import { acknowledgeAll } from './party.ts';
import { withScratch } from './scratch.ts';
import { medianOfRounds } from './turns.ts';
import type { TurnPlan } from './turns.ts';

const BATCH = 32;
/** The most the ratio may be, and a stretch. */
const GOALS = { 1: [1, 0.77], [BATCH]: [0.6, 0.35] } as const;

/** Runs it; no rows where the package cannot be had. */
export async function benchReceive({ quick }: { quick: boolean }): Promise<readonly BenchRow[]> {
  const client = await loadClient();
  if (client === undefined) {
    process.stderr.write(`not run: ${RELEASE} cannot be installed\n`);
    return [];
  }
  const contacts = quick ? SESSIONS / 10 : SESSIONS;
  const one: TurnPlan = { warmUp: quick ? 200 : 1024, rounds: quick ? 8 : 24, perRound: 64 };
  const many: TurnPlan = { warmUp: quick ? 4 : 32, rounds: quick ? 8 : 24, perRound: 6 };
  const calls = one.warmUp + one.rounds * one.perRound;
  const batches = many.warmUp + many.rounds * many.perRound;
  const messages = Math.ceil((calls + batches * BATCH) / contacts);
  return withScratch(async (folder) => {
    const log = openBenchLog(folder);
    const crowd = createCrowd(log, { contacts, messages });
    const theirs = await createTheirs(client, `${folder}/theirs.db`, { contacts, messages });
    const compare = async (perCommit: 1 | typeof BATCH): Promise<readonly BenchRow[]> => {
      const plan = perCommit === 1 ? one : many;
      const from = perCommit === 1 ? 0 : calls;
      const times = await medianOfRounds(
        { ...plan, between: () => settle(crowd) },
        (i) => receiveOurs(crowd, from + i * perCommit, perCommit),
        (i) => theirs.receive(from + i * perCommit, perCommit),
      );
      const each = { ours: times.ours / perCommit, theirs: times.theirs / perCommit, unit: 'us' };
      const what = `receive, ${perCommit} a commit, round robin / ${RELEASE} decrypt and save`;
      const [goal, stretch] = GOALS[perCommit];
      return [
        ratioRow({ what, ...each, goal }),
        ratioRow({ what: `${what} (stretch ${stretch})`, ...each, goal: null }),
      ];
    };
    const rows = [...(await compare(1)), ...(await compare(BATCH))];
    theirs.close();
    log.close();
    return rows;
  });
}

function receiveOurs({ bob, mail }: Crowd, from: number, count: number): void {
  const envelopes = mail.slice(from, from + count);
  invariant(envelopes.length === count, 'enough mail was made');
  bob.core.run(envelopes.map((envelope) => ({ type: 'envelope', envelope })));
  follow(bob.core.log);
}

/** Between rounds the application is done with what it got, and the relay answers. */
function settle({ bob }: Crowd): void {
  acknowledgeAll(bob);
  const answers = bob.core.outbox().map(({ post: { postId }, origin }): CoreInput => {
    return { type: 'posted', postId, origin, result: { kind: 'accepted', listVersion: 1 } };
  });
  bob.core.run(answers);
  bob.core.log.flush();
}

interface Theirs {
  receive(from: number, count: number): Promise<void>;
  close(): void;
}

/** The same crowd: sessions settled both ways, then mail made in advance. */
async function createTheirs(
  client: Client,
  path: string,
  { contacts, messages }: { contacts: number; messages: number },
): Promise<Theirs> {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  const device = createClientDevice(client, 'bob', recordsIn(db));
  const mailOf: (readonly Uint8Array[])[] = [];
  for (let i = 0; i < contacts; i++) {
    mailOf.push(await settledMail(client, device, { name: `contact-${i}`, messages }));
  }
  const [begin, commit] = [db.prepare('BEGIN IMMEDIATE'), db.prepare('COMMIT')];
  const decrypt = async (i: number): Promise<void> => {
    const message = mailOf[i % contacts]?.[Math.floor(i / contacts)];
    invariant(message !== undefined, 'enough mail was made');
    await device.decrypt(`contact-${i % contacts}`, message);
  };
  return {
    async receive(from, count) {
      if (count === 1) return decrypt(from);
      begin.run();
      for (let i = from; i < from + count; i++) await decrypt(i);
      commit.run();
    },
    close: () => db.close(),
  };
}

async function settledMail(
  client: Client,
  bob: ClientDevice,
  { name, messages }: { name: string; messages: number },
): Promise<readonly Uint8Array[]> {
  const kept = new Map<string, Uint8Array>();
  const records = {
    get: (address: string) => kept.get(address),
    put: (address: string, record: Uint8Array) => void kept.set(address, record),
  };
  const contact = createClientDevice(client, name, records);
  await contact.initiate('bob', bob.bundle());
  await bob.accept(name, await contact.encrypt('bob', randomBytes(BODY_BYTES)));
  await contact.decrypt('bob', await bob.encrypt(name, randomBytes(BODY_BYTES)));
  const mail: Uint8Array[] = [];
  for (let i = 0; i < messages; i++) {
    mail.push(await contact.encrypt('bob', randomBytes(BODY_BYTES)));
  }
  return mail;
}

/** One row for each session, in the kind of table that is cheapest for records of this size. */
function recordsIn(db: Database.Database): SessionRecords {
  db.exec('CREATE TABLE session (address TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT');
  const get = db.prepare<[string], Buffer>('SELECT record FROM session WHERE address = ?').pluck();
  const put = db.prepare(
    'INSERT INTO session (address, record) VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET record = excluded.record',
  );
  return {
    get: (address) => get.get(address),
    put: (address, record) => void put.run(address, record),
  };
}
