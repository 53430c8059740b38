/** The log and its store: commits, frames, bytes, opening, reading, and a peer that saves records. */

import { machineName } from '../report.ts';
import type { BenchReport, BenchRow } from '../report.ts';
import { benchAppend } from './append-bench.ts';
import { benchEventBytes } from './event-bytes.ts';
import { benchFrames } from './frames-bench.ts';
import { benchHistory } from './history-bench.ts';
import { benchReceive } from './receive-bench.ts';

type Part = (options: { quick: boolean }) => Promise<readonly BenchRow[]>;

/** What of it is run. */
export interface LogBenchOptions {
  /** For trying out: fewer sessions, shorter histories. */
  readonly quick: boolean;
  /** One part by its name; all of them where absent. */
  readonly only: string | undefined;
}

const PARTS: readonly (readonly [name: string, part: Part])[] = [
  ['append', benchAppend],
  ['frames', benchFrames],
  ['bytes', benchEventBytes],
  ['receive', benchReceive],
  ['history', benchHistory],
];

/** Runs it. */
export async function benchLog({ quick, only }: LogBenchOptions): Promise<BenchReport> {
  const rows: BenchRow[] = [];
  for (const [name, part] of PARTS) {
    if (only !== undefined && only !== name) continue;
    process.stderr.write(`${name}\n`);
    rows.push(...(await part({ quick })));
  }
  return { bench: 'log', machine: machineName(), rows };
}
