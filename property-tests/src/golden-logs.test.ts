/**
 * Golden logs: every release opens, verifies and replays the logs that former ones left behind, to the
 * very same timeline. The collection in `property-tests/golden` only grows; SIMSIM_WRITE_GOLDEN=1 makes
 * what is named here and missing there.
 */

import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesToHex, encodeUtf8 } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { vaultPathOf } from '@simsim/device';
import { decodeInboxItem, decodeOutboxItem } from '@simsim/device-core';
import { createLogReader } from '@simsim/event-log';
import type { EventLog, RecordFold } from '@simsim/event-log';
import {
  openSqliteLog,
  openSqliteReader,
  openVaultReader,
  verifySqliteLog,
} from '@simsim/event-log-sqlite';
import {
  decodeStreamValue,
  describeFact,
  evolveRecord,
  foldRefusal,
  isRecordStream,
} from '@simsim/sesame';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { GOLDEN_KEY, GOLDEN_USERS, writeGoldenLogs } from './golden/write-logs.ts';

/** Every collection there is. One is added when what devices write changes. */
const COLLECTIONS = ['log-1'];
const FOLDER = fileURLToPath(new URL('../golden', import.meta.url));
const KEY = { kind: 'raw', key: GOLDEN_KEY } as const;
const LOGS = COLLECTIONS.flatMap((name) =>
  Object.keys(GOLDEN_USERS).map((user) => join(name, user)),
);

const FOLD: RecordFold<Map<string, Uint8Array>> = {
  initial: () => new Map(),
  refusal: foldRefusal,
  apply(rows, event) {
    if (!isRecordStream(event.stream)) return rows;
    const row = evolveRecord(rows.get(event.stream), event);
    return row === undefined ? rows : rows.set(event.stream, row);
  },
  rows: (rows) => [...rows].map(([name, value]) => ({ name, value })),
};

function unwrap<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function digest(bytes: Uint8Array): string {
  return bytesToHex(nodeCrypto.digest([bytes]));
}

/** A copy in a scratch folder: opening a log for writing changes it. */
function scratchCopy(log: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-golden-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [from, to] = [join(FOLDER, log, 'log.db'), join(folder, 'log.db')];
  copyFileSync(from, to);
  copyFileSync(vaultPathOf(from), vaultPathOf(to));
  return to;
}

function openForWriting(path: string): EventLog {
  const vaultPath = vaultPathOf(path);
  const parts = { path, vaultPath, crypto: nodeCrypto, entropy: nodeEntropy, key: KEY };
  return unwrap(openSqliteLog(parts)).log;
}

/** Everything a reader sees: one line an event, and the application's rows. */
function timelineOf(path: string): { events: readonly string[]; data: readonly string[] } {
  const vault = unwrap(openVaultReader(vaultPathOf(path), { crypto: nodeCrypto, key: KEY }));
  const reader = unwrap(openSqliteReader(path));
  const log = unwrap(createLogReader({ reader, vault, crypto: nodeCrypto }));
  const events = [...log.events()].map((event) => {
    const { seq, at, stream, version, sealed, sealedBytes, closes, seenCount, isForgotten } = event;
    const fact = isForgotten ? { event: 'forgotten' } : describeFact(event);
    const sealing = { sealed, sealedBytes, closes, seenCount };
    return JSON.stringify({ seq, at, stream, version, ...fact, ...sealing, hash: hex(event.hash) });
  });
  const data = [...log.dataEntries()].map(({ key, value }) => `${key} ${hex(value)}`).sort();
  reader.close();
  vault.close();
  return { events, data };
}

function hex(bytes: Uint8Array): string {
  return bytesToHex(bytes);
}

/** Everything an owner finds: states of live streams, those of the past, and both queues. */
function stateOf(log: EventLog): Record<string, unknown> {
  const states = log.streamsWithPrefix('').map((stream) => {
    const bytes = isRecordStream(stream) ? log.record(stream) : log.sealedValue(stream);
    const isRead = bytes !== undefined && decodeStreamValue(stream, bytes.slice(), nodeCrypto);
    return `${stream} ${bytes && digest(bytes)} ${isRead ? 'is read' : 'has none'}`;
  });
  const past = [...log.events()].flatMap(({ seq }) => {
    const state = log.sealedAt(seq);
    return state === undefined ? [] : [`${seq} ${digest(state)}`];
  });
  return {
    states: states.sort(),
    past,
    inbox: log.inbox().map(({ body }) => decodeInboxItem(body).messageId),
    outbox: log.outbox().map(({ body }) => decodeOutboxItem(body).post.postId),
  };
}

function verify(path: string): unknown {
  const vault = { path: vaultPathOf(path), key: KEY };
  const { chain, rebuilt } = unwrap(
    verifySqliteLog({ path, crypto: nodeCrypto, vault, fold: FOLD }),
  );
  const { tip, streams, sealed, pruned } = unwrap(chain);
  if (rebuilt === undefined) throw new Error('the vault is there');
  const { events, records, liveStates, differences } = rebuilt;
  const counts = { streams, sealed, pruned, events, records, liveStates };
  return { tip: { seq: tip.seq, hash: hex(tip.hash) }, ...counts, differences };
}

function snapshotOf(log: string): Record<string, unknown> {
  const path = scratchCopy(log);
  const seen = { verified: verify(path), ...timelineOf(path) };
  const owned = openForWriting(path);
  const snapshot: unknown = JSON.parse(JSON.stringify({ ...seen, ...stateOf(owned) }));
  owned.close();
  return snapshot as Record<string, unknown>;
}

function expectedOf(log: string): Record<string, unknown> {
  const text = readFileSync(join(FOLDER, log, 'expected.json'), 'utf8');
  return JSON.parse(text) as Record<string, unknown>;
}

beforeAll(async () => {
  if (process.env['SIMSIM_WRITE_GOLDEN'] !== '1') return;
  for (const name of COLLECTIONS) {
    if (!existsSync(join(FOLDER, name))) await writeGoldenLogs(join(FOLDER, name));
  }
});

describe.each(LOGS)('the golden log %s', (log) => {
  it('is verified, replays and opens as it did in the release that wrote it', () => {
    const file = join(FOLDER, log, 'expected.json');
    const snapshot = snapshotOf(log);
    if (process.env['SIMSIM_WRITE_GOLDEN'] === '1' && !existsSync(file)) {
      writeFileSync(file, `${JSON.stringify(snapshot, undefined, 2)}\n`);
    }
    expect(snapshot).toEqual(expectedOf(log));
    expect(snapshot['verified']).toMatchObject({ differences: [] });
  });

  it('goes on: what is written now joins what was written then', () => {
    const path = scratchCopy(log);
    const before = timelineOf(path).events;
    const owned = openForWriting(path);
    const at = Date.parse('2100-01-01');
    const facts = encodeUtf8('more');
    owned.commit({
      at,
      events: [{ stream: 'more', type: 999, schema: 1, facts, sealed: [facts] }],
    });
    owned.close();
    const after = timelineOf(path).events;
    const hashes = (events: readonly string[]): unknown[] =>
      events.map((line) => (JSON.parse(line) as { hash: unknown }).hash);
    expect(hashes(after).slice(0, before.length)).toEqual(hashes(before));
    expect(after.length).toBe(before.length + 1);
    expect(verify(path)).toMatchObject({ differences: [] });
  });
});

describe('the golden logs', () => {
  it('hold one of each thing that a log can hold', () => {
    const lines = LOGS.flatMap((log) => expectedOf(log)['events'] as string[]);
    const words = ['"sealed":"pruned"', '"sealed":"sealed"', '"sealed":"none"', '"closes":true'];
    const events = ['forgotten', 'ReceiptTaken', 'SendClosed', 'SessionStarted', 'UserChanged'];
    for (const word of [...words, ...events.map((name) => `"event":"${name}"`)]) {
      expect(
        lines.some((line) => line.includes(word)),
        word,
      ).toBe(true);
    }
    const [ali, bo] = ['ali', 'bo'].map((user) => expectedOf(join('log-1', user)));
    expect((ali?.['past'] as string[] | undefined)?.length).toBeGreaterThan(20);
    expect(ali?.['inbox']).toEqual([]);
    expect(bo?.['inbox']).toHaveLength(1);
    expect(bo?.['outbox']).toHaveLength(1);
  });
});
