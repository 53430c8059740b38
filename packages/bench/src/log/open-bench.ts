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
  const found: Record<'long' | 'short' | 'killed', number[]> = { long: [], short: [], killed: [] };
  for (let round = 0; round < rounds; round++) {
    found.long.push(openApart(logs.long));
    found.short.push(openApart(logs.short));
    killApart(logs.long);
    found.killed.push(openApart(logs.long));
  }
  const what = `open, ${logs.events} events and 1,000 sessions`;
  const ours = median(found.long);
  return [
    limitRow({ what, ours, unit: 'ms', goal: OPEN_MS_MAX }),
    ratioRow({
      what: `${what} / the same with a fiftieth of the events`,
      ours,
      theirs: median(found.short),
      unit: 'ms',
      goal: FLAT_RATIO_MAX,
    }),
    limitRow({
      what: `${what}, after SIGKILL with a WAL to checkpoint and 300 events to follow`,
      ours: median(found.killed),
      unit: 'ms',
      goal: OPEN_MS_MAX,
    }),
  ];
}

function openApart(folder: string): number {
  const { stdout, status } = spawnSync(process.execPath, [SCRIPT, folder], { encoding: 'utf8' });
  const ms = Number(stdout);
  invariant(status === 0 && ms > 0, 'a closed log opens');
  return ms;
}

function killApart(folder: string): void {
  const { signal } = spawnSync(process.execPath, [SCRIPT, folder, 'kill']);
  const hasWal = existsSync(`${logOptions(folder).path}-wal`);
  invariant(signal === 'SIGKILL' && hasWal, 'a killed owner leaves its WAL');
}
