/** One durable send with one commit, against a bare 1 KB upsert with its own FULL commit. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { openDevice, sqlite } from '@simsim/device';
import type { Device } from '@simsim/device';
import { startRelay } from '@simsim/relay';
import { median, ratioRow } from './report.ts';
import type { BenchRow } from './report.ts';

const ROUNDS = 24;
const PER_ROUND = 25;
const KEYS = 1000;

/**
 * Measures both in turns on the same file system. The relay is stopped first, so that a send is its
 * commit and nothing else; the vault is flushed by the default policy as always.
 */
export async function benchDurableSend(): Promise<BenchRow> {
  const folder = mkdtempSync(join(process.env['SIMSIM_BENCH_DIR'] ?? tmpdir(), 'simsim-bench-'));
  try {
    const alice = await connectedPair(folder);
    const upsert = bareUpsert(join(folder, 'bare.db'));
    const body = randomBytes(256);
    const sends: number[] = [];
    const upserts: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < PER_ROUND; i++) {
        const start = process.hrtime.bigint();
        await alice.sendLater('bob', body);
        sends.push(Number(process.hrtime.bigint() - start) / 1000);
      }
      for (let i = 0; i < PER_ROUND; i++) {
        const start = process.hrtime.bigint();
        upsert.write(round * PER_ROUND + i);
        upserts.push(Number(process.hrtime.bigint() - start) / 1000);
      }
    }
    upsert.close();
    await alice.close();
    return ratioRow({
      what: 'durable send, one commit / bare 1 KB upsert (TEXT key, WITHOUT ROWID), own FULL commit',
      ours: median(sends),
      theirs: median(upserts),
      unit: 'us',
      goal: 1.6,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A device whose session with its peer is settled, and whose relay is gone. */
async function connectedPair(folder: string): Promise<Device> {
  const relay = await startRelay({ file: join(folder, 'relay.db'), host: '127.0.0.1', port: 0 });
  const open = (user: string): Promise<Device> =>
    openDevice({
      user,
      store: sqlite(join(folder, user, 'log.db'), { unsafePlaintextVault: true }),
      relay: relay.url,
      ifMissing: 'create',
    });
  const alice = await open('alice');
  const bob = await open('bob');
  for (const device of [alice, bob]) device.handle(() => undefined);
  for (let i = 0; i < 50; i++) {
    await alice.send('bob', 'ping');
    await bob.send('alice', 'pong');
  }
  while (!alice.idle() || !bob.idle()) await wait(10);
  await bob.close();
  await relay.stop();
  return alice;
}

interface BareUpsert {
  write(i: number): void;
  close(): void;
}

/** Reads a row, then replaces it with other bytes: what a store of session records does. */
function bareUpsert(path: string): BareUpsert {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE record (k TEXT PRIMARY KEY, v BLOB NOT NULL) STRICT, WITHOUT ROWID');
  const read = db.prepare('SELECT v FROM record WHERE k = ?');
  const write = db.prepare('INSERT INTO record (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v');
  for (let i = 0; i < KEYS; i++) write.run(`session-${i}`, randomBytes(1024));
  return {
    write(i) {
      const key = `session-${(i * 7) % KEYS}`;
      read.get(key);
      write.run(key, randomBytes(1024));
    },
    close: () => db.close(),
  };
}
