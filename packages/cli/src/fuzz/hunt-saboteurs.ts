/** `simsim fuzz --saboteurs`: whether each planted bug is caught, and how fast. */

import { randomInt } from 'node:crypto';
import { hunt, SABOTEURS } from '@simsim/simulator';
import type { Hunt } from '@simsim/simulator';
import type { Arguments } from '../arguments.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Output } from '../output.ts';
import { progressLine } from '../play/progress-bar.ts';
import { textTable } from '../play/text-table.ts';

/** How long one saboteur is looked for. */
const HUNT_MS = 60_000;

const SEEDS_MAX = 1_000_000_000;

type Timed = Hunt & { readonly seconds: number };

/** Looks for each saboteur with fresh seeds. */
export function huntSaboteurs(given: Arguments, output: Output): ExitCode {
  const seed = given.integer('seed', { min: 0, max: SEEDS_MAX }) ?? randomInt(SEEDS_MAX);
  const isJson = given.isSet('json');
  if (!isJson) output.line(`seed ${seed} (repeat with --seed ${seed})`);
  const hunts = SABOTEURS.map((saboteur, done): Timed => {
    output.progress(
      progressLine({ phase: 'hunting', done, total: SABOTEURS.length, counters: [] }),
    );
    const startMs = Date.now();
    const found = hunt(saboteur, seed, () => Date.now() - startMs < HUNT_MS);
    return { ...found, seconds: (Date.now() - startMs) / 1000 };
  });
  if (isJson) output.line(JSON.stringify({ seed, saboteurs: hunts }));
  else for (const line of tableOf(hunts, output.columns())) output.line(line);
  return hunts.every(({ caught }) => caught) ? 0 : 1;
}

function tableOf(hunts: readonly Timed[], width: number): readonly string[] {
  return textTable(
    [
      { heading: 'saboteur', align: 'left' },
      { heading: 'breaks', align: 'left' },
      { heading: 'caught', align: 'left' },
      { heading: 'seeds', align: 'right' },
      { heading: 'seconds', align: 'right' },
    ],
    hunts.map(({ id, invariant, caught, seeds, seconds }) => [
      id,
      invariant,
      caught ? 'yes' : 'NO',
      String(seeds),
      seconds.toFixed(1),
    ]),
    width,
  );
}
