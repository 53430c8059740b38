/**
 * Many seeds, one after the other: each draws a case, runs it, and now and then runs it again to see that
 * nothing came in from outside.
 */

import { createHash } from 'node:crypto';
import type { WasmSqlite } from '@simsim/event-log-sqlite/power-loss';
import { withOwnActions } from './actions/draw-own-actions.ts';
import type { OwnAction } from './actions/own-action.ts';
import type { Case, CryptoName, FailedCase, Label, StoreName } from './case/case.ts';
import { drawCase } from './case/draw-case.ts';
import { mutateCase } from './case/mutate-case.ts';
import { pairCount, Situations, situationsOver } from './case/situations.ts';
import { Dice } from './dice.ts';
import type { StorePart } from './disk/store-parts.ts';
import type { Invariant } from './invariants/invariant.ts';
import { runCase } from './run-case.ts';
import type { Plant, RunResult } from './run-case.ts';
import { Shrinker } from './shrink.ts';
import type { Shrinking } from './shrink.ts';

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
  /** Stores of your own in the place of those in memory. */
  readonly newStore?: (label: Label) => StorePart;
  /** SQLite in WebAssembly, for the store `disk`; `loadWasmSqlite` loads it. */
  readonly wasm?: WasmSqlite;
  /** Actions of a case, at most. */
  readonly actionsMax?: number;
  /** Actions of your own, beside those of the house. */
  readonly actions?: readonly OwnAction[];
  /** What must hold; default all of the house. Own ones are added to those of `INVARIANTS`. */
  readonly invariants?: readonly Invariant[];
  /** Situations of your own, which own invariants say are met; a batch that misses one has failed. */
  readonly situations?: readonly string[];
  /** Runs in which every situation comes up: a batch of fewer misses none. Default {@link SURE_RUNS}. */
  readonly sureRuns?: number;
  /**
   * Cases of before. They are run first; then every second seed changes one of them, or of those that reached
   * new pairs of situations meanwhile.
   */
  readonly corpus?: readonly Case[];
  /** Called with each case beyond `corpus` that reached pairs no run before had, and how many. */
  readonly onNewPairs?: (one: Case, pairs: number) => void;
  /** A bug that is planted. */
  readonly plant?: Plant;
  /** Runs every so many-th case twice, unwatched then, and compares; default 8, 0 for never. */
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
  readonly situations: ReadonlyMap<string, number>;
  /** Situations that never did. */
  readonly missing: readonly string[];
  /** Those of them that so many runs must have met: by these names the batch has failed. */
  readonly missed: readonly string[];
  readonly pairs: Pairs;
  /** Hash over the traces of all runs. */
  readonly trace: string;
  /** The first case that failed, made smaller. */
  readonly failure: FailedCase | undefined;
}

/** Pairs of situations. */
export interface Pairs {
  /** Those that came up together in a run. */
  readonly reached: number;
  /** All there are, those too that exclude each other. */
  readonly possible: number;
}

/** Runs, with nothing left out, in which every situation of the house comes up. */
export const SURE_RUNS = 100;

/** A run that differs from the first of the same case. */
export const UNSTABLE = 'DETERMINISM';

const TWICE_EVERY = 8;

/** Simulates until a seed fails, all are done, or nobody wants to go on. */
export function simulate(options: SimulateOptions = {}): SimulateReport {
  const simulation = new Simulation(options);
  for (const { kind } of simulation.steps()) {
    const isRun = kind === 'run';
    if (isRun && options.onProgress?.(simulation.report()) === false) break;
  }
  return simulation.report();
}

/** Where a batch is between two runs. */
export type SimulationStep =
  /** The next case is about to be run. */
  | { readonly kind: 'run' }
  /** A case failed, just now; what follows makes it smaller. */
  | { readonly kind: 'found'; readonly failure: FailedCase; readonly from: CaseSource }
  /** A smaller case is about to be tried. */
  | ({ readonly kind: 'shrink' } & Shrinking);

/** Where a case is from: drawn from its seed, one of the corpus, or one of those with something changed. */
export type CaseSource = 'seed' | 'corpus' | 'mutation';

/**
 * A batch for whoever drives it run by run, which may do something else between two of them, and stop at any:
 * `simulate` is its loop. `report()` is of what was run so far, with the smallest failing case so far.
 */
export class Simulation {
  readonly #options: SimulateOptions;
  readonly #batch: Batch;
  readonly #kept: Case[];
  #failure: FailedCase | undefined;

  constructor(options: SimulateOptions = {}) {
    this.#options = options;
    this.#batch = new Batch(options);
    this.#kept = [...(options.corpus ?? [])];
  }

  /** What was run so far. */
  report(): SimulateReport {
    return this.#batch.report(this.#failure);
  }

  /** Runs the batch, and makes a failing case smaller. */
  *steps(): Generator<SimulationStep, void> {
    const options = this.#options;
    const { twiceEvery = TWICE_EVERY } = options;
    let i = 0;
    for (const { one, from } of casesOf(options, this.#kept)) {
      yield { kind: 'run' };
      const result = runCase(one, options);
      const pairs = this.#batch.add(result);
      const isRunTwice = twiceEvery > 0 && i % twiceEvery === 0 && result.failure === undefined;
      // Watching changes nothing, and the second run tells that too.
      const again = isRunTwice ? runCase(one, { ...options, invariants: [] }) : result;
      this.#failure = failedCase(one, result, again);
      if (this.#failure !== undefined) {
        yield { kind: 'found', failure: this.#failure, from };
        return yield* this.#shrink(this.#failure);
      }
      if (pairs > 0 && from !== 'corpus') {
        this.#kept.push(one);
        options.onNewPairs?.(one, pairs);
      }
      i++;
    }
  }

  *#shrink(failed: FailedCase): Generator<SimulationStep, void> {
    const isLeft = this.#options.shrinks === false || failed.failure.invariant === UNSTABLE;
    if (isLeft) return;
    const shrinker = new Shrinker(failed, this.#options);
    for (const _ of shrinker.steps()) {
      this.#failure = shrinker.shrinking.best;
      yield { kind: 'shrink', ...shrinker.shrinking };
    }
    this.#failure = shrinker.shrinking.best;
  }
}

interface SourcedCase {
  readonly one: Case;
  readonly from: CaseSource;
}

/** Those of the corpus, then one for each seed; `kept` grows meanwhile. */
function* casesOf(options: SimulateOptions, kept: readonly Case[]): Generator<SourcedCase> {
  const { seed: first = 1, seeds = 1, crypto = 'symbolic', corpus } = options;
  for (const one of corpus ?? []) yield { one: { ...one, crypto }, from: 'corpus' };
  for (let seed = first; seed < first + seeds; seed++) {
    const dice = new Dice(seed, 'corpus');
    const base = corpus !== undefined && dice.chance(0.5) ? dice.pick(kept) : undefined;
    if (base === undefined) yield { one: caseOf(seed, options), from: 'seed' };
    else yield { one: mutateCase({ ...base, crypto }, seed), from: 'mutation' };
  }
}

/** What is counted over a batch. */
class Batch {
  readonly #names: readonly string[];
  readonly #sureRuns: number;
  readonly #situations = new Situations();
  #runs = 0;
  #delivered = 0;
  #trace = '';

  constructor({ crypto = 'symbolic', situations = [], sureRuns = SURE_RUNS }: SimulateOptions) {
    this.#names = [...new Set([...situationsOver(crypto), ...situations])];
    this.#sureRuns = sureRuns;
  }

  /** Answers how many pairs are new. */
  add({ situations, delivered, trace }: RunResult): number {
    this.#runs++;
    this.#delivered += delivered;
    this.#trace = createHash('sha256').update(this.#trace).update(trace).digest('hex');
    return this.#situations.add(situations);
  }

  report(failure?: FailedCase): SimulateReport {
    const { counts, pairs } = this.#situations;
    const missing = this.#situations.missing(this.#names);
    return {
      runs: this.#runs,
      delivered: this.#delivered,
      situations: counts,
      missing,
      missed: this.#runs < this.#sureRuns ? [] : missing,
      pairs: { reached: pairs.size, possible: pairCount(this.#names.length) },
      trace: this.#trace,
      failure,
    };
  }
}

function caseOf(seed: number, options: SimulateOptions): Case {
  const { crypto = 'symbolic', store = 'memory', actionsMax, actions = [] } = options;
  const one = drawCase(seed, { crypto, store, ...(actionsMax !== undefined && { actionsMax }) });
  return withOwnActions(one, actions);
}

function failedCase(one: Case, result: RunResult, second: RunResult): FailedCase | undefined {
  const { trace } = result;
  if (second.trace !== trace) {
    const detail = 'a second run of the same case went another way';
    return { ...one, failure: { invariant: UNSTABLE, detail, trace } };
  }
  return result.failure && { ...one, failure: { ...result.failure, trace } };
}
