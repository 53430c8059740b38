/**
 * What the sessions of ten thousand devices hold in memory: a process that opened a log with them,
 * beside the same process with the log of a device that has met nobody.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invariant } from '@simsim/bytes';
import { openBenchLog } from '../log/bench-log.ts';
import { withScratch } from '../log/scratch.ts';
import { limitRow, median, withoutGoal } from '../report.ts';
import type { BenchRow } from '../report.ts';
import { createGathering } from './gathering.ts';

const SCRIPT = fileURLToPath(new URL('resident-main.js', import.meta.url));
const USERS = 625;
const DEVICES_EACH = 16;
const RESIDENT_MIB_MAX = 40;
const ROUNDS = 5;

/** Runs it. */
export async function benchResident({ quick }: { quick: boolean }): Promise<readonly BenchRow[]> {
  const users = quick ? USERS / 5 : USERS;
  return withScratch((folder) => {
    const [empty, crowded] = [`${folder}/empty`, `${folder}/crowded`];
    makeLog(empty, 0);
    makeLog(crowded, users);
    return (['opened', 'written'] as const).flatMap((how) =>
      rowsOf({ what: whatOf(how, users), how, empty, crowded, users }),
    );
  });
}

function makeLog(folder: string, users: number): void {
  mkdirSync(folder);
  const log = openBenchLog(folder);
  createGathering(log, { users, devicesEach: DEVICES_EACH });
  log.close();
}

function whatOf(how: 'opened' | 'written', users: number): string {
  const devices = `sessions with ${users * DEVICES_EACH} devices`;
  return how === 'opened'
    ? `a log opened that has ${devices}`
    : `${devices}, after a message to each`;
}

interface Comparison {
  readonly what: string;
  readonly how: 'opened' | 'written';
  readonly empty: string;
  readonly crowded: string;
  readonly users: number;
}

function rowsOf({ what, how, empty, crowded, users }: Comparison): readonly BenchRow[] {
  const rss: number[] = [];
  const heap: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [bare, full] = [residentOf(empty, how, 0), residentOf(crowded, how, users)];
    rss.push(full.rss - bare.rss);
    heap.push(full.heap - bare.heap);
  }
  const row = limitRow({
    what: `${what}: RSS over an empty log`,
    ours: median(rss),
    unit: 'MiB',
    goal: RESIDENT_MIB_MAX,
  });
  const heapRow = { ...row, ours: median(heap) };
  return [
    how === 'opened' ? row : withoutGoal(row),
    withoutGoal(heapRow, `${what}: heap and buffers over an empty log`),
  ];
}

interface Resident {
  readonly rss: number;
  readonly heap: number;
}

function residentOf(folder: string, how: 'opened' | 'written', users: number): Resident {
  const args = ['--expose-gc', SCRIPT, folder, String(users), how];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const found: unknown = status === 0 ? JSON.parse(stdout) : undefined;
  const all: readonly unknown[] = Array.isArray(found) ? found : [];
  const [rss, heap] = [all.at(0), all.at(1)];
  invariant(typeof rss === 'number' && typeof heap === 'number', 'a closed log opens');
  return { rss, heap };
}
