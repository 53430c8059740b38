/** What a send and a receive write: frames of the WAL, through the real engine. */

import { randomBytes } from 'node:crypto';
import { invariant } from '@simsim/bytes';
import type { CoreInput } from '@simsim/device-core';
import { messageIdFromBytes } from '@simsim/relay-protocol';
import { limitRow, median, withoutGoal } from '../report.ts';
import type { BenchRow } from '../report.ts';
import { logOptions, openBenchLog, SESSIONS } from './bench-log.ts';
import { BODY_BYTES, createCrowd, follow } from './crowd.ts';
import type { Crowd } from './crowd.ts';
import { acknowledgeAll } from './party.ts';
import type { Party } from './party.ts';
import { withScratch } from './scratch.ts';
import { mean } from './turns.ts';
import { createWalCounter } from './wal-frames.ts';
import type { WalCounter } from './wal-frames.ts';

const BATCH = 32;
const MEDIAN_MAX = 3;
const MEAN_MAX = 3.5;
const BATCH_MAX = 14;

/** Commits of one kind. */
interface Counted {
  /** Frames of each. */
  readonly own: readonly number[];
  /** Frames of everything that was written, per commit of these. */
  readonly all: number;
}

/** One padding step: what a line of a chat is, and what the goals were set for. */
const SHORT_BODY_BYTES = 64;

/** Runs it: each commit is one message, or 32 messages, of a round robin over all sessions. */
export async function benchFrames({ quick }: { quick: boolean }): Promise<readonly BenchRow[]> {
  const short = await countFrames(SHORT_BODY_BYTES, { quick });
  const long = await countFrames(BODY_BYTES, { quick });
  const goals = [
    ...rowsOfOne('send', short.send),
    ...rowsOfOne('receive', short.receive),
    ...rowsOfOne('receive that turns the ratchet', short.turn),
    rowOfBatch('sends', short.sendBatch),
    rowOfBatch('receives', short.receiveBatch),
  ];
  const others = [
    ...rowsOfOne('send', long.send),
    ...rowsOfOne('receive', long.receive),
    rowOfBatch('sends', long.sendBatch),
    rowOfBatch('receives', long.receiveBatch),
  ];
  return [...goals, ...others.map((row) => withoutGoal(row, `of ${BODY_BYTES} B: ${row.what}`))];
}

type Frames = Readonly<Record<'send' | 'receive' | 'turn' | 'sendBatch' | 'receiveBatch', Counted>>;

function countFrames(bodyBytes: number, { quick }: { quick: boolean }): Promise<Frames> {
  const commits = quick ? 60 : 500;
  const batches = quick ? 6 : 50;
  return withScratch((folder) => {
    const log = openBenchLog(folder);
    const contacts = quick ? SESSIONS / 10 : SESSIONS;
    const messages = 1 + Math.ceil((commits + batches * BATCH) / contacts);
    const crowd = createCrowd(log, { contacts, messages, bodyBytes });
    const wal = createWalCounter(`${logOptions(folder).path}-wal`);
    const one = { from: contacts, commits, perCommit: 1 };
    const many = { from: contacts + commits, commits: batches, perCommit: BATCH };
    const turn = countReceives(crowd, wal, { ...one, from: 0 });
    countReceives(crowd, wal, { from: commits, commits: contacts - commits, perCommit: 1 });
    const found = {
      turn,
      receive: countReceives(crowd, wal, one),
      receiveBatch: countReceives(crowd, wal, many),
      send: countSends(crowd, wal, { ...one, bodyBytes }),
      sendBatch: countSends(crowd, wal, { ...many, bodyBytes }),
    };
    wal.close();
    log.close();
    return found;
  });
}

function rowsOfOne(what: string, { own, all }: Counted): readonly BenchRow[] {
  const unit = 'frames';
  const rest = limitRow({
    what: `WAL of a ${what}, and of all that follows: answers, receipts, registering at flushes`,
    ours: all,
    unit,
    goal: 0,
  });
  return [
    limitRow({ what: `WAL of a ${what}, median`, ours: median(own), unit, goal: MEDIAN_MAX }),
    limitRow({ what: `WAL of a ${what}, mean`, ours: mean(own), unit, goal: MEAN_MAX }),
    withoutGoal(rest, rest.what),
  ];
}

function rowOfBatch(what: string, { own }: Counted): BenchRow {
  const ours = median(own);
  return limitRow({
    what: `WAL of ${BATCH} ${what}, one commit, median`,
    ours,
    unit: 'frames',
    goal: BATCH_MAX,
  });
}

interface Run {
  readonly from: number;
  readonly commits: number;
  readonly perCommit: number;
}

interface Counting {
  readonly bob: Party;
  readonly wal: WalCounter;
  readonly run: Run;
}

function countSends(
  { bob, contacts }: Crowd,
  wal: WalCounter,
  run: Run & { readonly bodyBytes: number },
): Counted {
  return count({ bob, wal, run }, (from) => {
    const sends = Array.from({ length: run.perCommit }, (_, n) => {
      const contact = contacts[(from + n) % contacts.length];
      invariant(contact !== undefined, 'contacts go round');
      const messageId = messageIdFromBytes(randomBytes(16));
      return { contact, messageId };
    });
    const inputs = sends.map(({ contact, messageId }): CoreInput => {
      return { type: 'send', messageId, to: [contact.userId], body: randomBytes(run.bodyBytes) };
    });
    bob.core.run(inputs);
    return () => {
      const answers = bob.core.outbox().map(({ post: { postId }, origin }): CoreInput => {
        return { type: 'posted', postId, origin, result: { kind: 'accepted', listVersion: 1 } };
      });
      const receipts = sends.map(({ contact, messageId }): CoreInput => {
        return { type: 'receipted', ...contact, messageIds: [messageId] };
      });
      bob.core.run([...answers, ...receipts]);
    };
  });
}

function countReceives({ bob, mail }: Crowd, wal: WalCounter, run: Run): Counted {
  return count({ bob, wal, run }, (from) => {
    const envelopes = mail.slice(from, from + run.perCommit);
    bob.core.run(envelopes.map((envelope) => ({ type: 'envelope', envelope })));
    return () => {
      acknowledgeAll(bob);
      const answers = bob.core.outbox().map(({ post: { postId }, origin }): CoreInput => {
        return { type: 'posted', postId, origin, result: { kind: 'accepted', listVersion: 1 } };
      });
      bob.core.run(answers);
    };
  });
}

/**
 * Acknowledgements and answers come after so many commits: after each one, pages would fill in step
 * with them, and the frames of a growing table would fall into one kind of commit only.
 */
const FOLLOW_EVERY = 7;

/** `act` makes one commit and answers what comes after it, which is counted apart. */
function count({ bob, wal, run }: Counting, act: (from: number) => () => void): Counted {
  const own: number[] = [];
  const later: (() => void)[] = [];
  let all = 0;
  for (let i = 0; i < run.commits; i++) {
    wal.commits();
    later.push(act(run.from + i * run.perCommit));
    const [frames, ...others] = wal.commits();
    invariant(frames !== undefined && others.length === 0, 'one thing is one commit');
    own.push(frames);
    follow(bob.core.log);
    all += frames + sum(wal.commits());
    if (later.length < FOLLOW_EVERY && i < run.commits - 1) continue;
    for (const each of later.splice(0)) {
      each();
      all += sum(wal.commits());
    }
  }
  return { own, all: all / run.commits };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
