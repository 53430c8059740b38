/**
 * A batch of `simsim fuzz`, run by run. Runs are synchronous: between two of them the command hears of Ctrl-C
 * and of a reader that went away, and tells at once what was found.
 */

import { situationsOver } from '@simsim/simulator';
import type {
  CryptoName,
  FailedCase,
  Simulation,
  SimulateReport,
  SimulationStep,
  StoreName,
} from '@simsim/simulator';
import { watchForInterrupt } from '../interrupt.ts';
import type { Output } from '../output.ts';
import { progressLine } from '../play/progress-bar.ts';
import { Pulse } from '../pulse.ts';
import { findOf, soFarOf } from './fuzz-report.ts';
import { failurePath, writeCase } from './saved-case.ts';

/** What is driven, and how long. */
export interface Drive {
  readonly output: Output;
  readonly seeds: number;
  readonly crypto: CryptoName;
  readonly store: StoreName;
  readonly endMs: number;
  readonly isJson: boolean;
}

/** How a batch ended. */
export interface DriveEnd {
  /** Where the case that failed was written. */
  readonly path: string | undefined;
  /** Whether somebody wanted it to end. */
  readonly isInterrupted: boolean;
}

/** How often the bar moves. */
const BAR_MS = 200;

/** Runs a batch to its end, or to when nobody wants more of it; the smallest failing case is in a file then. */
export async function driveBatch(simulation: Simulation, drive: Drive): Promise<DriveEnd> {
  const { output, isJson, endMs } = drive;
  const interrupt = watchForInterrupt();
  const startMs = Date.now();
  const pulse = new Pulse(output, startMs);
  let shownMs = 0;
  try {
    for (const step of simulation.steps()) {
      if (step.kind === 'found') tellFind(step, drive);
      const nowMs = Date.now();
      const isDue = nowMs - shownMs > BAR_MS;
      if (isDue) output.progress(barOf(step, { simulation, drive, elapsedMs: nowMs - startMs }));
      if (isDue) shownMs = nowMs;
      // Spaces before an object are part of JSON.
      pulse.beat(nowMs, () => (isJson ? ' ' : `${soFarOf(simulation.report(), step)}\n`));
      await output.pause();
      if (interrupt.isRaised() || output.isBroken()) break;
      if (step.kind === 'run' && nowMs >= endMs) break;
    }
  } finally {
    interrupt.ignore();
  }
  const { failure } = simulation.report();
  return { path: failure && keep(failure), isInterrupted: interrupt.isRaised() };
}

/** At once, and with the case in a file: making it smaller takes a while, and may be cut off. */
function tellFind(step: Extract<SimulationStep, { kind: 'found' }>, drive: Drive): void {
  const { output, isJson, crypto, store } = drive;
  const path = keep(step.failure);
  for (const line of findOf(step, { path, crypto, store })) {
    if (isJson) output.note(line);
    else output.line(line);
  }
}

function keep(failure: FailedCase): string {
  const path = failurePath(failure);
  writeCase(path, failure);
  return path;
}

interface Bar {
  readonly simulation: Simulation;
  readonly drive: Drive;
  readonly elapsedMs: number;
}

function barOf(step: SimulationStep, { simulation, drive, elapsedMs }: Bar): string {
  if (step.kind === 'shrink') {
    const { best, runs, runsMax } = step;
    return progressLine({
      phase: 'shrinking',
      done: runs,
      total: runsMax,
      counters: [
        ['actions', best.actions.length],
        ['users', best.users.length],
      ],
    });
  }
  return fuzzingBar(simulation.report(), { drive, elapsedMs });
}

function fuzzingBar(so: SimulateReport, { drive, elapsedMs }: Omit<Bar, 'simulation'>): string {
  const perSecond = Math.round((so.delivered * 1000) / Math.max(1, elapsedMs));
  return progressLine({
    phase: 'fuzzing',
    done: so.runs,
    total: drive.seeds,
    counters: [
      ['messages/s', perSecond],
      [`of ${situationsOver(drive.crypto).length} situations`, so.situations.size],
      ['pairs', so.pairs.reached],
    ],
  });
}
