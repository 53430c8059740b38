/** Logs where nothing may be written: readers read them, owners are told why not, and nothing is left behind. */

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { nodeCrypto } from '@simsim/crypto/node';
import type { EventLog } from '@simsim/event-log';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TestContext } from 'vitest';
import {
  openSqliteLog,
  openSqliteReader,
  openVaultReader,
  storeFailed,
  verifySqliteLog,
} from '../src/index.ts';
import { id16, KEY, logOptions, openedLog, openLog, scratchFolder, text, unwrap } from './files.ts';

function grow(log: EventLog, count: number): void {
  for (let i = 0; i < count; i++) {
    const facts = text(`fact ${i}`);
    const event = { stream: `s${i % 3}`, type: 1, schema: 1, facts, sealed: [text('state')] };
    const inboxPut = [{ id: id16(1000 + log.tip().seq), body: text('mail') }];
    unwrap(log.commit({ at: i, events: [event], inboxPut }));
  }
}

/** A log in a folder: closed, or as a killed owner leaves it, with commits in the WAL. */
function leave(folder: string, end: 'closed' | 'killed'): void {
  const home = scratchFolder();
  const log = openedLog(home);
  grow(log, 12);
  log.flush();
  grow(log, 3);
  if (end === 'closed') log.close();
  cpSync(home, folder, { recursive: true });
  if (end === 'killed') log.close();
}

/** What a reader makes of it: events, and whether verify finds anything. */
function read(folder: string): { readonly events: number; readonly faults: number } {
  const { path, vaultPath } = logOptions(folder);
  const reader = unwrap(openSqliteReader(path));
  const events = [...reader.events(1, reader.tip().seq)].length;
  reader.close();
  unwrap(openVaultReader(vaultPath, { crypto: nodeCrypto, key: KEY })).close();
  const vault = { path: vaultPath, key: KEY };
  const { chain, rebuilt, lostRows } = unwrap(verifySqliteLog({ path, crypto: nodeCrypto, vault }));
  unwrap(chain);
  return { events, faults: (rebuilt?.differences.length ?? 1) + lostRows.length };
}

const bytesOf = (folder: string): Map<string, string> =>
  new Map(
    readdirSync(folder)
      .toSorted()
      .map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );

/** A folder for everything temporary, for this test alone. */
function ownScratch(): string {
  const [folder, before] = [scratchFolder(), process.env['TMPDIR']];
  process.env['TMPDIR'] = folder;
  onTestFinished(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  return folder;
}

/** Says why a test cannot run here, and skips it. */
function skip(context: TestContext, reason: string): void {
  process.stdout.write(`${context.task.name}: not tested: ${reason}\n`);
  context.skip(reason);
}

function run(command: string, ...args: readonly string[]): string | undefined {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  return done.status === 0 ? undefined : (done.error?.message ?? done.stderr).trim();
}

/** A medium of its own, until the test ends; a text says why this machine has none. */
function mount(): { readonly folder: string; readonly seal: () => void } | string {
  if (process.platform !== 'linux') return 'mounts of tmpfs are a thing of Linux';
  if (process.getuid?.() !== 0) return 'mounting needs root';
  const folder = scratchFolder();
  const failure = run('mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder);
  if (failure !== undefined) return `mount does not work here: ${failure}`;
  onTestFinished(() => void run('umount', folder));
  const seal = (): void => expect(run('mount', '-o', 'remount,ro', folder)).toBe(undefined);
  return { folder, seal };
}

describe.each(['closed', 'killed'] as const)('a log that was %s', (end) => {
  test(`on a read-only medium is read and verified, and refused to owners (${end})`, (context) => {
    const medium = mount();
    if (typeof medium === 'string') return skip(context, medium);
    const folder = join(medium.folder, 'device');
    mkdirSync(folder);
    leave(folder, end);
    medium.seal();
    const scratch = ownScratch();
    expect(read(folder)).toEqual({ events: 15, faults: 0 });
    expect(readdirSync(scratch)).toEqual([]);
    for (const ifMissing of ['refuse', 'create'] as const) {
      expect(openLog(folder, { ifMissing })).toMatchObject({
        error: {
          code: 'STORE_FAILED',
          detail: expect.stringMatching(/read-only; put log and vault/),
        },
      });
    }
    const fresh = logOptions(medium.folder, { ifMissing: 'create' });
    expect(openSqliteLog(fresh)).toMatchObject({
      error: {
        code: 'STORE_FAILED',
        detail: expect.stringMatching(/read-only; put log and vault/),
      },
    });
    expect(storeFailed(new ErrorOf('ENOENT'), join(medium.folder, 'a/b/log.db'))).toMatchObject({
      detail: expect.stringMatching(/read-only/) as string,
    });
  });

  test(`in a folder of somebody else is read and verified (${end})`, (context) => {
    if (process.seteuid === undefined || process.getuid?.() !== 0) {
      return skip(context, 'becoming another user needs root');
    }
    const folder = scratchFolder();
    leave(folder, end);
    chmodSync(folder, 0o755);
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o644);
    const before = bytesOf(folder);
    process.seteuid(65_534);
    try {
      expect(read(folder)).toEqual({ events: 15, faults: 0 });
      expect(openLog(folder, { ifMissing: 'refuse' })).toMatchObject({
        error: { code: 'STORE_FAILED', detail: expect.stringMatching(/its owner/) },
      });
    } finally {
      process.seteuid(0);
    }
    expect(bytesOf(folder)).toEqual(before);
  });

  test(`has nothing beside it that was not there before (${end})`, () => {
    const folder = scratchFolder();
    leave(folder, end);
    const before = bytesOf(folder);
    expect(read(folder)).toEqual({ events: 15, faults: 0 });
    const after = bytesOf(folder);
    // Its index is rebuilt by every reader; what a dead owner wrote is not touched.
    for (const files of [before, after]) files.delete('log.db-shm');
    expect(after).toEqual(before);
  });
});

describe('a live owner', () => {
  test('keeps its files, whoever reads, and goes on', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    grow(log, 5);
    expect(read(folder)).toEqual({ events: 5, faults: 0 });
    expect(readdirSync(folder)).toContain('log.db-wal');
    grow(log, 5);
    expect(read(folder)).toEqual({ events: 10, faults: 0 });
    log.close();
    expect(readdirSync(folder).toSorted()).toEqual(['log.db', 'vault']);
  });

  test('has its files also where the last of two readers leaves', () => {
    const folder = scratchFolder();
    leave(folder, 'closed');
    const { path } = logOptions(folder);
    const [first, second] = [unwrap(openSqliteReader(path)), unwrap(openSqliteReader(path))];
    first.close();
    const log = openedLog(folder, { ifMissing: 'refuse' });
    second.close();
    grow(log, 1);
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    log.close();
    expect(readdirSync(folder).toSorted()).toEqual(['log.db', 'vault']);
  });
});

/** What the system throws. */
class ErrorOf extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`${code}: told by a test`);
    this.code = code;
  }
}
