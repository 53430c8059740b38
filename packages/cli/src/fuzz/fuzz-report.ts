/** What `simsim fuzz` says of a batch. */

import { commandName } from '../command-name.ts';
import { UNSTABLE } from '@simsim/simulator';
import type { CryptoName, SimulateReport, SimulationStep, StoreName } from '@simsim/simulator';
import type { ExitCode } from '../exit-code.ts';

/** A batch that was run. */
export interface FuzzBatch {
  readonly report: SimulateReport;
  readonly seed: number;
  readonly seconds: number;
  /** Where the case that failed was written. */
  readonly path: string | undefined;
  /** Whether somebody ended it before it had an end. */
  readonly isInterrupted: boolean;
  /** The folder that it kept cases in: what was there, and what came to it. */
  readonly corpus?: { readonly cases: number; readonly added: number };
}

/** One line for machines. */
export function jsonOf({ report, seed, seconds, path, isInterrupted, corpus }: FuzzBatch): string {
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
    interrupted: isInterrupted,
    ...(corpus && { corpus }),
    ...(failed && { failure: failed }),
  };
  return JSON.stringify({ seed, runs, delivered, seconds, ...rest });
}

/** Lines for people. */
export function wordsOf({ report, seconds, path, isInterrupted, corpus }: FuzzBatch): string[] {
  const { runs, delivered, situations, missing, missed, pairs, failure } = report;
  const all = situations.size + missing.length;
  const perSecond = Math.round(delivered / Math.max(0.001, seconds));
  const lines = [
    ...(isInterrupted ? ['interrupted; what was run until then:'] : []),
    `${runs} runs, ${delivered} messages delivered in ${seconds.toFixed(1)} s (${perSecond}/s)`,
    `${situations.size} of ${all} situations came up, ${pairs.reached} of ${pairs.possible} pairs of them`,
    ...(corpus === undefined
      ? []
      : [`${corpus.cases} cases were in the corpus, ${corpus.added} are new`]),
    ...(missing.length === 0 ? [] : [`never: ${missing.join(', ')}`]),
  ];
  if (failure === undefined || path === undefined) {
    const isMissed = missed.length > 0 ? [`FAILED: so many seeds must meet every situation`] : [];
    const holds = isInterrupted ? 'every invariant held so far' : 'every invariant holds';
    return [...lines, holds, ...isMissed];
  }
  const { invariant, detail } = failure.failure;
  return [
    ...lines,
    '',
    `seed ${failure.seed} breaks ${invariant}: ${detail}`,
    `its case, with ${failure.actions.length} actions: ${path}`,
    `see it with: ${commandName()} fuzz replay ${path}`,
  ];
}

/** A batch fails by an invariant, or by a situation that so many seeds must meet. */
export function exitCodeOf({ report, isInterrupted }: FuzzBatch): ExitCode {
  if (isInterrupted) return 130;
  return report.failure === undefined && report.missed.length === 0 ? 0 : 1;
}

/** What was found, as soon as it is: how it is had again needs nothing of what comes after. */
export function findOf(
  { failure, from }: Extract<SimulationStep, { kind: 'found' }>,
  { path, crypto, store }: { path: string; crypto: CryptoName; store: StoreName },
): string[] {
  const { seed, actions } = failure;
  const { invariant, detail } = failure.failure;
  const who = { seed: `seed ${seed}`, corpus: 'a case of the corpus', mutation: 'a changed case' };
  const options = [
    `--seed ${seed} --seeds 1`,
    ...(crypto === 'symbolic' ? [] : [`--crypto ${crypto}`]),
    ...(store === 'memory' ? [] : [`--store ${store}`]),
  ];
  return [
    `${who[from]} breaks ${invariant}: ${detail}`,
    ...(from === 'seed' ? [`run it again with: ${commandName()} fuzz ${options.join(' ')}`] : []),
    `its case, with ${actions.length} actions: ${path}`,
    `see it with: ${commandName()} fuzz replay ${path}`,
    ...(invariant === UNSTABLE ? [] : ['making it smaller; Ctrl-C keeps the smallest so far']),
  ];
}

/** How far a batch is, in a line. */
export function soFarOf(report: SimulateReport, step: SimulationStep): string {
  if (step.kind === 'shrink') {
    return `so far: ${step.best.actions.length} actions after ${step.runs} of ${step.runsMax} runs`;
  }
  const { runs, delivered, situations } = report;
  return `so far: ${runs} runs, ${delivered} messages delivered, ${situations.size} situations`;
}
