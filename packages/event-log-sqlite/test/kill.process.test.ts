/**
 * A real process owns a log and dies by SIGKILL at every named place, again and again on the same
 * files: what was promised is there, the chain is whole, live states open and dead ones do not.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeCrypto } from '@simsim/crypto/node';
import type { ChaosSite, RecordFold } from '@simsim/event-log';
import { beforeAll, describe, expect, test } from 'vitest';
import { verifySqliteLog } from '../src/index.ts';
import { KEY, logOptions, openedLog, scratchFolder, text, unwrap } from './files.ts';
import { recoverablePages } from './raw-vault.ts';

const script = fileURLToPath(new URL('./log-child.mjs', import.meta.url));

beforeAll(() => {
  // The child runs the built package; `pnpm build` makes it.
  expect(existsSync(join(import.meta.dirname, '../dist/index.js'))).toBe(true);
});

interface Promised {
  readonly seq: number;
  readonly hash: string;
  readonly stream: string;
  readonly version: number;
}

interface Life {
  readonly signal: string | null;
  readonly promised: readonly Promised[];
  readonly flushed: number;
}

function lifeOf(folder: string, killAt: { site: ChaosSite; count: number; wipe?: string }): Life {
  const { path, vaultPath } = logOptions(folder);
  const key = Buffer.from(KEY.key).toString('hex');
  const child = spawnSync(process.execPath, [
    script,
    JSON.stringify({ path, vaultPath, key, ...killAt }),
  ]);
  expect(child.stderr.toString()).toBe('');
  const lines = child.stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  expect(lines.filter(([kind]) => kind === 'refused')).toEqual([]);
  const promised = lines
    .filter(([kind]) => kind === 'acknowledged')
    .map(([, seq, hash, stream, version]) => ({
      seq: Number(seq),
      hash: hash ?? '',
      stream: stream ?? '',
      version: Number(version),
    }));
  const flushes = lines.filter(([kind]) => kind === 'flushed').map(([, seq]) => Number(seq));
  return { signal: child.signal, promised, flushed: flushes.at(-1) ?? 0 };
}

/** The one record says which event was last. */
const FOLD: RecordFold<string> = {
  initial: () => '0',
  apply: (_, { seq }) => `${seq}`,
  rows: (last) => [{ name: 'last', value: text(last) }],
};

function checkAfter(folder: string, life: Life): void {
  const { path, vaultPath } = logOptions(folder);
  const vault = { path: vaultPath, key: KEY };
  const report = unwrap(verifySqliteLog({ path, crypto: nodeCrypto, vault, fold: FOLD }));
  unwrap(report.chain);
  expect(report.rebuilt?.differences).toEqual([]);
  expect(report.lostRows).toEqual([]);

  const log = openedLog(folder, { ifMissing: 'refuse' });
  const events = [...log.events()];
  for (const { seq, hash } of life.promised) {
    expect(Buffer.from(events[seq - 1]?.hash ?? []).toString('hex')).toBe(hash);
  }
  const last = life.promised.at(-1);
  expect(log.tip().seq).toBeGreaterThanOrEqual(last?.seq ?? 0);
  for (const { stream, version } of life.promised) {
    expect(log.head(stream)?.version ?? 0).toBeGreaterThanOrEqual(version);
  }
  for (const name of log.streamsWithPrefix('')) {
    expect(log.sealedValue(name)).toEqual(text(`${name} ${log.head(name)?.version ?? 0}`));
  }
  for (const { body, seq } of log.inbox()) {
    const [kind, number] = Buffer.from(body).toString().split(' ');
    expect(kind).toBe('body');
    expect(Number(number)).toBeLessThanOrEqual(seq);
    expect(log.isSeen(text(`seen ${number}`))).toBe(true);
  }
  expect(log.inbox().length).toBeLessThanOrEqual(5);
  expect(log.outbox().length).toBeLessThanOrEqual(5);
  log.close();
  const pages = recoverablePages(readFileSync(vaultPath));
  expect(new Set(pages.map(({ generation }) => generation)).size).toBeLessThanOrEqual(pages.length);
  const report2 = unwrap(verifySqliteLog({ path, crypto: nodeCrypto, vault, fold: FOLD }));
  expect(report2.rebuilt?.differences).toEqual([]);
  expect(report2.lostRows).toEqual([]);
}

const SITES: readonly ChaosSite[] = [
  'commit:before',
  'commit:inside',
  'commit:after',
  'register:after',
  'vault:before-copy',
  'vault:pages-written',
  'vault:copy-written',
  'vault:copy-synced',
  'vault:before-zero',
  'vault:done',
];

describe('a log whose owner is killed', () => {
  test.each(SITES)('at %s, five times over', (site) => {
    const folder = scratchFolder();
    for (const count of [1, 2, 5, 3, 7]) {
      const life = lifeOf(folder, { site, count: site.startsWith('commit') ? count * 6 : count });
      expect(life.signal).toBe('SIGKILL');
      checkAfter(folder, life);
    }
  });

  test('with lazy wiping, in the middle of flushes', () => {
    const folder = scratchFolder();
    for (const count of [2, 3, 5]) {
      const life = lifeOf(folder, { site: 'vault:copy-written', count, wipe: 'lazy' });
      expect(life.signal).toBe('SIGKILL');
      checkAfter(folder, life);
    }
  });
});
