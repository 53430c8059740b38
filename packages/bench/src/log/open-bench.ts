/** Opening a log, each time in a process of its own: a long history, a short one, and after a kill. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invariant } from '@simsim/bytes';
import { limitRow, median, ratioRow } from '../report.ts';
import type { BenchRow } from '../report.ts';
import { logOptions } from './bench-log.ts';

const OPEN_MS_MAX = 30;
/** Opens of both move by a tenth of a millisecond; a walk over the history would be a hundredfold. */
const FLAT_RATIO_MAX = 1.3;
const SCRIPT = fileURLToPath(new URL('open-main.js', import.meta.url));

/** Folders of two logs that differ in length alone. */
export interface OpenBenchLogs {
  readonly long: string;
  readonly short: string;
  readonly events: number;
}

/** Runs it; the logs are closed. */
export function benchOpen(logs: OpenBenchLogs, rounds: number): readonly BenchRow[] {
  const found: Record<'long' | 'short' | 'killed', Opened[]> = { long: [], short: [], killed: [] };
  for (let round = 0; round < rounds; round++) {
    found.long.push(openApart(logs.long));
    found.short.push(openApart(logs.short));
    killApart(logs.long);
    found.killed.push(openApart(logs.long));
  }
  const of = (which: keyof typeof found, key: keyof Opened): number =>
    median(found[which].map((each) => each[key]));
  const what = `open, ${logs.events} events and 1,000 sessions`;
  const limit = (more: string, ours: number): BenchRow =>
    limitRow({ what: `${what}${more}`, ours, unit: 'ms', goal: OPEN_MS_MAX });
  return [
    limit('', of('long', 'openedMs')),
    limit(', and a new master key for the whole vault', of('long', 'rotatedMs')),
    ratioRow({
      what: `${what}, with the new master key / the same with a fiftieth of the events`,
      ours: of('long', 'rotatedMs'),
      theirs: of('short', 'rotatedMs'),
      unit: 'ms',
      goal: FLAT_RATIO_MAX,
    }),
    limit(', after SIGKILL: a WAL to checkpoint, 300 events to follow', of('killed', 'openedMs')),
    limit(', after SIGKILL, and a new master key', of('killed', 'rotatedMs')),
  ];
}

/** Since the opening began, ms. */
interface Opened {
  readonly openedMs: number;
  readonly rotatedMs: number;
}

function openApart(folder: string): Opened {
  const { stdout, status } = spawnSync(process.execPath, [SCRIPT, folder], { encoding: 'utf8' });
  const found: unknown = status === 0 ? JSON.parse(stdout) : undefined;
  const all: readonly unknown[] = Array.isArray(found) ? found : [];
  const openedMs = all.at(0);
  const rotatedMs = all.at(1);
  invariant(typeof openedMs === 'number' && typeof rotatedMs === 'number', 'a closed log opens');
  return { openedMs, rotatedMs };
}

function killApart(folder: string): void {
  const { signal } = spawnSync(process.execPath, [SCRIPT, folder, 'kill']);
  const hasWal = existsSync(`${logOptions(folder).path}-wal`);
  invariant(signal === 'SIGKILL' && hasWal, 'a killed owner leaves its WAL');
}
