/** Damaged databases: each is refused or found by a code, and nothing readable is overwritten. */

import { cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeCrypto } from '@simsim/crypto/node';
import { StoreFailure } from '@simsim/event-log';
import type { EventLog } from '@simsim/event-log';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { openSqliteStore, verifySqliteLog } from '../src/index.ts';
import { id16, KEY, logOptions, openedLog, openLog, scratchFolder, text, unwrap } from './files.ts';

/** A closed log with something in every table; answers the folder. */
function grownLog(): string {
  const folder = scratchFolder();
  const log = openedLog(folder);
  for (let i = 0; i < 12; i++) {
    const seen = Array.from({ length: 50 }, (_, digest) => text(`digest ${i + 12 * digest}`));
    const event = { type: 1, schema: 1, facts: text(`fact ${i}`), seen };
    unwrap(
      log.commit({
        at: i,
        events: [
          { ...event, stream: `s${i % 3}`, sealed: [text(`state ${i}`)] },
          { type: 2, schema: 1, facts: text('public'), stream: 'public' },
        ],
        records: [{ name: `record ${i % 2}`, value: text(`row ${i}`) }],
        data: [{ key: `key ${i % 4}`, value: text(`value ${i}`) }],
        outboxPut: [{ post: id16(i), body: text(`post ${i}`) }],
        inboxPut: [{ id: id16(100 + i), body: text(`mail ${i}`) }],
      }),
    );
  }
  log.close();
  return folder;
}

/** Everything an owner reads. */
function readAll(log: EventLog): void {
  for (const name of log.streamsWithPrefix('')) {
    log.head(name);
    log.sealedValue(name);
  }
  for (const name of log.recordNames()) log.record(name);
  for (const { key } of log.dataEntries()) log.data(key);
  log.outbox();
  log.inbox();
  log.isSeen(text('digest 1'));
  for (const event of log.events()) expect(event.stream).not.toBe('');
}

/** What a damaged log says when it is opened and read, `sound` where it says nothing. */
function saidByUse(folder: string): string {
  const opened = openLog(folder, { ifMissing: 'refuse' });
  if (!opened.ok) {
    expect(opened.error.detail.length).toBeGreaterThan(15);
    return opened.error.code;
  }
  const { log } = opened.value;
  try {
    readAll(log);
    return 'sound';
  } catch (failure) {
    if (failure instanceof StoreFailure) return failure.code;
    throw failure;
  } finally {
    log.close();
  }
}

/** What verify says of it. */
function saidByVerify(folder: string): string {
  const { path, vaultPath } = logOptions(folder);
  const report = verifySqliteLog({
    path,
    crypto: nodeCrypto,
    vault: { path: vaultPath, key: KEY },
  });
  if (!report.ok) return report.error.code;
  const { chain, rebuilt, lostRows } = report.value;
  if (!chain.ok) return chain.error.code;
  return rebuilt?.differences[0]?.table ?? lostRows[0]?.table ?? 'sound';
}

function change(folder: string, sql: string): void {
  const db = new Database(logOptions(folder).path);
  db.exec('DROP TRIGGER IF EXISTS event_no_delete; DROP TRIGGER IF EXISTS event_shrink_only');
  db.pragma('ignore_check_constraints = ON');
  expect(db.prepare(sql).run().changes, sql).toBeGreaterThan(0);
  db.close();
}

/** A blob with one bit of its middle flipped. */
const flipped = (column: string): string =>
  `unhex(substr(hex(${column}), 1, length(${column}) / 2 * 2) ||
    substr('FEDCBA9876543210', 1 + instr('0123456789ABCDEF', substr(hex(${column}), length(${column}) / 2 * 2 + 1, 1)) - 1, 1) ||
    substr(hex(${column}), length(${column}) / 2 * 2 + 2))`;

/** Damage to a row, and who notices: whoever opens and reads the log, or verify. */
const ROWS: readonly (readonly [table: string, column: string, where: string])[] = [
  ['stream', 'name', 'id = 1'],
  ['stream', 'label', 'id = 1'],
  ['record', 'name', 'id = 1'],
  ['record', 'value', 'id = 1'],
  ['data', 'name', 'id = 2'],
  ['data', 'value', 'id = 2'],
  ['outbox', 'body', 'slot = 3'],
  ['outbox', 'post', 'slot = 3'],
  ['inbox', 'body', 'slot = 4'],
  ['inbox', 'id', 'slot = 4'],
  ['meta', 'v', `k = 'log'`],
  ['seen_run', 'ids', 'id > 0'],
];

describe('a flipped bit in a row', () => {
  for (const [table, column, where] of ROWS) {
    test(`in ${table}.${column} is noticed`, () => {
      const folder = grownLog();
      expect([saidByUse(folder), saidByVerify(folder)]).toEqual(['sound', 'sound']);
      change(folder, `UPDATE ${table} SET ${column} = ${flipped(column)} WHERE ${where}`);
      expect(saidByVerify(folder)).toMatch(new RegExp(`^(${table}|EVENT_DAMAGED)$`));
      expect(saidByUse(folder)).toMatch(/^(sound|STORE_[A-Z_]+|VAULT_MISMATCH)$/);
    });
  }

  test.each([
    'UPDATE head SET version = version + 1 WHERE stream = 1',
    'UPDATE head SET seq = seq - 2 WHERE stream = 1',
    'UPDATE head SET sealed = sealed - 2 WHERE stream = 1',
    'UPDATE head SET state = 1 WHERE stream = 1',
    'UPDATE stream SET slot = slot + 1 WHERE id = 1',
    'UPDATE stream SET slot = NULL WHERE id = 1',
  ])('a number that is another: %s', (sql) => {
    const folder = grownLog();
    change(folder, sql);
    expect(saidByVerify(folder)).toMatch(/HEAD_WRONG|EVENT_DAMAGED|head|stream|sealed/);
  });
});

describe('a number of a queue row that is another', () => {
  test.each([
    ['UPDATE inbox SET epoch = epoch + 1 WHERE slot = 4', 'inbox'],
    ['UPDATE inbox SET epoch = 1 WHERE slot = 4', 'inbox'],
    ['UPDATE inbox SET epoch = -1 WHERE slot = 4', 'inbox'],
    ['UPDATE inbox SET seq = seq - 1 WHERE slot = 4', 'inbox'],
    ['UPDATE inbox SET epoch = epoch + 1', 'inbox'],
    ['UPDATE inbox SET slot = 40 WHERE slot = 4', 'inbox'],
    ['UPDATE outbox SET slot = 40 WHERE slot = 4', 'outbox'],
    ['UPDATE outbox SET slot = 900719925474099 WHERE slot = 4', 'outbox'],
    ['UPDATE inbox SET slot = 900719925474099 WHERE slot = 4', 'inbox'],
  ])('is named, and not taken for a vault that was put back: %s', (sql, table) => {
    const folder = grownLog();
    const vault = readFileSync(logOptions(folder).vaultPath);
    change(folder, sql);
    expect(saidByVerify(folder)).toBe(table);
    expect(saidByUse(folder)).toMatch(/SET slot = /.test(sql) ? /^sound$/ : /^STORE_CORRUPT$/);
    if (sql.includes('epoch')) expect(readFileSync(logOptions(folder).vaultPath)).toEqual(vault);
  });

  test('that only says when a post goes out leaves the post as it is', () => {
    const folder = grownLog();
    change(folder, 'UPDATE outbox SET seq = seq + 5, due = 77, tries = 9 WHERE slot = 3');
    expect([saidByUse(folder), saidByVerify(folder)]).toEqual(['sound', 'sound']);
  });

  test('does not cost a mail its key where its epoch has no other row', () => {
    const folder = grownLog();
    const log = openedLog(folder, { ifMissing: 'refuse' });
    const event = { stream: 'public', type: 2, schema: 1, facts: text('more') };
    for (const number of [50, 51]) {
      log.commit({ at: 99, events: [event], inboxPut: [{ id: id16(number), body: text('late') }] });
      log.flush();
    }
    log.close();
    // The epoch of the mail before: its key is live, so only the body tells.
    change(
      folder,
      'UPDATE inbox SET epoch = (SELECT epoch FROM inbox WHERE slot = 13) WHERE slot = 14',
    );
    const vault = readFileSync(logOptions(folder).vaultPath);
    expect(saidByUse(folder)).toBe('STORE_CORRUPT');
    expect(readFileSync(logOptions(folder).vaultPath)).toEqual(vault);
    expect(saidByVerify(folder)).toBe('inbox');
  });

  test.each([
    ['the body of one mail', `UPDATE inbox SET body = ${flipped('body')} WHERE slot = 13`],
    ['the epoch of one mail', 'UPDATE inbox SET epoch = epoch + 1 WHERE slot = 13'],
  ])('after a kill: %s', (_what, sql) => {
    const folder = grownLog();
    const log = openedLog(folder, { ifMissing: 'refuse' });
    const event = { stream: 'public', type: 2, schema: 1, facts: text('more') };
    const mails = [50, 51].map((number) => ({ id: id16(number), body: text('late') }));
    log.commit({ at: 99, events: [event], inboxPut: mails });
    const left = scratchFolder();
    cpSync(folder, left, { recursive: true });
    log.close();
    change(left, 'DELETE FROM lease');
    change(left, sql);
    expect(saidByUse(left)).toBe('STORE_CORRUPT');
    expect(saidByVerify(left)).toBe('inbox');
  });
});

test('a lease of nobody keeps others out until it is gone, and is no damage', () => {
  const folder = grownLog();
  change(folder, `INSERT INTO lease VALUES (1, 0, 1, '', '', 'elsewhere', 5, zeroblob(16))`);
  expect([saidByUse(folder), saidByVerify(folder)]).toEqual(['STORE_IN_USE', 'sound']);
  change(folder, 'DELETE FROM lease');
  expect(saidByUse(folder)).toBe('sound');
});

describe('deleted rows', () => {
  test.each([
    ['DELETE FROM event WHERE seq = 7', 'EVENT_MISSING'],
    ['DELETE FROM event WHERE seq = 24', 'ANCHOR_WRONG'],
    ['DELETE FROM event WHERE seq > 20', 'ANCHOR_WRONG'],
    ['DELETE FROM head WHERE stream = 2', 'HEAD_WRONG'],
    ['DELETE FROM stream WHERE id = 2', 'stream'],
    ['DELETE FROM record WHERE id = 1', 'sound'],
    ['DELETE FROM seen_run', 'seen_run'],
    ['DELETE FROM outbox WHERE slot = 3', 'outbox'],
    ['DELETE FROM inbox WHERE slot = 3', 'inbox'],
    ['DELETE FROM inbox', 'inbox'],
    ['DELETE FROM outbox', 'outbox'],
    ['DELETE FROM outbox WHERE slot > 10', 'outbox'],
    ['DELETE FROM data WHERE id = 2', 'data'],
    ['DELETE FROM data', 'data'],
    [`INSERT INTO data (name, value) VALUES (x'00', x'00')`, 'data'],
    [`UPDATE meta SET v = zeroblob(24) WHERE k = 'counts'`, 'meta'],
    [`DELETE FROM meta WHERE k = 'counts'`, 'NO_LOG'],
  ])('%s', (sql, code) => {
    const folder = grownLog();
    change(folder, sql);
    expect(saidByVerify(folder)).toBe(code);
  });

  test('mail that was read is missed by nobody, also where its row was used again', () => {
    const folder = grownLog();
    const log = openedLog(folder, { ifMissing: 'refuse' });
    log.commit({
      at: 50,
      events: [],
      inboxDone: Array.from({ length: 12 }, (_, i) => id16(100 + i)),
    });
    log.commit({ at: 50, events: [], outboxDone: [id16(2), id16(11)] });
    const left = scratchFolder();
    cpSync(folder, left, { recursive: true });
    expect(saidByVerify(left)).toBe('sound');
    const event = { stream: 'public', type: 2, schema: 1, facts: text('more') };
    log.commit({ at: 51, events: [event], inboxPut: [{ id: id16(70), body: text('next') }] });
    expect(saidByVerify(folder)).toBe('sound');
    log.close();
    expect(saidByVerify(folder)).toBe('sound');
  });

  test('values that the application took away are missed by nobody', () => {
    const folder = grownLog();
    const log = openedLog(folder, { ifMissing: 'refuse' });
    const value = text('value');
    const commit = (...data: readonly { key: string; value: Uint8Array | undefined }[]): void => {
      unwrap(log.commit({ at: 50, events: [], data }));
      const left = scratchFolder();
      cpSync(folder, left, { recursive: true });
      expect(saidByVerify(left)).toBe('sound');
    };
    commit({ key: 'key 1', value: undefined }, { key: 'nobody', value: undefined });
    commit({ key: 'key 2', value }, { key: 'twice', value }, { key: 'twice', value });
    commit({ key: 'twice', value: undefined }, { key: 'key 2', value: undefined });
    commit({ key: 'late', value }, { key: 'late', value: undefined });
    log.close();
    change(folder, 'DELETE FROM data WHERE id = 1');
    expect(saidByVerify(folder)).toBe('data');
  });

  test('the last events are missed by the vault when the log is opened', () => {
    const folder = grownLog();
    change(folder, 'DELETE FROM event WHERE seq > 20');
    expect(saidByUse(folder)).toBe('STORE_ROLLED_BACK');
  });
});

describe('a damaged file', () => {
  test.each([0, 0.001, 0.2, 0.5, 0.9])('cut to %f of its length', (share) => {
    const folder = grownLog();
    const { path } = logOptions(folder);
    truncateSync(path, Math.floor(readFileSync(path).length * share));
    const before = readFileSync(path);
    expect(saidByUse(folder)).toMatch(/^STORE_(CORRUPT|MISSING|ROLLED_BACK|FAILED)$/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe('what is no log', () => {
  test.each(['', 'x', 'SQLite format 3\u0000 and then nothing', 'z'.repeat(10_000)])(
    'a file of other things stays as it is',
    (content) => {
      const folder = grownLog();
      const { path } = logOptions(folder);
      writeFileSync(path, content);
      expect(saidByUse(folder)).toMatch(/^STORE_/);
      expect(readFileSync(path, 'utf8')).toBe(content);
    },
  );

  test('another database stays as it is', () => {
    const folder = scratchFolder();
    const { path } = logOptions(folder);
    const db = new Database(path);
    db.exec('CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)');
    db.close();
    const before = readFileSync(path);
    expect(openSqliteStore(path, { ifMissing: 'create' })).toMatchObject({
      error: { code: 'STORE_CORRUPT' },
    });
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

test('several logs live in one folder', () => {
  const folder = scratchFolder();
  const names = ['a', 'b'];
  const logs = names.map((name) => {
    const files = { path: join(folder, `${name}.db`), vaultPath: join(folder, `${name}.vault`) };
    const log = openedLog(folder, files);
    const event = { stream: 's', type: 1, schema: 1, facts: text(name), sealed: [text(name)] };
    unwrap(log.commit({ at: 1, events: [event] }));
    return log;
  });
  expect(logs.map((log) => log.sealedValue('s'))).toEqual(names.map(text));
  for (const log of logs) log.close();
  const other = { path: join(folder, 'a.db'), vaultPath: join(folder, 'b.vault') };
  expect(openLog(folder, other)).toMatchObject({ error: { code: 'VAULT_MISMATCH' } });
});
