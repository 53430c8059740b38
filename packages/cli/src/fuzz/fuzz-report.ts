/** What `simsim fuzz` says of a batch. */

import type { SimulateReport } from '@simsim/simulator';
import type { ExitCode } from '../exit-code.ts';

/** A batch that was run. */
export interface FuzzBatch {
  readonly report: SimulateReport;
  readonly seed: number;
  readonly seconds: number;
  /** Where the case that failed was written. */
  readonly path: string | undefined;
  /** The folder that it kept cases in: what was there, and what came to it. */
  readonly corpus?: { readonly cases: number; readonly added: number };
}

/** One line for machines. */
export function jsonOf({ report, seed, seconds, path, corpus }: FuzzBatch): string {
  const { runs, delivered, missing, missed, pairs, trace, failure } = report;
  const situations = Object.fromEntries(
    [...report.situations].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  const failed = failure && { seed: failure.seed, case: path, ...failure.failure };
  const rest = {
    situations,
    pairs,
    missing,
    missed,
    trace,
    ...(corpus && { corpus }),
    ...(failed && { failure: failed }),
  };
  return JSON.stringify({ seed, runs, delivered, seconds, ...rest });
}

/** Lines for people. */
export function wordsOf({ report, seconds, path, corpus }: FuzzBatch): string[] {
  const { runs, delivered, situations, missing, missed, pairs, failure } = report;
  const all = situations.size + missing.length;
  const perSecond = Math.round(delivered / Math.max(0.001, seconds));
  const lines = [
    `${runs} runs, ${delivered} messages delivered in ${seconds.toFixed(1)} s (${perSecond}/s)`,
    `${situations.size} of ${all} situations came up, ${pairs.reached} of ${pairs.possible} pairs of them`,
    ...(corpus === undefined
      ? []
      : [`${corpus.cases} cases were in the corpus, ${corpus.added} are new`]),
    ...(missing.length === 0 ? [] : [`never: ${missing.join(', ')}`]),
  ];
  if (failure === undefined || path === undefined) {
    const isMissed = missed.length > 0 ? [`FAILED: so many seeds must meet every situation`] : [];
    return [...lines, 'every invariant holds', ...isMissed];
  }
  const { invariant, detail } = failure.failure;
  return [
    ...lines,
    '',
    `seed ${failure.seed} breaks ${invariant}: ${detail}`,
    `its case, with ${failure.actions.length} actions: ${path}`,
    `see it with: simsim fuzz replay ${path}`,
  ];
}

/** A batch fails by an invariant, or by a situation that so many seeds must meet. */
export function exitCodeOf({ failure, missed }: SimulateReport): ExitCode {
  return failure === undefined && missed.length === 0 ? 0 : 1;
}
