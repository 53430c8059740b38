/** One log, several owners that share it: whatever one writes, the others go on from. */

import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { nodeCrypto } from '@simsim/crypto/node';
import { openEventLog } from '@simsim/event-log';
import type { EventLog, EventStore, LogBatch, LogEvent, LogSabotage } from '@simsim/event-log';
import {
  openSlotFileVault,
  openSqliteLog,
  openSqliteStore,
  verifySqliteLog,
} from '../src/index.ts';
import type { SqliteLogOptions } from '../src/index.ts';
import { KEY, logOptions, scratchFolder, text, unwrap } from './files.ts';

const OWNERS = 3;

interface Step {
  readonly owner: number;
  readonly kind:
    | ('state' | 'close' | 'mail' | 'read' | 'post' | 'posted')
    | ('flush' | 'rotate' | 'prune' | 'forget' | 'kill');
  readonly stream: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  owner: fc.nat(OWNERS - 1),
  kind: fc.constantFrom(
    'state',
    'state',
    'close',
    'mail',
    'read',
    'post',
    'posted',
    'flush',
    'rotate',
    'prune',
    'forget',
    'kill',
  ),
  stream: fc.nat(4),
});

/** What the log must answer, whoever is asked. */
interface Model {
  count: number;
  readonly states: Map<string, Uint8Array | undefined>;
  mails: number[];
  posts: number[];
}

function id(count: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(12, count + 1);
  return bytes;
}

/** The batch of a step, and what it does to the model; undefined where there is nothing to do. */
function batchOf(model: Model, { kind, stream }: Step): Partial<LogBatch> | undefined {
  const name = `s${stream}`;
  const count = model.count++;
  const event = { type: 1, schema: 1, facts: text(`${count}`) };
  const isClosed = model.states.has(name) && model.states.get(name) === undefined;
  switch (kind) {
    case 'state':
      if (isClosed) return undefined;
      model.states.set(name, text(`state ${count}`));
      return { events: [{ ...event, stream: name, sealed: [text(`state ${count}`)] }] };
    case 'close':
      if (isClosed || !model.states.has(name)) return undefined;
      model.states.set(name, undefined);
      return { events: [{ ...event, stream: name, closes: true }] };
    case 'mail':
      model.mails.push(count);
      return {
        events: [{ ...event, stream: 'inbox' }],
        inboxPut: [{ id: id(count), body: text(`mail ${count}`) }],
      };
    case 'read':
      return { inboxDone: model.mails.splice(0, 1).map(id) };
    case 'post':
      model.posts.push(count);
      return { outboxPut: [{ post: id(count), body: text(`post ${count}`) }] };
    case 'posted':
      return { outboxDone: model.posts.splice(0, 1).map(id) };
    case 'flush':
    case 'rotate':
    case 'prune':
    case 'forget':
    case 'kill':
      return undefined;
  }
}

function commit(log: EventLog, batch: Partial<LogBatch>): void {
  for (let tries = 0; tries < 4; tries++) {
    const result = log.commit({ at: 1, events: [], ...batch });
    if (result.ok) return;
    expect(result.error.code).toBe('MOVED');
  }
  throw new Error('moved again and again though nobody wrote');
}

function answersTheModel(log: EventLog, { states, mails, posts }: Model): void {
  for (const [name, state] of states) expect(log.sealedValue(name)).toEqual(state);
  expect(log.inbox().map(({ body }) => body)).toEqual(mails.map((n) => text(`mail ${n}`)));
  expect(log.outbox().map(({ body }) => body)).toEqual(posts.map((n) => text(`post ${n}`)));
}

describe('several owners', () => {
  const open: EventLog[] = [];
  afterEach(() => {
    for (const log of open.splice(0)) log.close();
  });

  function openShared(folder: string, sabotage: LogSabotage = {}): EventLog {
    const { log } = unwrap(
      openSqliteLog({ ...logOptions(folder), ifMissing: 'create', shared: true, sabotage }),
    );
    open.push(log);
    return log;
  }

  /** Lives the steps; throws where what an owner answers, or what the files hold, is not the model. */
  function live(steps: readonly Step[], sabotage: LogSabotage = {}): void {
    const folder = scratchFolder();
    const owners = Array.from({ length: OWNERS }, () => openShared(folder, sabotage));
    const model: Model = { count: 0, states: new Map(), mails: [], posts: [] };
    for (const one of steps) {
      const log = owners[one.owner];
      if (log === undefined) continue;
      // Whoever is killed closes nothing; its handle is only let go at the end.
      if (one.kind === 'kill') owners[one.owner] = openShared(folder, sabotage);
      else if (one.kind === 'flush') log.flush();
      else if (one.kind === 'rotate') log.rotate();
      else if (one.kind === 'prune') log.prune(2);
      else if (one.kind === 'forget') {
        const isOld = ({ version, seq }: LogEvent): boolean => version > 1 && seq % 3 === 0;
        expect(log.forget(isOld)).toMatchObject({ ok: true });
        answersTheModel(log, model);
      } else {
        const batch = batchOf(model, one);
        if (batch === undefined) continue;
        commit(log, batch);
        answersTheModel(log, model);
      }
    }
    for (const log of owners) {
      commit(log, { events: [{ stream: 'end', type: 9, schema: 1, facts: text('end') }] });
      answersTheModel(log, model);
    }
    for (const log of open.splice(0)) log.close();
    const { path, vaultPath } = logOptions(folder);
    const report = unwrap(
      verifySqliteLog({ path, crypto: nodeCrypto, vault: { path: vaultPath, key: KEY } }),
    );
    expect(unwrap(report.chain).tip.seq).toBeGreaterThan(0);
    expect(report.rebuilt?.differences).toEqual([]);
  }

  const steps = fc.array(step, { minLength: 1, maxLength: 40 });

  test('any order of their writes, flushes and deaths is one history', () => {
    fc.assert(
      fc.property(steps, (life) => live(life)),
      { numRuns: 60 },
    );
  });

  test('an owner that trusts its memory is caught', () => {
    const law = fc.property(steps, (life) => {
      try {
        live(life, { trustsItsMemory: true });
      } finally {
        for (const log of open.splice(0)) closeBroken(log);
      }
    });
    expect(fc.check(law, { numRuns: 60, endOnFailure: true }).failed).toBe(true);
  });

  /** Opens another owner; once armed, `between` runs before it next takes the lock or commits. */
  function openRaced(folder: string, between: () => void): { log: EventLog; arm: () => void } {
    const { path, vaultPath, ...options } = { ...logOptions(folder), shared: true };
    const store = unwrap(openSqliteStore(path, options));
    const fenced: SqliteLogOptions['fenced'] = (write) => store.locked(write);
    const vault = unwrap(openSlotFileVault(vaultPath, { ...options, fenced }));
    let isArmed = false;
    const race = (): void => {
      const isDue = isArmed;
      isArmed = false;
      if (isDue) between();
    };
    const raced: EventStore = {
      ...store,
      commit(change) {
        race();
        return store.commit(change);
      },
      locked(work) {
        race();
        return store.locked(work);
      },
    };
    const log = unwrap(openEventLog({ ...options, store: raced, vault }, options));
    open.push(log);
    return { log, arm: () => (isArmed = true) };
  }

  test('two that prune or forget the same agree', () => {
    const folder = scratchFolder();
    const other = openShared(folder);
    const event = { stream: 'a', type: 1, schema: 1, facts: text('a') };
    for (const state of ['one', 'two', 'three']) {
      commit(other, { events: [{ ...event, sealed: [text(state)] }] });
    }
    other.flush();
    const pruning = openRaced(folder, () => expect(other.prune(2).parts).toBe(2));
    pruning.arm();
    expect(pruning.log.prune(2)).toMatchObject({ parts: 0 });
    const isSecond = ({ seq }: { seq: number }): boolean => seq === 2;
    const forgetting = openRaced(folder, () => unwrap(other.forget(isSecond)));
    const choose = (one: { seq: number }): boolean => {
      forgetting.arm();
      return isSecond(one);
    };
    expect(forgetting.log.forget(choose)).toMatchObject({ error: { code: 'MOVED' } });
    expect(unwrap(forgetting.log.forget(isSecond))).toMatchObject({ events: 0 });
  });

  test('who does not share is refused, and refuses those who would', () => {
    const folder = scratchFolder();
    const shared = openShared(folder);
    openShared(folder);
    expect(openSqliteLog(logOptions(folder))).toMatchObject({
      error: { code: 'STORE_IN_USE', holder: { pid: process.pid } },
    });
    for (const log of open.splice(0)) log.close();
    expect(() => shared.flush()).toThrow();
    const { log } = unwrap(openSqliteLog(logOptions(folder)));
    expect(openSqliteLog({ ...logOptions(folder), shared: true })).toMatchObject({
      error: { code: 'STORE_IN_USE' },
    });
    log.close();
  });
});

/** Lets go of a log that may have failed. */
function closeBroken(log: EventLog): void {
  try {
    log.close();
  } catch {
    // It has said so already.
  }
}
