/** What a send and a receive write: frames of the WAL, through the real engine. */

import { randomBytes } from 'node:crypto';
import { invariant } from '@simsim/bytes';
import type { CoreInput } from '@simsim/device-core';
import { messageIdFromBytes } from '@simsim/relay-protocol';
import { limitRow, median } from '../report.ts';
import type { BenchRow } from '../report.ts';
import { logOptions, openBenchLog, SESSIONS } from './bench-log.ts';
import { BODY_BYTES, createCrowd, follow } from './crowd.ts';
import type { Crowd } from './crowd.ts';
import { acknowledgeAll } from './party.ts';
import { withScratch } from './scratch.ts';
import { mean } from './turns.ts';
import { createWalCounter } from './wal-frames.ts';
import type { WalCounter } from './wal-frames.ts';

const BATCH = 32;
const MEDIAN_MAX = 3;
const MEAN_MAX = 3.5;
const BATCH_MAX = 14;

/** Commits of one kind: of the thing itself, and of the registering that a flush does now and then. */
interface Counted {
  readonly own: readonly number[];
  /** Frames of everything written, per commit of `own`: with flushes, answers, acknowledgements. */
  readonly all: number;
}

/** Runs it: each commit is one message, or 32 messages, of a round robin over all sessions. */
export function benchFrames({ quick }: { quick: boolean }): Promise<readonly BenchRow[]> {
  const commits = quick ? 100 : 600;
  const batches = quick ? 10 : 60;
  return withScratch((folder) => {
    const log = openBenchLog(folder);
    const contacts = quick ? SESSIONS / 10 : SESSIONS;
    const messages = Math.ceil((commits + batches * BATCH) / contacts);
    const crowd = createCrowd(log, { contacts, messages });
    const wal = createWalCounter(`${logOptions(folder).path}-wal`);
    const counted = {
      send: countSends(crowd, wal, { from: 0, commits, perCommit: 1 }),
      receive: countReceives(crowd, wal, { from: 0, commits, perCommit: 1 }),
      sendBatch: countSends(crowd, wal, { from: commits, commits: batches, perCommit: BATCH }),
      receiveBatch: countReceives(crowd, wal, {
        from: commits,
        commits: batches,
        perCommit: BATCH,
      }),
    };
    wal.close();
    log.close();
    return [
      ...rowsOfOne('send', counted.send),
      ...rowsOfOne('receive', counted.receive),
      rowOfBatch('sends', counted.sendBatch),
      rowOfBatch('receives', counted.receiveBatch),
    ];
  });
}

function rowsOfOne(what: string, { own, all }: Counted): readonly BenchRow[] {
  const unit = 'frames';
  return [
    limitRow({ what: `WAL of a ${what}, median`, ours: median(own), unit, goal: MEDIAN_MAX }),
    limitRow({ what: `WAL of a ${what}, mean`, ours: mean(own), unit, goal: MEAN_MAX }),
    {
      what: `WAL of a ${what} and all that follows it: answers, receipts, registering at flushes`,
      ours: all,
      theirs: null,
      unit,
      ratio: null,
      goal: null,
      ok: true,
    },
  ];
}

function rowOfBatch(what: string, { own }: Counted): BenchRow {
  const ours = median(own);
  return limitRow({
    what: `WAL of ${BATCH} ${what}, one commit`,
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

function countSends({ bob, contacts }: Crowd, wal: WalCounter, run: Run): Counted {
  return count(wal, run, (from) => {
    const sends = Array.from({ length: run.perCommit }, (_, n) => {
      const contact = contacts[(from + n) % contacts.length];
      invariant(contact !== undefined, 'contacts go round');
      const messageId = messageIdFromBytes(randomBytes(16));
      return { contact, messageId };
    });
    const inputs = sends.map(({ contact, messageId }): CoreInput => {
      return { type: 'send', messageId, to: [contact.userId], body: randomBytes(BODY_BYTES) };
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
      follow(bob.core.log);
    };
  });
}

function countReceives({ bob, mail }: Crowd, wal: WalCounter, run: Run): Counted {
  return count(wal, run, (from) => {
    const envelopes = mail.slice(from, from + run.perCommit);
    bob.core.run(envelopes.map((envelope) => ({ type: 'envelope', envelope })));
    return () => {
      acknowledgeAll(bob);
      const answers = bob.core.outbox().map(({ post: { postId }, origin }): CoreInput => {
        return { type: 'posted', postId, origin, result: { kind: 'accepted', listVersion: 1 } };
      });
      bob.core.run(answers);
      follow(bob.core.log);
    };
  });
}

/** `act` makes one commit and answers what comes after it, which is counted apart. */
function count(wal: WalCounter, run: Run, act: (from: number) => () => void): Counted {
  const own: number[] = [];
  let all = 0;
  for (let i = 0; i < run.commits; i++) {
    wal.commits();
    const after = act(run.from + i * run.perCommit);
    const [frames, ...others] = wal.commits();
    invariant(frames !== undefined && others.length === 0, 'one thing is one commit');
    own.push(frames);
    after();
    all += frames + wal.commits().reduce((sum, each) => sum + each, 0);
  }
  return { own, all: all / run.commits };
}
