/**
 * Many seeds, one after the other: each draws a case, runs it, and now and then runs it again to see that
 * nothing came in from outside.
 */

import { createHash } from 'node:crypto';
import type { WasmSqlite } from '@simsim/event-log-sqlite/power-loss';
import type { Case, CryptoName, FailedCase, StoreName } from './case/case.ts';
import { drawCase } from './case/draw-case.ts';
import { Situations } from './case/situations.ts';
import type { Situation } from './case/situations.ts';
import type { Invariant } from './invariants/invariant.ts';
import { runCase } from './run-case.ts';
import type { Plant, RunResult } from './run-case.ts';
import { shrinkCase } from './shrink.ts';

/** What is simulated. */
export interface SimulateOptions {
  /** The first seed; the others count on from it. Default 1. */
  readonly seed?: number;
  /** How many; default 1. */
  readonly seeds?: number;
  /** Default: `symbolic`. */
  readonly crypto?: CryptoName;
  /** Default: `memory`. */
  readonly store?: StoreName;
  /** SQLite in WebAssembly, for the store `disk`; `loadWasmSqlite` loads it. */
  readonly wasm?: WasmSqlite;
  /** Actions of a case, at most. */
  readonly actionsMax?: number;
  /** What must hold; default all of the house. Own ones are added to those of `INVARIANTS`. */
  readonly invariants?: readonly Invariant[];
  /** A bug that is planted. */
  readonly plant?: Plant;
  /** Runs every so many-th case twice and compares; default 8, 0 for never. */
  readonly twiceEvery?: number;
  /** Whether a failing case is made smaller; default true. */
  readonly shrinks?: boolean;
  /** Called before each seed; answers whether to go on. */
  readonly onProgress?: (report: SimulateReport) => boolean;
}

/** What came of it. */
export interface SimulateReport {
  /** Runs that came to their end. */
  readonly runs: number;
  /** Copies of messages that applications got. */
  readonly delivered: number;
  /** Situations that came up, with how often. */
  readonly situations: ReadonlyMap<Situation, number>;
  /** Situations that never did. */
  readonly missing: readonly Situation[];
  /** Hash over the traces of all runs. */
  readonly trace: string;
  /** The first case that failed, made smaller. */
  readonly failure: FailedCase | undefined;
}

/** A run that differs from the first of the same case. */
export const UNSTABLE = 'DETERMINISM';

const TWICE_EVERY = 8;

/** Simulates until a seed fails, all are done, or nobody wants to go on. */
export function simulate(options: SimulateOptions = {}): SimulateReport {
  const { seed: first = 1, seeds = 1, twiceEvery = TWICE_EVERY } = options;
  const situations = new Situations();
  let delivered = 0;
  let trace = '';
  const report = (runs: number, failure?: FailedCase): SimulateReport => ({
    runs,
    delivered,
    situations: situations.counts,
    missing: situations.missing(),
    trace,
    failure,
  });
  for (let i = 0; i < seeds; i++) {
    if (options.onProgress?.(report(i)) === false) return report(i);
    const one = caseOf(first + i, options);
    const result = runCase(one, options);
    situations.add(result.situations);
    delivered += result.delivered;
    trace = createHash('sha256').update(trace).update(result.trace).digest('hex');
    const isSecondRun = twiceEvery > 0 && i % twiceEvery === 0;
    const failed = failedCase(one, result, isSecondRun ? runCase(one, options) : result);
    if (failed !== undefined) return report(i + 1, smaller(failed, options));
  }
  return report(seeds);
}

function caseOf(seed: number, options: SimulateOptions): Case {
  const { crypto = 'symbolic', store = 'memory', actionsMax } = options;
  return drawCase(seed, { crypto, store, ...(actionsMax !== undefined && { actionsMax }) });
}

function failedCase(one: Case, result: RunResult, second: RunResult): FailedCase | undefined {
  const { trace } = result;
  if (second.trace !== trace) {
    const detail = 'a second run of the same case went another way';
    return { ...one, failure: { invariant: UNSTABLE, detail, trace } };
  }
  return result.failure && { ...one, failure: { ...result.failure, trace } };
}

function smaller(failed: FailedCase, options: SimulateOptions): FailedCase {
  if (options.shrinks === false || failed.failure.invariant === UNSTABLE) return failed;
  return shrinkCase(failed, options);
}
