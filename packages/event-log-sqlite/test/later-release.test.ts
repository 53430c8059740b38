/** Logs of later releases: what can be read is read, and nothing of them is ever touched. */

import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { nodeCrypto } from '@simsim/crypto/node';
import { createLogReader } from '@simsim/event-log';
import type { LogEvent } from '@simsim/event-log';
import { describe, expect, test } from 'vitest';
import {
  openSqliteLog,
  openSqliteReader,
  openSqliteStore,
  openVaultReader,
  verifySqliteLog,
} from '../src/index.ts';
import { KEY, logOptions, openedLog, scratchFolder, text, unwrap } from './files.ts';

/** What a later release leaves behind that is otherwise as ours. */
const LATER = {
  'a later schema, readable for ours': {
    readable: true,
    change: 'PRAGMA user_version = 0x00010002',
  },
  'a later schema that ours does not know': {
    readable: false,
    change: 'PRAGMA user_version = 0x00020002',
  },
  'a later schema of one number': { readable: false, change: 'PRAGMA user_version = 2' },
  'a later format, readable for ours': {
    readable: true,
    change: "UPDATE meta SET v = x'0201' WHERE k = 'format'",
  },
  'a later format that ours does not know': {
    readable: false,
    change: "UPDATE meta SET v = x'0202' WHERE k = 'format'",
  },
  'a later format of one number': {
    readable: false,
    change: "UPDATE meta SET v = x'09' WHERE k = 'format'",
  },
} as const;
const KINDS = Object.entries(LATER).flatMap(([name, kind]) =>
  (['closed', 'killed'] as const).map((end) => [name, end, kind] as const),
);

/** A log that was changed so, and was closed, or killed with everything still in its WAL. */
function laterLog(change: string, end: 'closed' | 'killed'): string {
  const [from, to] = [scratchFolder(), scratchFolder()];
  const log = openedLog(from, { metadata: 'sealed' });
  for (let i = 0; i < 20; i++) {
    log.commit({
      at: 50 + i,
      events: [
        { stream: `s ${i % 3}`, type: 3, schema: 1, facts: text(`${i}`), sealed: [text('x')] },
      ],
    });
  }
  log.flush();
  const db = new Database(join(from, 'log.db'));
  db.exec(change);
  db.close();
  if (end === 'closed') log.close();
  for (const name of ['log.db', 'log.db-wal', 'vault']) {
    if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name));
  }
  if (end === 'killed') log.close();
  expect(existsSync(join(to, 'log.db-wal'))).toBe(end === 'killed');
  return to;
}

/** All bytes of a log; what SQLite keeps to find its way in the WAL says nothing by itself. */
function bytesOf(folder: string): ReadonlyMap<string, Buffer> {
  const names = readdirSync(folder).filter((name) => !name.endsWith('-shm'));
  const files = names.map((name) => [name, readFileSync(join(folder, name))] as const);
  return new Map(files.filter(([name, bytes]) => !name.endsWith('-wal') || bytes.length > 0));
}

function eventsOf(folder: string): readonly LogEvent[] {
  const { path, vaultPath } = logOptions(folder);
  const vault = unwrap(openVaultReader(vaultPath, { crypto: nodeCrypto, key: KEY }));
  const reader = unwrap(openSqliteReader(path));
  const events = [...unwrap(createLogReader({ reader, vault, crypto: nodeCrypto })).events()];
  reader.close();
  vault.close();
  return events;
}

describe.each(KINDS)('%s, %s', (_name, end, { readable, change }) => {
  test('is refused for writing, and not one byte of it changes', () => {
    const folder = laterLog(change, end);
    const before = bytesOf(folder);
    const options = logOptions(folder);
    const answers = [
      openSqliteLog({ ...options, ifMissing: 'refuse' }),
      openSqliteLog({ ...options, shared: true, walBytes: 100_000 }),
      openSqliteLog({ ...options, onRollback: 'accept' }),
      openSqliteStore(options.path),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ ok: false, error: { code: 'STORE_TOO_NEW' } });
      if (answer.ok) return;
      expect(answer.error.detail.includes('verify` and `simsim replay` can read it')).toBe(
        readable,
      );
      expect(answer.error.detail).toContain('use that release');
      expect(answer.error.detail).not.toContain('STORE_TOO_NEW');
    }
    expect(bytesOf(folder)).toEqual(before);
  });

  test(readable ? 'is verified and replayed, and not one byte changes' : 'is not read', () => {
    const folder = laterLog(change, end);
    const before = bytesOf(folder);
    const { path, vaultPath } = logOptions(folder);
    const vault = { path: vaultPath, key: KEY };
    const report = verifySqliteLog({ path, crypto: nodeCrypto, vault });
    if (readable) {
      expect(report).toMatchObject({
        value: { chain: { ok: true }, rebuilt: { events: 20, differences: [] } },
      });
      expect(eventsOf(folder).map(({ facts }) => facts)).toEqual(
        Array.from({ length: 20 }, (_, i) => text(`${i}`)),
      );
    } else {
      expect(report).toMatchObject({ ok: false, error: { code: 'STORE_TOO_NEW' } });
      expect(() => eventsOf(folder)).toThrow('STORE_TOO_NEW');
    }
    expect(bytesOf(folder)).toEqual(before);
  });
});

describe('a log of this release', () => {
  test.each([
    'PRAGMA user_version = 1',
    'PRAGMA user_version = 0x00010001',
    "UPDATE meta SET v = x'01' WHERE k = 'format'",
  ])('opens for writing after %s', (change) => {
    const folder = laterLog(change, 'closed');
    const { log } = unwrap(openSqliteLog({ ...logOptions(folder), ifMissing: 'refuse' }));
    log.commit({ at: 99, events: [{ stream: 's 1', type: 3, schema: 1, facts: text('more') }] });
    log.close();
    expect(eventsOf(folder).length).toBe(21);
  });
});
