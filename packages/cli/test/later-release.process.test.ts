/** The command on logs of later releases: it reads what it can, says what it cannot, writes nothing. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { vaultPathOf } from '@simsim/device';
import { openSqliteLog } from '@simsim/event-log-sqlite';
import { encodeFact, eventSchema, eventType } from '@simsim/sesame';
import type { Fact } from '@simsim/sesame';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simsim } from './simsim.ts';

const RAW_KEY = new Uint8Array(32).fill(9);

let folder: string;
let log: string;
let keyFile: string;
let whole: Buffer;

/** What this release reads, and what a later one might write beside it. */
function writeLog(path: string): void {
  const opened = openSqliteLog({
    path,
    vaultPath: vaultPathOf(path),
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    key: { kind: 'raw', key: RAW_KEY },
    ifMissing: 'create',
  });
  if (!opened.ok) throw new Error(opened.error.detail);
  const known = (stream: string, fact: Fact) => ({
    stream,
    type: eventType(fact.name),
    schema: eventSchema(fact.name),
    facts: encodeFact(fact),
  });
  const facts = Uint8Array.of(1, 2, 3);
  opened.value.log.commit({
    at: 1_700_000_000_000,
    events: [
      known('device', { name: 'DeviceRegistered', fields: { listVersion: 1 } }),
      { stream: 'device', type: 999, schema: 1, facts },
      known('device', { name: 'SignedPreKeyMade', fields: { id: 7 } }),
      { stream: 'user/bo', type: eventType('UserChanged'), schema: 200, facts },
    ],
    records: [{ name: 'user/bo', value: facts }],
  });
  opened.value.log.close();
}

/** The log with another `user_version` in its header, and what its meta row says of its format. */
function writeVersions(userVersion: number, format: readonly [number, number]): Buffer {
  const bytes = Buffer.from(whole);
  bytes.writeUInt32BE(userVersion, 60);
  const row = bytes.indexOf(Buffer.concat([Buffer.from('format'), Buffer.from([1, 1])]));
  expect(row).toBeGreaterThan(0);
  bytes.set(format, row + 'format'.length);
  writeFileSync(log, bytes);
  return bytes;
}

async function verify(): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return simsim('verify', log, '--key-file', keyFile);
}

async function replay(): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return simsim('replay', log, '--json', '--key-file', keyFile);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-later-'));
  log = join(folder, 'log.db');
  keyFile = join(folder, 'key');
  writeFileSync(keyFile, RAW_KEY);
  writeLog(log);
  whole = readFileSync(log);
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('a log of a later release', () => {
  it.each([
    ['schema', 0x0001_0002, [1, 1]],
    ['format', 0x0001_0001, [2, 1]],
    ['schema and format', 0x0001_7fff, [255, 1]],
  ] as const)(
    'of another %s that ours may read is verified and replayed',
    async (_what, version, format) => {
      const bytes = writeVersions(version, format);
      const vault = readFileSync(vaultPathOf(log));
      const verified = await verify();
      expect(verified).toMatchObject({ code: 0, stderr: '' });
      expect(verified.stdout).toContain(
        'is whole: 4 events in 2 streams; 4 rows rebuilt from events alone and equal; ' +
          'records were not compared: event 4 is of a later release',
      );
      const replayed = await replay();
      expect(replayed).toMatchObject({ code: 0, stderr: '' });
      const events = replayed.stdout.trim().split('\n');
      expect(events.map((line) => JSON.parse(line) as unknown)).toMatchObject([
        { seq: 1, stream: 'device', event: 'DeviceRegistered', listVersion: 1 },
        { seq: 2, stream: 'device', event: 'unknown', type: 999, schema: 1 },
        { seq: 3, stream: 'device', event: 'SignedPreKeyMade', id: 7 },
        { seq: 4, stream: 'user/bo', event: 'unknown', type: 7, schema: 200 },
      ]);
      expect(readFileSync(log)).toEqual(bytes);
      expect(readFileSync(vaultPathOf(log))).toEqual(vault);
    },
  );

  it.each([
    ['schema', 0x0002_0002, [1, 1]],
    ['schema of one number', 2, [1, 1]],
    ['format', 0x0001_0001, [2, 2]],
  ] as const)('of a %s that ours cannot read is refused', async (_what, version, format) => {
    const bytes = writeVersions(version, format);
    for (const ended of [await verify(), await replay()]) {
      expect(ended).toMatchObject({ code: 3, stdout: '' });
      expect(ended.stderr).toMatch(
        /STORE_TOO_NEW, .*by a later release.* Use a newer release\.\n$/,
      );
      expect(ended.stderr).not.toContain('    at ');
    }
    expect(readFileSync(log)).toEqual(bytes);
  });
});
