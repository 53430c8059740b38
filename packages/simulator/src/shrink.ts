/**
 * Makes a failing case smaller: fewer devices, then fewer actions, then fewer faults, then smaller
 * numbers. What is left out leaves all other draws as they were, so that each step is a fair try.
 */

import type { Action, Case, FailedCase, Knobs } from './case/case.ts';
import { runCase } from './run-case.ts';
import type { RunOptions } from './run-case.ts';

/** How many runs a shrink may take. */
const RUNS_MAX = 400;

/** The smallest case found that breaks the same invariant. */
export function shrinkCase(failed: FailedCase, options: RunOptions): FailedCase {
  return new Shrinker(failed, options).shrink();
}

/** Keeps the smallest case so far. */
class Shrinker {
  #best: FailedCase;
  #runs = 0;
  readonly #options: RunOptions;

  constructor(failed: FailedCase, options: RunOptions) {
    this.#best = failed;
    this.#options = options;
  }

  shrink(): FailedCase {
    this.#fewerDevices();
    this.#fewerActions();
    this.#fewerFaults();
    this.#smallerNumbers();
    return this.#best;
  }

  /** Runs a smaller case; if it breaks the same invariant it is the best so far. */
  #try(change: Partial<Case>): boolean {
    if (this.#runs++ >= RUNS_MAX) return false;
    const { failure: before, ...rest } = this.#best;
    const one: Case = { ...rest, ...change };
    const { failure, trace } = runCase(one, this.#options);
    if (failure?.invariant !== before.invariant) return false;
    this.#best = { ...one, failure: { ...before, ...failure, trace } };
    return true;
  }

  #fewerDevices(): void {
    const labels = new Set(this.#best.actions.flatMap(labelsOf));
    for (const label of [...labels].toSorted().toReversed()) {
      const actions = this.#best.actions.filter((action) => !labelsOf(action).includes(label));
      if (actions.length < this.#best.actions.length) this.#try({ actions });
    }
    for (const name of this.#best.users.toReversed()) {
      const users = this.#best.users.filter((each) => each !== name);
      if (users.length > 0) this.#try({ users });
    }
  }

  /** ddmin: leaves out halves, then quarters, and so on, as long as that goes. */
  #fewerActions(): void {
    let size = Math.ceil(this.#best.actions.length / 2);
    while (size >= 1) {
      let hasShrunk = false;
      for (let at = 0; at < this.#best.actions.length;) {
        const actions = this.#best.actions.toSpliced(at, size);
        if (this.#try({ actions })) hasShrunk = true;
        else at += size;
      }
      if (size === 1 && !hasShrunk) return;
      if (!hasShrunk) size = Math.floor(size / 2);
    }
  }

  #fewerFaults(): void {
    for (const name of [
      'lostRequests',
      'lostAnswers',
      'repeated',
      'shuffled',
      'lostNotices',
    ] as const) {
      if (this.#best.knobs[name] > 0) this.#turn({ [name]: 0 });
    }
    if (this.#best.knobs.skewMs > 0) this.#turn({ skewMs: 0 });
    if (this.#best.knobs.killRate > 0) this.#turn({ killRate: 0 });
    if (this.#best.knobs.vault === 'file') this.#turn({ vault: 'memory' });
  }

  #smallerNumbers(): void {
    this.#turn({ delayMs: [1, 1] });
    this.#turn({ readMs: 1 });
    this.#turn({ flushEvents: 1 });
    const lastMs = Math.max(0, ...this.#best.actions.map(({ atMs }) => atMs));
    if (lastMs < this.#best.knobs.spanMs) this.#turn({ spanMs: lastMs + 1 });
    this.#best.actions.forEach((action, i) => {
      if (action.do !== 'send' || action.lines === 1) return;
      this.#try({ actions: this.#best.actions.with(i, { ...action, lines: 1 }) });
    });
  }

  #turn(change: Partial<Knobs>): void {
    this.#try({ knobs: { ...this.#best.knobs, ...change } });
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
