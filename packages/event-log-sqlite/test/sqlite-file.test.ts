import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import Database from 'better-sqlite3';
import { nodeCrypto } from '@simsim/crypto/node';
import { createLogReader } from '@simsim/event-log';
import type { EventLog, RecordFold } from '@simsim/event-log';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connect, valueOf } from '../src/connection.ts';
import {
  copySqliteLog,
  openSqliteReader,
  openSqliteStore,
  openVaultReader,
  verifySqliteLog,
} from '../src/index.ts';
import { isHeld, thisProcess } from '../src/lease.ts';
import { id16, KEY, logOptions, openedLog, openLog, scratchFolder, text, unwrap } from './files.ts';

/** Twenty-four events of four streams, with a kill's worth of unflushed ones. */
function grow(log: EventLog): void {
  for (let i = 0; i < 24; i++) {
    const sealed = i % 2 === 0 ? { sealed: [text(`state ${i}`)] } : {};
    const facts = text(`facts ${i}`);
    log.commit({
      at: 50 + i,
      events: [{ stream: `stream ${i % 4}`, type: 3, schema: 1, facts, seen: [facts], ...sealed }],
      records: [{ name: 'last', value: facts }],
      outboxPut: [{ post: id16(i), body: text(`post ${i}`) }],
      inboxPut: [{ id: id16(100 + i), body: text(`mail ${i}`) }],
    });
    if (i === 15) log.flush();
  }
}

const FOLD: RecordFold<Uint8Array | undefined> = {
  initial: () => undefined,
  apply: (_, { facts }) => facts,
  rows: (last) => (last === undefined ? [] : [{ name: 'last', value: last }]),
};

function verify(folder: string, mode: 'keyless' | 'with vault') {
  const vault = { vault: { path: join(folder, 'vault'), key: KEY } };
  return unwrap(
    verifySqliteLog({
      path: join(folder, 'log.db'),
      crypto: nodeCrypto,
      fold: FOLD,
      ...(mode === 'keyless' ? {} : vault),
    }),
  );
}

describe('a connection', () => {
  test('is in WAL mode with full syncs on every open, not only the first', () => {
    const path = join(scratchFolder(), 'log.db');
    for (const _ of [1, 2, 3]) {
      const { db } = connect(path, { mode: 'write', cacheKiB: 64 });
      const settings = [
        'journal_mode',
        'synchronous',
        'secure_delete',
        'trusted_schema',
        'cache_size',
      ];
      expect(settings.map((name) => valueOf(db, `PRAGMA ${name}`))).toEqual(['wal', 2, 2, 0, -64]);
      db.exec('CREATE TABLE IF NOT EXISTS t (a) STRICT'.replace('(a)', '(a INTEGER)'));
      db.close();
    }
  });

  test('the schema refuses to delete or alter an event, and lets a part be pruned', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    grow(log);
    log.close();
    const { db } = connect(join(folder, 'log.db'), { mode: 'write', cacheKiB: 64 });
    const attempts = [
      'DELETE FROM event WHERE seq = 3',
      'UPDATE event SET at = at + 1 WHERE seq = 3',
      'UPDATE event SET sealed = NULL WHERE seq = 3',
      'UPDATE event SET sealed = zeroblob(33) WHERE seq = 3',
      'UPDATE event SET sealed = zeroblob(32) WHERE seq = 4',
      'UPDATE event SET sealed = zeroblob(32), at = 1 WHERE seq = 3',
      'INSERT OR REPLACE INTO event SELECT * FROM event WHERE seq = 3',
    ];
    for (const sql of attempts) expect(() => db.exec(sql), sql).toThrow('append-only');
    const sealed = valueOf(db, 'SELECT sealed FROM event WHERE seq = 3');
    const digest = nodeCrypto.digest([new Uint8Array(sealed as Buffer)]);
    db.prepare('UPDATE event SET sealed = ? WHERE seq = 3').run([digest]);
    db.close();
    const { chain } = verify(folder, 'with vault');
    expect(chain).toMatchObject({ ok: true, value: { pruned: 1, sealed: 12 } });
  });
});

describe('opening a store', () => {
  test('makes files that only their owner may read, and leaves the rights of those that are there', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    grow(log);
    const rights = () =>
      readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777);
    expect(rights()).toEqual([0o600, 0o600, 0o600, 0o600]);
    log.close();
    chmodSync(join(folder, 'log.db'), 0o640);
    openedLog(folder).close();
    expect(statSync(join(folder, 'log.db')).mode & 0o777).toBe(0o640);
    unwrap(copySqliteLog(join(folder, 'log.db'), join(folder, 'copy.db')));
    expect(statSync(join(folder, 'copy.db')).mode & 0o777).toBe(0o600);
  });

  test('takes no path that the library would shorten to another one', () => {
    const folder = scratchFolder();
    const beside = openedLog(folder);
    const path = `${join(folder, 'log.db')} `;
    expect(openLog(folder, { path, vaultPath: join(folder, 'other') })).toMatchObject({
      error: { code: 'STORE_FAILED', detail: expect.stringContaining('space') },
    });
    beside.close();
    expect(readdirSync(folder).sort()).toEqual(['log.db', 'vault']);
  });

  test('refuses what is missing, foreign, damaged or newer, and changes nothing', () => {
    const folder = scratchFolder();
    const path = join(folder, 'log.db');
    expect(openSqliteStore(path)).toMatchObject({ error: { code: 'STORE_MISSING' } });
    expect(openSqliteReader(path)).toMatchObject({ error: { code: 'STORE_MISSING' } });
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, 'this is a letter, not a database'.repeat(400));
    const letter = readFileSync(path);
    for (const open of [openSqliteStore, openSqliteReader]) {
      expect(open(path)).toMatchObject({ error: { code: 'STORE_CORRUPT' } });
    }
    expect(readFileSync(path)).toEqual(letter);
    rmSync(path);
    const foreign = new Database(path);
    foreign.exec('CREATE TABLE diary (day TEXT)');
    foreign.close();
    const answer = openSqliteStore(path, { ifMissing: 'create' });
    expect(answer).toMatchObject({ error: { code: 'STORE_CORRUPT' } });
    rmSync(path);
    unwrap(openSqliteStore(path, { ifMissing: 'create' })).close();
    const newer = new Database(path);
    newer.pragma('user_version = 2');
    newer.close();
    expect(openSqliteStore(path)).toMatchObject({ error: { code: 'STORE_TOO_NEW' } });
    mkdirSync(join(folder, 'd'));
    expect(openSqliteStore(join(folder, 'd'))).toMatchObject({ error: { code: 'STORE_FAILED' } });
  });

  test('a half of a log is refused by name, a creation cut short is finished', () => {
    const folder = scratchFolder();
    const { path, vaultPath } = logOptions(folder);
    expect(openLog(folder, { ifMissing: 'refuse' })).toMatchObject({
      error: { code: 'STORE_MISSING' },
    });
    // Killed after the database, then after the vault.
    unwrap(openSqliteStore(path, { ifMissing: 'create' })).close();
    expect(openLog(folder, { ifMissing: 'refuse' })).toMatchObject({
      error: { code: 'STORE_MISSING' },
    });
    const first = unwrap(openLog(folder));
    expect(first.isNew).toBe(true);
    first.log.close();
    rmSync(path);
    unwrap(openSqliteStore(`${path}2`, { ifMissing: 'create' })).close();
    const onlyVault = openLog(folder);
    expect(onlyVault).toMatchObject({ error: { code: 'STORE_MISSING' } });
    expect(existsSync(path)).toBe(false);
    copyFileSync(`${path}2`, path);
    const finished = unwrap(openLog(folder));
    expect(finished.isNew).toBe(true);
    grow(finished.log);
    finished.log.close();
    rmSync(vaultPath);
    expect(openLog(folder)).toMatchObject({ error: { code: 'VAULT_MISSING' } });
    expect(existsSync(vaultPath)).toBe(false);
    writeFileSync(vaultPath, 'x');
    expect(openLog(folder)).toMatchObject({ error: { code: 'VAULT_CORRUPT' } });
  });
});

describe('the lease', () => {
  test('of a process that is gone, or of an earlier boot, is taken over; another host is asked', () => {
    const here = thisProcess();
    const { pid } = spawnSync(process.execPath, ['-e', '0']);
    expect(isHeld(here, here)).toBe(true);
    expect(isHeld({ ...here, pid }, here)).toBe(false);
    expect(isHeld({ ...here, start: '1' }, here)).toBe(false);
    expect(isHeld({ ...here, boot: 'another' }, here)).toBe(false);
    expect(isHeld({ ...here, pid, host: 'another' }, here)).toBe(true);
  });
});

describe('beside a live owner', () => {
  test('a log is verified, rebuilt and replayed without disturbing it', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    grow(log);
    expect(log.lag()).toBe(8);
    const report = verify(folder, 'with vault');
    expect(report.chain).toMatchObject({ ok: true, value: { tip: log.tip(), streams: 4 } });
    expect(report.rebuilt).toMatchObject({
      events: 24,
      records: 1,
      liveStates: 2,
      differences: [],
    });
    const reader = unwrap(openSqliteReader(join(folder, 'log.db')));
    const vault = unwrap(openVaultReader(join(folder, 'vault'), { crypto: nodeCrypto, key: KEY }));
    const replay = unwrap(createLogReader({ reader, vault, crypto: nodeCrypto }));
    const timeline = [...replay.events()];
    expect(timeline).toEqual(
      [...log.events()].map((event) => ({ ...event, sealed: expect.any(String) as unknown })),
    );
    expect(timeline.filter(({ sealed }) => sealed === 'sealed').map(({ seq }) => seq)).toEqual([
      13, 15, 17, 19, 21, 23,
    ]);
    grow(log);
    reader.close();
    log.close();
    expect(verify(folder, 'with vault').rebuilt?.differences).toEqual([]);
  });
});

describe('damage in the file', () => {
  const columns = [
    'seq',
    'stream',
    'version',
    'prev',
    'kind',
    'at',
    'facts',
    'sealed',
    'hash',
  ] as const;

  /** A grown, closed log without the triggers that would hinder the vandal. */
  function vandalised(folder: string, sql: string, ...values: (number | Buffer | null)[]): void {
    const db = new Database(join(folder, 'log.db'));
    db.exec('DROP TRIGGER IF EXISTS event_no_delete; DROP TRIGGER IF EXISTS event_shrink_only');
    db.pragma('ignore_check_constraints = ON');
    db.prepare(sql).run(...values);
    db.close();
  }

  test('is named by sequence number, whichever column of whichever event was altered', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    grow(log);
    log.close();
    const { path } = logOptions(folder);
    const sound = readFileSync(path);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.constantFrom(...columns),
        fc.nat(255),
        (seq, column, byte) => {
          writeFileSync(path, sound);
          const db = new Database(path, { readonly: true });
          const value = db.prepare(`SELECT ${column} FROM event WHERE seq = ?`).pluck().get(seq);
          db.close();
          const altered = alter(value, byte);
          vandalised(folder, `UPDATE event SET ${column} = ? WHERE seq = ?`, altered, seq);
          const { chain } = verify(folder, 'keyless');
          const expected = column === 'seq' ? { code: 'EVENT_MISSING' } : { code: 'EVENT_DAMAGED' };
          expect(chain).toMatchObject({ ok: false, error: { ...expected, seq } });
        },
      ),
      { numRuns: 60 },
    );
    for (const seq of [1, 13, 24]) {
      writeFileSync(path, sound);
      vandalised(folder, 'DELETE FROM event WHERE seq = ?', seq);
      const { chain } = verify(folder, 'keyless');
      expect(chain).toMatchObject({ ok: false, error: { code: 'EVENT_MISSING', seq } });
    }
  });

  function alter(value: unknown, byte: number): number | Buffer {
    if (typeof value === 'number') return value + 1_000_000 + byte;
    if (!(value instanceof Uint8Array)) return Buffer.alloc(33, byte);
    const bytes = Buffer.from(value);
    const at = byte % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  }

  test('a byte flipped in the raw file inside an event is named', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    grow(log);
    log.close();
    const { path } = logOptions(folder);
    const db = new Database(path, { readonly: true });
    const rows = db.prepare('SELECT seq, facts, sealed, hash FROM event').all() as {
      seq: number;
      facts: Buffer;
      sealed: Buffer | null;
      hash: Buffer;
    }[];
    db.close();
    const sound = readFileSync(path);
    for (const { seq, facts, sealed, hash } of rows) {
      for (const blob of [facts, sealed, hash]) {
        if (blob === null) continue;
        const damaged = Buffer.from(sound);
        const at = damaged.indexOf(blob) + (seq % blob.length);
        damaged[at] = (damaged[at] ?? 0) ^ 0x40;
        writeFileSync(path, damaged);
        expect(verify(folder, 'keyless').chain).toMatchObject({ ok: false, error: { seq } });
      }
    }
  });

  test('any byte flipped in the pages of the events is found and named, never thrown', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    grow(log);
    log.close();
    const { path } = logOptions(folder);
    const sound = readFileSync(path);
    const rows = eventsOf(path);
    const pages = new Set(
      rows.map(([, , , , , , facts]) => Math.floor(sound.indexOf(facts as Buffer) / 4096)),
    );
    const offset = fc
      .tuple(fc.constantFrom(...pages), fc.nat(4095))
      .map(([page, at]) => page * 4096 + at);
    const found = { named: 0, refused: 0, harmless: 0 };
    fc.assert(
      fc.property(offset, fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(sound);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        writeFileSync(path, damaged);
        const seen = eventsOf(path);
        const first = rows.findIndex((row, i) => !isDeepStrictEqual(row, seen[i]));
        const report = verifySqliteLog({ path, crypto: nodeCrypto });
        if (!report.ok) {
          found.refused++;
          expect(report.error.code).toMatch(/^STORE_/);
        } else if (first >= 0) {
          found.named++;
          // Where the page's own structure is hit, which rows are lost depends on how one reads.
          const exactly = seen[first] === undefined ? {} : { error: { seq: first + 1 } };
          expect(report.value.chain).toMatchObject({ ok: false, ...exactly });
        } else found.harmless++;
      }),
      { numRuns: 300 },
    );
    expect(found.named).toBeGreaterThan(found.refused);
  });

  /** All events as far as they can be read. */
  function eventsOf(path: string): unknown[][] {
    const rows: unknown[][] = [];
    const db = new Database(path, { readonly: true });
    try {
      const all = db.prepare('SELECT * FROM event ORDER BY seq').raw(true);
      for (const row of all.iterate()) rows.push(row as unknown[]);
    } catch {
      // Where it ends is the answer.
    } finally {
      db.close();
    }
    return rows;
  }
});
