/**
 * Makes a failing case smaller: fewer devices, then fewer actions, then fewer faults, then smaller
 * numbers. What is left out leaves all other draws as they were, so that each step is a fair try.
 */

import type { Action, Case, FailedCase, Knobs } from './case/case.ts';
import { runCase } from './run-case.ts';
import type { RunOptions } from './run-case.ts';

/** How many runs a shrink may take. */
const RUNS_MAX = 400;

/** How far a shrink is. */
export interface Shrinking {
  /** The smallest case so far. */
  readonly best: FailedCase;
  readonly runs: number;
  /** Runs that it may take. */
  readonly runsMax: number;
}

/** Keeps the smallest case so far that breaks the same invariant. */
export class Shrinker {
  #best: FailedCase;
  #runs = 0;
  readonly #options: RunOptions;

  constructor(failed: FailedCase, options: RunOptions) {
    this.#best = failed;
    this.#options = options;
  }

  /** How far it is. */
  get shrinking(): Shrinking {
    return { best: this.#best, runs: this.#runs, runsMax: RUNS_MAX };
  }

  /** Makes the case smaller; what it yields stands before each run, and whoever has enough stops there. */
  *steps(): Generator<void> {
    yield* this.#fewerDevices();
    yield* this.#fewerActions();
    yield* this.#fewerFaults();
    yield* this.#smallerNumbers();
  }

  /** Runs a smaller case; if it breaks the same invariant it is the best so far. */
  *#try(change: Partial<Case>): Generator<void, boolean> {
    if (this.#runs >= RUNS_MAX) return false;
    yield;
    this.#runs++;
    const { failure: before, ...rest } = this.#best;
    const one: Case = { ...rest, ...change };
    const { failure, trace } = runCase(one, this.#options);
    if (failure?.invariant !== before.invariant) return false;
    this.#best = { ...one, failure: { ...before, ...failure, trace } };
    return true;
  }

  *#fewerDevices(): Generator<void> {
    const labels = new Set(this.#best.actions.flatMap(labelsOf));
    for (const label of [...labels].toSorted().toReversed()) {
      const actions = this.#best.actions.filter((action) => !labelsOf(action).includes(label));
      if (actions.length < this.#best.actions.length) yield* this.#try({ actions });
    }
    for (const name of this.#best.users.toReversed()) {
      const users = this.#best.users.filter((each) => each !== name);
      if (users.length > 0) yield* this.#try({ users });
    }
  }

  /** ddmin: leaves out halves, then quarters, and so on, as long as that goes. */
  *#fewerActions(): Generator<void> {
    let size = Math.ceil(this.#best.actions.length / 2);
    while (size >= 1) {
      let hasShrunk = false;
      for (let at = 0; at < this.#best.actions.length;) {
        const actions = this.#best.actions.toSpliced(at, size);
        if (yield* this.#try({ actions })) hasShrunk = true;
        else at += size;
      }
      if (size === 1 && !hasShrunk) return;
      if (!hasShrunk) size = Math.floor(size / 2);
    }
  }

  *#fewerFaults(): Generator<void> {
    for (const name of [
      'lostRequests',
      'lostAnswers',
      'repeated',
      'shuffled',
      'lostNotices',
    ] as const) {
      if (this.#best.knobs[name] > 0) yield* this.#turn({ [name]: 0 });
    }
    if (this.#best.knobs.skewMs > 0) yield* this.#turn({ skewMs: 0 });
    if (this.#best.knobs.trust === 'ask') yield* this.#turn({ trust: 'tofu' });
    if (this.#best.knobs.killRate > 0) yield* this.#turn({ killRate: 0 });
    if (this.#best.knobs.vault === 'file') yield* this.#turn({ vault: 'memory' });
  }

  *#smallerNumbers(): Generator<void> {
    yield* this.#turn({ delayMs: [1, 1] });
    yield* this.#turn({ readMs: 1 });
    yield* this.#turn({ flushEvents: 1 });
    const lastMs = Math.max(0, ...this.#best.actions.map(({ atMs }) => atMs));
    if (lastMs < this.#best.knobs.spanMs) yield* this.#turn({ spanMs: lastMs + 1 });
    for (const [i, action] of this.#best.actions.entries()) {
      if (action.do !== 'send' || action.lines === 1) continue;
      yield* this.#try({ actions: this.#best.actions.with(i, { ...action, lines: 1 }) });
    }
  }

  *#turn(change: Partial<Knobs>): Generator<void> {
    yield* this.#try({ knobs: { ...this.#best.knobs, ...change } });
  }
}

/** The devices that an action is about. */
function labelsOf(action: Action): string[] {
  const named: string[] = [];
  if ('by' in action) named.push(action.by);
  if ('who' in action) named.push(action.who);
  if ('as' in action) named.push(action.as);
  return named;
}
