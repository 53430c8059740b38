/** `simsim fuzz`: many seeds of the simulator, until one breaks something. */

import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeCase, simulate, SITUATIONS } from '@simsim/simulator';
import type { CryptoName, FailedCase, SimulateReport } from '@simsim/simulator';
import type { Arguments } from '../arguments.ts';
import { environmentError, errorText, usageError } from '../cli-error.ts';
import type { Command } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Output } from '../output.ts';
import { progressLine } from '../play/progress-bar.ts';
import { huntSaboteurs } from './hunt-saboteurs.ts';

/** The command. */
export const fuzzCommand: Command = {
  name: 'fuzz',
  positional: '',
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    crypto: { type: 'string' },
    saboteurs: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  help: `simsim fuzz [options]

Simulates worlds of users, devices and a relay, in which everything breaks that may: each seed is one.
It ends with the first seed in which an invariant does not hold.

  --seed N       the first seed (default: a random one, which is printed)
  --seeds N      how many seeds (default 100)
  --minutes N    as many seeds as fit into so many minutes
  --crypto NAME  symbolic (default: keys are terms, and what an adversary may know is decided exactly),
                 node or noble
  --saboteurs    plants known bugs instead, one after the other, and looks which are caught
  --json         one JSON object on standard output, and nothing else
  --help         this text

A failing case is made smaller and written to a file; \`simsim fuzz replay <file>\` plays it again.

Exit: 0 everything holds, 1 something does not, 2 wrong usage, 3 the file cannot be written.`,
  run,
};

const SEEDS_DEFAULT = 100;
const SEEDS_MAX = 1_000_000_000;
const MINUTE_MS = 60_000;
const MINUTES_MAX = 7 * 24 * 60;
/** How often the bar moves. */
const BAR_MS = 200;

async function run(given: Arguments, output: Output): Promise<ExitCode> {
  if (given.isSet('saboteurs')) return huntSaboteurs(given, output);
  const seed = given.integer('seed', { min: 0, max: SEEDS_MAX }) ?? randomInt(SEEDS_MAX);
  const minutes = given.integer('minutes', { min: 1, max: MINUTES_MAX });
  const wanted = given.integer('seeds', { min: 1, max: SEEDS_MAX });
  const seeds = wanted ?? (minutes === undefined ? SEEDS_DEFAULT : SEEDS_MAX);
  const crypto = cryptoOf(given);
  const isJson = given.isSet('json');
  if (!isJson) output.line(`seed ${seed} (repeat with --seed ${seed}), ${crypto} primitives`);
  const startMs = Date.now();
  const endMs = minutes === undefined ? Number.POSITIVE_INFINITY : startMs + minutes * MINUTE_MS;
  let shownMs = 0;
  const report = simulate({
    seed,
    seeds,
    crypto,
    onProgress(so) {
      const nowMs = Date.now();
      if (nowMs - shownMs > BAR_MS) output.progress(barOf(so, seeds, nowMs - startMs));
      if (nowMs - shownMs > BAR_MS) shownMs = nowMs;
      return nowMs < endMs;
    },
  });
  const path = report.failure && saveCase(report.failure);
  const seconds = (Date.now() - startMs) / 1000;
  const lines = isJson
    ? [jsonOf({ report, seed, seconds, path })]
    : wordsOf({ report, seed, seconds, path });
  for (const line of lines) output.line(line);
  return report.failure === undefined ? 0 : 1;
}

function cryptoOf(given: Arguments): CryptoName {
  const name = given.text('crypto') ?? 'symbolic';
  if (name === 'symbolic' || name === 'node' || name === 'noble') return name;
  throw usageError('--crypto is symbolic, node or noble.', 'Give one of them.');
}

function barOf(so: SimulateReport, seeds: number, elapsedMs: number): string {
  const perSecond = Math.round((so.delivered * 1000) / Math.max(1, elapsedMs));
  return progressLine({
    phase: 'fuzzing',
    done: so.runs,
    total: seeds,
    counters: [
      ['messages/s', perSecond],
      [`of ${SITUATIONS.length} situations`, so.situations.size],
    ],
  });
}

/** Writes a case where it can be found again. */
function saveCase(failure: FailedCase): string {
  const path = join(tmpdir(), `simsim-case-${failure.seed}.json`);
  try {
    writeFileSync(path, encodeCase(failure));
  } catch (error) {
    throw environmentError(`The case cannot be written: ${errorText(error)}.`, 'Make room.');
  }
  return path;
}

interface Outcome {
  readonly report: SimulateReport;
  readonly seed: number;
  readonly seconds: number;
  readonly path: string | undefined;
}

function jsonOf({ report, seed, seconds, path }: Outcome): string {
  const { runs, delivered, missing, trace, failure } = report;
  const situations = Object.fromEntries(
    [...report.situations].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  const failed = failure && { seed: failure.seed, case: path, ...failure.failure };
  const rest = { situations, missing, trace, ...(failed && { failure: failed }) };
  return JSON.stringify({ seed, runs, delivered, seconds, ...rest });
}

function wordsOf({ report, seconds, path }: Outcome): string[] {
  const { runs, delivered, situations, missing, failure } = report;
  const perSecond = Math.round(delivered / Math.max(0.001, seconds));
  const lines = [
    `${runs} runs, ${delivered} messages delivered in ${seconds.toFixed(1)} s (${perSecond}/s)`,
    `${situations.size} of ${SITUATIONS.length} situations came up`,
    ...(missing.length === 0 ? [] : [`never: ${missing.join(', ')}`]),
  ];
  if (failure === undefined || path === undefined) return [...lines, 'every invariant holds'];
  const { invariant, detail } = failure.failure;
  return [
    ...lines,
    '',
    `seed ${failure.seed} breaks ${invariant}: ${detail}`,
    `its case, with ${failure.actions.length} actions: ${path}`,
    `see it with: simsim fuzz replay ${path}`,
  ];
}
