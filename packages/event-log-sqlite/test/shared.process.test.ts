/** Three processes that append to one log at the same time: one chain, and nobody's work is lost. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeCrypto } from '@simsim/crypto/node';
import { beforeAll, describe, expect, test } from 'vitest';
import { verifySqliteLog } from '../src/index.ts';
import { KEY, logOptions, openedLog, scratchFolder, text, unwrap } from './files.ts';

const script = fileURLToPath(new URL('./shared-child.mjs', import.meta.url));
const NAMES = ['a', 'b', 'c'];

beforeAll(() => {
  // The children run the built package; `pnpm build` makes it.
  expect(existsSync(join(import.meta.dirname, '../dist/index.js'))).toBe(true);
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

interface Appending {
  /** It has the log open and waits. */
  readonly ready: Promise<void>;
  readonly start: () => void;
  readonly ended: Promise<Ended>;
}

function appendIn(folder: string, more: object): Appending {
  const { path, vaultPath } = logOptions(folder);
  const key = Buffer.from(KEY.key).toString('hex');
  const job = JSON.stringify({ path, vaultPath, key, ...more });
  const child = spawn(process.execPath, [script, job], { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = { output: '', errors: '' };
  const ready = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdout.on('data', (bytes: Buffer) => (said.output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said.errors += bytes.toString()));
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ ...said, code })),
  );
  return {
    ready: Promise.race([ready, ended.then(() => undefined)]),
    start: () => child.stdin.end('go'),
    ended,
  };
}

/** Lets all of them append; answers what the shared stream has counted, and how often one waited. */
async function share(
  folder: string,
  { appends, isStale }: { readonly appends: number; readonly isStale: boolean },
): Promise<{ counted: number; moved: number }> {
  openedLog(folder, { shared: true }).close();
  const running = NAMES.map((name) => appendIn(folder, { name, appends, isStale }));
  await Promise.all(running.map(({ ready }) => ready));
  for (const { start } of running) start();
  const all = await Promise.all(running.map(({ ended }) => ended));
  let moved = 0;
  for (const { code, output, errors } of all) {
    expect(errors).toBe('');
    expect(output).toMatch(new RegExp(`^ready\nappended ${appends} moved \\d+\\n$`));
    expect(code).toBe(0);
    moved += Number(output.split(' ')[3]);
  }
  const log = openedLog(folder, { ifMissing: 'refuse' });
  const counted = Number(Buffer.from(log.sealedValue('all') ?? []).toString());
  expect(log.tip().seq).toBe(2 * NAMES.length * appends);
  for (const name of NAMES) {
    expect(log.head(`own/${name}`)?.version).toBe(appends);
    expect(log.sealedValue(`own/${name}`)).toEqual(text(`${appends}`));
  }
  const rows = [...log.dataEntries()].map(({ value }) => Buffer.from(value).toString());
  expect(rows.length).toBe(NAMES.length * appends);
  if (!isStale) expect(new Set(rows).size).toBe(rows.length);
  log.close();
  return { counted, moved };
}

describe('three processes on one log', () => {
  test('append a thousand times each, and each append stands on the one before', async () => {
    const folder = scratchFolder();
    const { counted, moved } = await share(folder, { appends: 1000, isStale: false });
    expect(counted).toBe(3000);
    // They did meet: otherwise nothing was tried.
    expect(moved).toBeGreaterThan(10);
    const { path, vaultPath } = logOptions(folder);
    const vault = { path: vaultPath, key: KEY };
    const report = unwrap(verifySqliteLog({ path, crypto: nodeCrypto, vault }));
    expect(unwrap(report.chain).tip.seq).toBe(6000);
    expect(report.rebuilt?.differences).toEqual([]);
  });

  test('count less where one does not decide again on what it finds', async () => {
    const { counted } = await share(scratchFolder(), { appends: 150, isStale: true });
    expect(counted).toBeLessThan(450);
  });
});
