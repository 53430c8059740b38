/**
 * The first message to devices nobody here has met: how long the device shell holds the event loop
 * while it makes their sessions. The relay is a real one in a process of its own, and so is the device.
 * After each run another process says for how long the machine itself holds whoever commits.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { invariant } from '@simsim/bytes';
import { withScratch } from '../log/scratch.ts';
import { limitRow, median, withoutGoal } from '../report.ts';
import type { BenchRow } from '../report.ts';

const RELAY = fileURLToPath(new URL('relay-main.js', import.meta.url));
const DEVICE = fileURLToPath(new URL('first-contact-main.js', import.meta.url));
const MACHINE = fileURLToPath(new URL('machine-hold-main.js', import.meta.url));

const STALL_MS_MAX = 50;
const ROUNDS = 5;

/** Users of one shape, in the words of both processes. */
interface Crowd {
  readonly name: string;
  readonly users: number;
  readonly devicesEach: number;
}

/** Runs it. */
export async function benchFirstContact({
  quick,
}: {
  quick: boolean;
}): Promise<readonly BenchRow[]> {
  const part = quick ? 0.1 : 1;
  const crowds: readonly Crowd[] = [
    { name: 'many', users: Math.ceil(63 * part), devicesEach: 16 },
    { name: 'single', users: 1000 * part, devicesEach: 1 },
  ];
  return withScratch(async (folder) => {
    const relay = spawn(process.execPath, [RELAY, folder, ...crowds.map(wordOf)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const url = await firstLine(relay.stdout);
    try {
      return crowds.flatMap((crowd) => rowsOf(crowd, { folder, url }));
    } finally {
      relay.stdin.end();
      await once(relay, 'close');
    }
  });
}

async function firstLine(stream: Readable): Promise<string> {
  const told: readonly unknown[] = await once(stream, 'data');
  return String(told.at(0)).trim();
}

function wordOf({ name, users, devicesEach }: Crowd): string {
  return `${name}:${users}:${devicesEach}`;
}

function rowsOf(
  crowd: Crowd,
  { folder, url }: { readonly folder: string; readonly url: string },
): readonly BenchRow[] {
  const longest: number[] = [];
  const took: number[] = [];
  const cpu: number[] = [];
  const machine: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const store = `${folder}/${crowd.name}-${round}`;
    mkdirSync(store);
    const [longestMs = 0, tookMs = 0, cpuMs = 0] = figuresOf(DEVICE, [store, url, wordOf(crowd)]);
    longest.push(longestMs);
    took.push(tookMs);
    cpu.push(cpuMs);
    machine.push(...figuresOf(MACHINE, [store, tookMs.toFixed()]));
  }
  const what = `first message to ${crowd.users} users with ${crowd.devicesEach} devices each`;
  const hold = `${what}: longest hold of the event loop`;
  const figure = (row: { what: string; ours: number }): BenchRow =>
    withoutGoal(limitRow({ ...row, unit: 'ms', goal: 0 }));
  return [
    limitRow({
      what: `${hold}, median of ${ROUNDS} runs`,
      ours: median(longest),
      unit: 'ms',
      goal: STALL_MS_MAX,
    }),
    figure({ what: `${hold}, worst of ${ROUNDS} runs`, ours: Math.max(...longest) }),
    figure({ what: `${what}: most CPU time of one hold, median`, ours: median(cpu) }),
    figure({ what: `${what}: all of it`, ours: median(took) }),
    figure({ what: `${what}: the machine’s own longest hold, median`, ours: median(machine) }),
    figure({ what: `${what}: the machine’s own longest hold, worst`, ours: Math.max(...machine) }),
  ];
}

/** Runs a process to its end, which prints what it measured. */
function figuresOf(file: string, args: readonly string[]): readonly number[] {
  const { stdout, status } = spawnSync(process.execPath, [file, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const found: unknown = status === 0 ? JSON.parse(stdout) : undefined;
  const all: readonly unknown[] = Array.isArray(found) ? found : [];
  const figures = all.filter((figure) => typeof figure === 'number');
  invariant(figures.length > 0, 'a process that ended well has measured something');
  return figures;
}
