/** The table every bench ends in: ours, theirs, and their ratio in one run. */

import { arch, cpus, platform } from 'node:os';

/** One line of a bench. */
export interface BenchRow {
  readonly what: string;
  readonly ours: number;
  readonly theirs: number | null;
  readonly unit: string;
  /** ours / theirs; where there is no other side, ours itself is held against the goal. */
  readonly ratio: number | null;
  /** The most the ratio (or ours) may be; `null` for a stretch. */
  readonly goal: number | null;
  readonly ok: boolean;
}

/** A bench's result. */
export interface BenchReport {
  readonly bench: string;
  readonly machine: string;
  readonly rows: readonly BenchRow[];
}

/** A row that holds ours against theirs. */
export function ratioRow(row: {
  what: string;
  ours: number;
  theirs: number;
  unit: string;
  goal: number | null;
}): BenchRow {
  const ratio = row.ours / row.theirs;
  return { ...row, ratio, ok: row.goal === null || ratio <= row.goal };
}

/** A row that holds a figure against a limit. */
export function limitRow(row: {
  what: string;
  ours: number;
  unit: string;
  goal: number;
}): BenchRow {
  return { ...row, theirs: null, ratio: null, ok: row.ours <= row.goal };
}

/** The row as a figure that is told and held against nothing, under another name where one is given. */
export function withoutGoal(row: BenchRow, what: string = row.what): BenchRow {
  return { ...row, what, goal: null, ok: true };
}

/** Which machine a figure belongs to. */
export function machineName(): string {
  const [cpu] = cpus();
  return `${cpus().length} x ${cpu?.model ?? 'unknown'}, ${platform()}-${arch()}, Node ${process.version}`;
}

/** The middle of the measured values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** The report as lines for people. */
export function formatReport(report: BenchReport): string {
  const lines = [`${report.bench} on ${report.machine}`];
  for (const row of report.rows) {
    const theirs = row.theirs === null ? '' : ` against ${format(row.theirs)} ${row.unit}`;
    const ratio = row.ratio === null ? '' : `, ratio ${format(row.ratio)}`;
    const goal = row.goal === null ? 'no goal' : `goal <= ${row.goal}`;
    lines.push(
      `${row.ok ? 'ok  ' : 'MISS'}  ${row.what}: ${format(row.ours)} ${row.unit}${theirs}${ratio} (${goal})`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
