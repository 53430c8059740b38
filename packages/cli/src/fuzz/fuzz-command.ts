/** `simsim fuzz`: many seeds of the simulator, until one breaks something. */

import { randomInt } from 'node:crypto';
import { Simulation, SURE_RUNS } from '@simsim/simulator';
import type { Case, CryptoName } from '@simsim/simulator';
import type { Arguments } from '../arguments.ts';
import { usageError } from '../cli-error.ts';
import type { Command } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Output } from '../output.ts';
import { Corpus } from './corpus.ts';
import { driveBatch } from './drive-batch.ts';
import { exitCodeOf, jsonOf, wordsOf } from './fuzz-report.ts';
import { LOGS, storeOf, wasmFor } from './fuzz-store.ts';
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
    store: { type: 'string' },
    corpus: { type: 'string' },
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
  --store NAME   memory (default: rows in memory), sqlite (the store that ships, in memory), or disk (the same and
                 its vault in files that lose power: torn, lost and reordered writes under real SQLite)
  --corpus DIR   keeps each case that reaches a new pair of situations in this folder, as JSON; those that are there
                 are run first, and every second seed changes one: actions left out, moved or done again, other
                 knobs, other draws. The same seed and the same folder give the same batch
  --saboteurs    plants known bugs instead, one after the other, and looks which are caught
  --json         one JSON object on standard output, and nothing else; what is found is told on standard error
  --help         this text

A failing seed is printed as soon as it is found, with the command that runs it again, and its case is written to a
file, which \`simsim fuzz replay <file>\` plays; then it is made smaller. Ctrl-C keeps the smallest case so far, and
prints the summary of what was run; so does a reader of the output that goes away.

It also counts named situations (a kill in the middle of a commit, a session replaced by another), and pairs
of them that came up in one seed. What never came up is not tested: of ${SURE_RUNS} seeds and more, a batch that
misses a situation has failed, and its name is printed. A smaller batch says what it missed and has not failed.

Exit: 0 everything holds, 1 something does not or a situation was missed, 2 wrong usage, 3 a file cannot
be written, 130 interrupted.`,
  run,
};

const SEEDS_DEFAULT = 100;
const SEEDS_MAX = 1_000_000_000;
const MINUTE_MS = 60_000;
const MINUTES_MAX = 7 * 24 * 60;

async function run(given: Arguments, output: Output): Promise<ExitCode> {
  if (given.isSet('saboteurs')) return huntSaboteurs(given, output);
  const seed = given.integer('seed', { min: 0, max: SEEDS_MAX }) ?? randomInt(SEEDS_MAX);
  const minutes = given.integer('minutes', { min: 1, max: MINUTES_MAX });
  const wanted = given.integer('seeds', { min: 1, max: SEEDS_MAX });
  const seeds = wanted ?? (minutes === undefined ? SEEDS_DEFAULT : SEEDS_MAX);
  const crypto = cryptoOf(given);
  const store = storeOf(given);
  const isJson = given.isSet('json');
  const folder = given.text('corpus');
  const corpus = folder === undefined ? undefined : new Corpus(folder);
  if (!isJson)
    output.line(`seed ${seed} (repeat with --seed ${seed}), ${crypto} primitives, ${LOGS[store]}`);
  const startMs = Date.now();
  const endMs = minutes === undefined ? Number.POSITIVE_INFINITY : startMs + minutes * MINUTE_MS;
  const simulation = new Simulation({
    seed,
    seeds,
    crypto,
    store,
    ...(await wasmFor(store, ...(corpus?.cases ?? []).map((one) => one.store))),
    ...(corpus && { corpus: corpus.cases, onNewPairs: (one: Case) => corpus.keep(one) }),
  });
  const ended = await driveBatch(simulation, { output, seeds, crypto, store, endMs, isJson });
  const report = simulation.report();
  const seconds = (Date.now() - startMs) / 1000;
  const kept = corpus && { cases: corpus.cases.length, added: corpus.added };
  const batch = { report, seed, seconds, ...ended, ...(kept && { corpus: kept }) };
  for (const line of isJson ? [jsonOf(batch)] : wordsOf(batch)) output.line(line);
  return exitCodeOf(batch);
}

function cryptoOf(given: Arguments): CryptoName {
  const name = given.text('crypto') ?? 'symbolic';
  if (name === 'symbolic' || name === 'node' || name === 'noble') return name;
  throw usageError('--crypto is symbolic, node or noble.', 'Give one of them.');
}
