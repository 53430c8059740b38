/** Verify and replay beside a device that is at work, and on a copy in which a byte was flipped. */

import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDevice, sqlite, vaultPathOf } from '@simsim/device';
import type { Device } from '@simsim/device';
import { startRelay } from '@simsim/relay';
import type { RunningRelay } from '@simsim/relay';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { betterSqlite3 } from '@simsim/event-log-sqlite';
import { CliError } from '../cli-error.ts';
import { findLogs } from './find-logs.ts';
import { openEvents, openLogWithVault } from './log-files.ts';
import { verifyLog } from './verify-log.ts';

const key = { kind: 'none', unsafePlaintextVault: true } as const;

let folder: string;
let relay: RunningRelay;
let alice: Device;
let bob: Device;
let log: string;

const open = (user: string): Promise<Device> =>
  openDevice({
    user,
    store: sqlite(join(folder, user, 'log.db'), { unsafePlaintextVault: true }),
    relay: relay.url,
    ifMissing: 'create',
    oneTimeKeys: 5,
  });

/** Resolves when bob has acknowledged so many messages. */
function received(count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const subscription = bob.messages$.subscribe((message) => {
      void message
        .ack({ put: [[`chat/${message.from.user}/${message.id}`, message.body]] })
        .then(() => {
          left--;
          if (left > 0) return;
          subscription.unsubscribe();
          resolve();
        });
    });
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-verify-'));
  relay = await startRelay({ file: join(folder, 'relay.db') });
  alice = await open('alice');
  bob = await open('bob');
  log = join(folder, 'bob', 'log.db');
  const all = received(12);
  for (let i = 0; i < 12; i++) await alice.send('bob', `line ${i}`);
  await all;
});

afterAll(async () => {
  await alice.close();
  await bob.close();
  await relay.stop();
  rmSync(folder, { recursive: true });
});

describe('beside a running device', () => {
  it('a log verifies, and its projections are rebuilt from events alone', async () => {
    for (let round = 0; round < 5; round++) {
      const verdict = verifyLog(log, { key });
      expect(verdict).toMatchObject({ ok: true, faults: [] });
      expect(verdict.rebuiltRows).toBeGreaterThan(20);
      const next = received(1);
      await alice.send('bob', 'one more');
      await next;
    }
  });

  it('a log replays: facts are readable, superseded secrets are shredded', () => {
    bob.flush();
    const opened = openLogWithVault(log, key);
    try {
      const events = [...opened.log.events()];
      expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1));
      const states = new Set(events.map((event) => event.sealed));
      expect([...states].sort()).toEqual(['none', 'sealed', 'shredded']);
    } finally {
      opened.close();
    }
  });

  it('a folder that nobody may look into keeps no other log from being found', () => {
    const mixed = mkdtempSync(join(tmpdir(), 'simsim-closed-'));
    const [open, closed] = [join(mixed, 'open'), join(mixed, 'shut')];
    for (const each of [open, closed]) mkdirSync(each);
    writeFileSync(join(open, 'log.db'), '');
    chmodSync(mixed, 0o755);
    chmodSync(closed, 0o000);
    const found = asNobody(() => [findLogs(mixed), verifyLog(closed, { key })] as const);
    rmSync(mixed, { recursive: true });
    expect(found[0]).toEqual([join(open, 'log.db'), closed]);
    expect(found[1]).toMatchObject({ state: 'unread', ok: false });
  });

  it('logs are found below a folder', () => {
    expect(findLogs(folder)).toEqual([join(folder, 'alice', 'log.db'), log]);
    expect(findLogs(log)).toEqual([log]);
  });
});

describe('a flipped byte', () => {
  it('is found wherever it is in an event, and the event is named', async () => {
    const whole = await closedCopy();
    const reader = openEvents(whole);
    const events = [...reader.events(1, reader.tip().seq)];
    reader.close();
    const bytes = readFileSync(whole);
    const flips = fc.record({
      event: fc.nat({ max: events.length - 1 }),
      part: fc.constantFrom('facts', 'sealed', 'hash'),
      offset: fc.nat(),
      mask: fc.integer({ min: 1, max: 255 }),
    });
    const broken = join(folder, 'broken.db');
    fc.assert(
      fc.property(flips, ({ event, part, offset, mask }) => {
        const row = events[event];
        const blob = row?.[part as 'facts' | 'sealed' | 'hash'];
        if (row === undefined || blob === undefined) return;
        const start = bytes.indexOf(blob);
        // A blob that SQLite spread over two pages is not found in one piece.
        if (start < 0) return;
        const copy = Buffer.from(bytes);
        const at = start + (offset % blob.length);
        copy[at] = (copy[at] ?? 0) ^ mask;
        writeFileSync(broken, copy);
        expect(verifyLog(broken, { key })).toMatchObject({ ok: false, badSeq: row.seq });
      }),
      { numRuns: 60 },
    );
  });

  it('is found in a projection too, which the chain does not cover', async () => {
    const whole = await closedCopy();
    const reader = openEvents(whole);
    const [record] = [...reader.records()];
    reader.close();
    const bytes = readFileSync(whole);
    const at = bytes.indexOf(record?.value ?? new Uint8Array(1));
    bytes[at + 20] = (bytes[at + 20] ?? 0) ^ 1;
    const broken = join(folder, 'projection.db');
    writeFileSync(broken, bytes);
    copyFileSync(vaultPathOf(whole), vaultPathOf(broken));
    const verdict = verifyLog(broken, { key });
    expect(verdict.ok).toBe(false);
    expect(verdict.faults.join()).toContain('record');
  });

  it('anywhere in the file is a verdict, whatever it hits', async () => {
    const whole = await closedCopy();
    const bytes = readFileSync(whole);
    const broken = join(folder, 'anywhere.db');
    copyFileSync(vaultPathOf(whole), vaultPathOf(broken));
    // Page by page: headers and cells of every table and index.
    for (let at = 0; at < bytes.length; at += 1021) {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 0x81;
      writeFileSync(broken, copy);
      const { ok, state, faults, next } = verifyLog(broken, { key });
      const isWhole = state === 'whole';
      const said = { at, ok, isFaultless: faults.length === 0, isDone: next === undefined };
      expect(said).toEqual({ at, ok: isWhole, isFaultless: isWhole, isDone: isWhole });
    }
  });

  it('in an index is found, where every row is there and cannot be found by its name', async () => {
    const whole = await closedCopy();
    const db = betterSqlite3.open(whole, 'read');
    const [root] =
      db
        .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_stream_1'")
        .get([]) ?? [];
    db.close();
    const bytes = readFileSync(whole);
    const page = (Number(root) - 1) * 4096;
    for (let i = 3900; i < 3960; i++) bytes[page + i] = (bytes[page + i] ?? 0) ^ 0x55;
    const broken = join(folder, 'index.db');
    writeFileSync(broken, bytes);
    expect(verifyLog(broken, { key })).toMatchObject({ state: 'damaged', ok: false });
    copyFileSync(vaultPathOf(whole), vaultPathOf(broken));
    expect(verifyLog(broken, { key })).toMatchObject({ state: 'damaged', ok: false });
  });
});

describe('rows that no event tells of', () => {
  it.each([
    ['inbox', 'UPDATE inbox SET body = zeroblob(99) WHERE id != zeroblob(16)'],
    ['inbox', 'DELETE FROM inbox'],
    ['data', 'UPDATE data SET value = zeroblob(length(value)) WHERE id = 2'],
  ])('of %s are damage where they do not open or are gone: %s', async (table, sql) => {
    await alice.send('bob', 'unread');
    await expect.poll(() => bob.doctor().inbox).toBeGreaterThan(0);
    const whole = await closedCopy();
    const verdict = verifyLog(whole, { key });
    expect(verdict).toMatchObject({ state: 'whole', opened: { outbox: 0 } });
    expect(verdict.opened?.inbox).toBeGreaterThan(0);
    expect(verdict.opened?.data).toBeGreaterThan(10);
    const db = betterSqlite3.open(whole, 'write');
    expect(db.prepare(sql).run([])).toBeGreaterThan(0);
    db.close();
    const found = verifyLog(whole, { key });
    expect(found).toMatchObject({ ok: false, state: 'damaged' });
    expect(found.faults.join()).toContain(table);
  });
});

describe('what is no log', () => {
  it('is refused with the exit code that says so', () => {
    const text = join(folder, 'text.db');
    writeFileSync(text, 'this is no database, and long enough to look like one'.repeat(100));
    expect(verifyLog(text, { key })).toMatchObject({ ok: false, state: 'damaged' });
    expect(exitCodeOf(() => openEvents(text))).toBe(3);
    expect(exitCodeOf(() => verifyLog(join(folder, 'nothing.db'), { key }))).toBe(2);
    expect(exitCodeOf(() => findLogs(join(folder, 'nowhere')))).toBe(2);
    const empty = mkdtempSync(join(folder, 'empty-'));
    expect(exitCodeOf(() => findLogs(empty))).toBe(2);
  });

  it('is a log without its vault, for replay; for verify the chain is enough', async () => {
    const lone = join(folder, 'lone.db');
    copyFileSync(await closedCopy(), lone);
    expect(verifyLog(lone, { key })).toMatchObject({ ok: true, unchecked: expect.any(String) });
    expect(exitCodeOf(() => openLogWithVault(lone, key))).toBe(3);
  });

  it("is a log beside another log's vault", async () => {
    const mixed = join(folder, 'mixed.db');
    copyFileSync(await closedCopy(), mixed);
    copyFileSync(vaultPathOf(join(folder, 'alice', 'log.db')), vaultPathOf(mixed));
    expect(verifyLog(mixed, { key }).ok).toBe(false);
    expect(exitCodeOf(() => openLogWithVault(mixed, key))).toBe(3);
  });
});

/** A copy of bob's log and vault without a WAL: bob closes, and opens again afterwards. */
async function closedCopy(): Promise<string> {
  await bob.close();
  const copy = join(folder, 'copy.db');
  copyFileSync(log, copy);
  copyFileSync(vaultPathOf(log), vaultPathOf(copy));
  bob = await open('bob');
  return copy;
}

function exitCodeOf(work: () => unknown): number | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof CliError ? error.exitCode : undefined;
  }
}

/** Where this process may look into everything, somebody else looks. */
function asNobody<T>(work: () => T): T {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}
