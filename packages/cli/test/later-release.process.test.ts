/** The command on logs of later releases: it reads what it can, says what it cannot, writes nothing. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

describe('several logs in a folder', () => {
  it('are all verified, whatever is wrong with some of them', async () => {
    const several = join(folder, 'several');
    const put = (name: string, bytes: Uint8Array): void => {
      mkdirSync(join(several, name), { recursive: true });
      writeFileSync(join(several, name, 'log.db'), bytes);
    };
    put('b-whole', whole);
    put('d-whole', whole);
    expect(await simsim('verify', several)).toMatchObject({
      code: 0,
      stdout: '2 logs are whole; 2 were judged by their chain alone.\n',
    });
    const later = Buffer.from(whole);
    later.writeUInt32BE(2, 60);
    put('a-later', later);
    const unread = await simsim('verify', several);
    expect(unread).toMatchObject({ code: 3, stderr: '' });
    expect(unread.stdout).toContain('1 of 3 logs cannot be read; 2 were judged');
    put('c-cut', whole.subarray(0, 9000));
    const damaged = await simsim('verify', several);
    expect(damaged).toMatchObject({ code: 1, stderr: '' });
    expect(damaged.stdout).toContain('1 of 4 logs are not whole; 1 of 4 logs cannot be read');
    const { code, stdout, stderr } = await simsim('verify', several, '--json');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const verdicts = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { state: string });
    expect(verdicts.map(({ state }) => state)).toEqual(['unread', 'whole', 'damaged', 'whole']);
  });
});

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
          '0 posts, 0 unread mails and 0 application rows open; records were not compared: event 4 is of a later release',
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
    const later = /STORE_TOO_NEW[,:] .*by a later release/;
    const verified = await verify();
    expect(verified).toMatchObject({ code: 3, stderr: '' });
    expect(verified.stdout).toMatch(later);
    expect(verified.stdout).toMatch(/cannot be read\n[^]*\n {2}Use a newer release\.\n$/);
    const replayed = await replay();
    expect(replayed).toMatchObject({ code: 3, stdout: '' });
    expect(replayed.stderr).toMatch(later);
    expect(replayed.stderr).toMatch(/ Use a newer release\.\n$/);
    expect(replayed.stderr).not.toContain('    at ');
    expect(readFileSync(log)).toEqual(bytes);
  });
});
