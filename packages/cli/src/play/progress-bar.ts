/** One line that says how far a play is. */

/** What the bar shows. */
export interface ProgressState {
  /** What is going on, one or two words. */
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  /** Counters beside the bar, in order. */
  readonly counters: readonly (readonly [name: string, value: number])[];
}

const BAR_CELLS = 24;

/** Renders the bar. */
export function progressLine({ phase, done, total, counters }: ProgressState): string {
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(part * BAR_CELLS);
  const bar = '#'.repeat(filled).padEnd(BAR_CELLS, '.');
  const rest = counters.map(([name, value]) => `${value} ${name}`).join('  ');
  return `${phase.padEnd(9)} [${bar}] ${done}/${total}  ${rest}`;
}
