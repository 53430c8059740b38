/** `simsim fuzz replay`: plays a saved case again, and draws what happens in it. */

import { drawDiagram, runCase, SABOTEURS, UnknownActionError } from '@simsim/simulator';
import type { RunOptions, RunResult, SavedCase } from '@simsim/simulator';
import type { Arguments } from '../arguments.ts';
import { usageError } from '../cli-error.ts';
import type { Command } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Output } from '../output.ts';
import { wasmFor } from './fuzz-store.ts';
import { readCase } from './saved-case.ts';

/** The command. */
export const replayCaseCommand: Command = {
  name: 'fuzz replay',
  positional: '<case.json>',
  options: { plant: { type: 'string' }, json: { type: 'boolean' } },
  help: `simsim fuzz replay <case.json> [options]

Plays a case that \`simsim fuzz\` wrote, draws it as a sequence diagram, and says whether it fails as it did.

  --plant ID   with the saboteur of this name (\`simsim fuzz --saboteurs\` lists them)
  --json       one JSON object on standard output, and nothing else
  --help       this text

Exit: 0 everything holds, 1 an invariant does not, 2 wrong usage or no case.`,
  run,
};

/** Lines of a diagram that are shown; the end is what matters. */
const LINES_MAX = 200;

async function run(given: Arguments, output: Output): Promise<ExitCode> {
  const one = readCase(given.positionals[0] ?? '');
  const wasm = await wasmFor(one.store);
  const result = runAgain(one, { ...plantOf(given), ...wasm, keepsTrace: true });
  const { failure, trace } = result;
  const isSame = one.failure === undefined ? undefined : one.failure.trace === trace;
  if (given.isSet('json')) {
    output.line(JSON.stringify({ seed: one.seed, failure, trace, isSame }));
  } else {
    for (const line of story(result)) output.line(line);
    output.line('');
    output.line(failure ? `${failure.invariant}: ${failure.detail}` : 'every invariant holds');
    if (isSame !== undefined) output.line(isSame ? 'as it was found' : 'not as it was found');
  }
  return failure === undefined ? 0 : 1;
}

function runAgain(one: SavedCase, options: RunOptions): RunResult {
  try {
    return runCase(one, options);
  } catch (error) {
    if (!(error instanceof UnknownActionError)) throw error;
    throw usageError(
      `The case has an action of somebody's own, "${error.action}".`,
      'Whoever has that runs it, with runCase.',
    );
  }
}

function plantOf(given: Arguments): { plant?: (typeof SABOTEURS)[number]['plant'] } {
  const id = given.text('plant');
  if (id === undefined) return {};
  const saboteur = SABOTEURS.find((each) => each.id === id);
  if (saboteur !== undefined) return { plant: saboteur.plant };
  throw usageError('There is no such saboteur.', 'simsim fuzz --saboteurs lists them.');
}

function story({ lines }: RunResult): string[] {
  const drawn = drawDiagram(lines.slice(-LINES_MAX));
  const left = lines.length - LINES_MAX;
  return left > 0 ? [`(${left} lines before)`, ...drawn] : drawn;
}
