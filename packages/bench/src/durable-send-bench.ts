/** One durable send with one commit, against a bare 1 KB upsert with its own FULL commit. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { invariant } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { openDevice, RETENTION, sqlite, vaultPathOf } from '@simsim/device';
import type { Device } from '@simsim/device';
import { DeviceCore } from '@simsim/device-core';
import type { CoreInput } from '@simsim/device-core';
import { openSqliteLog } from '@simsim/event-log-sqlite';
import { messageIdFromBytes, parseDeviceId, parseUserId } from '@simsim/relay-protocol';
import type { DeviceId } from '@simsim/relay-protocol';
import type { Clock } from '@simsim/sesame';
import { startRelay } from '@simsim/relay';
import { median, ratioRow } from './report.ts';
import type { BenchRow } from './report.ts';

const ROUNDS = 24;
const PER_ROUND = 25;
const KEYS = 1000;
/** Compilers warm up, and both write-ahead logs grow to their lasting size. */
const WARM_UP = 2000;

/**
 * Measures both in turns on the same file system. Ours is the whole send: the engine's decision, the
 * ratchet step, sealing, the transaction. The relay's answer and the receipt come in between, not
 * measured, so that queues stay short as they are in life; the vault follows by the default policy.
 */
export async function benchDurableSend(): Promise<BenchRow> {
  const folder = mkdtempSync(join(process.env['SIMSIM_BENCH_DIR'] ?? tmpdir(), 'simsim-bench-'));
  try {
    const bobDevice = await settlePair(folder);
    const sender = openSender(join(folder, 'alice', 'log.db'), bobDevice);
    const upsert = bareUpsert(join(folder, 'bare.db'));
    for (let i = 0; i < WARM_UP; i++) sender.send();
    const sends: number[] = [];
    const upserts: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < PER_ROUND; i++) sends.push(sender.send());
      for (let i = 0; i < PER_ROUND; i++) {
        const start = process.hrtime.bigint();
        upsert.write(round * PER_ROUND + i);
        upserts.push(Number(process.hrtime.bigint() - start) / 1000);
      }
    }
    upsert.close();
    sender.close();
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

/** Two users whose sessions are settled both ways; their devices are closed again. */
async function settlePair(folder: string): Promise<DeviceId> {
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
  for (let i = 0; i < 20; i++) {
    await alice.send('bob', 'ping');
    await bob.send('alice', 'pong');
  }
  while (!alice.idle() || !bob.idle()) await wait(10);
  await Promise.all([alice.close(), bob.close()]);
  await relay.stop();
  const deviceId = parseDeviceId(bob.deviceId);
  invariant(deviceId.ok, 'a device has a device id');
  return deviceId.value;
}

interface Sender {
  /** Sends 256 bytes durably; answers how long that took, us. */
  send(): number;
  close(): void;
}

function openSender(path: string, bobDevice: DeviceId): Sender {
  const opened = openSqliteLog({
    path,
    vaultPath: vaultPathOf(path),
    key: { kind: 'none', unsafePlaintextVault: true },
    crypto: nodeCrypto,
    entropy: nodeEntropy,
  });
  invariant(opened.ok, 'a closed log opens');
  const { log } = opened.value;
  const clock = (): Clock => ({ wallMs: Date.now(), elapsedMs: 0, bootId: 'bench' });
  const core = new DeviceCore({ log, crypto: nodeCrypto, entropy: nodeEntropy, clock });
  const bob = parseUserId('bob');
  invariant(bob.ok, 'bob is a user id');
  const body = randomBytes(256);
  return {
    send() {
      const messageId = messageIdFromBytes(randomBytes(16));
      const start = process.hrtime.bigint();
      core.run([{ type: 'send', messageId, to: [bob.value], body }]);
      const tookUs = Number(process.hrtime.bigint() - start) / 1000;
      const answers = core.outbox().map(({ post, origin }): CoreInput => {
        return {
          type: 'posted',
          postId: post.postId,
          origin,
          result: { kind: 'accepted', listVersion: 1 },
        };
      });
      core.run([
        ...answers,
        { type: 'receipted', userId: bob.value, deviceId: bobDevice, messageIds: [messageId] },
      ]);
      if (log.lag() >= RETENTION.default.flush.events) log.flush();
      return tookUs;
    },
    close: () => log.close(),
  };
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
  const write = db.prepare(
    'INSERT INTO record (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v',
  );
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
