/** `simsim fuzz --saboteurs`: whether each planted bug is caught, and how fast. */

import { randomInt } from 'node:crypto';
import { hunt, SABOTEURS } from '@simsim/simulator';
import type { Hunt, Saboteur } from '@simsim/simulator';
import type { Arguments } from '../arguments.ts';
import type { ExitCode } from '../exit-code.ts';
import { watchForInterrupt } from '../interrupt.ts';
import type { Output } from '../output.ts';
import { progressLine } from '../play/progress-bar.ts';
import { textTable } from '../play/text-table.ts';
import { Pulse } from '../pulse.ts';

/** How long one saboteur is looked for. */
const HUNT_MS = 60_000;

const SEEDS_MAX = 1_000_000_000;

type Timed = Hunt & { readonly seconds: number };

/** Looks for each saboteur with fresh seeds; Ctrl-C prints those that were looked for. */
export async function huntSaboteurs(given: Arguments, output: Output): Promise<ExitCode> {
  const seed = given.integer('seed', { min: 0, max: SEEDS_MAX }) ?? randomInt(SEEDS_MAX);
  const isJson = given.isSet('json');
  if (!isJson) output.line(`seed ${seed} (repeat with --seed ${seed})`);
  const interrupt = watchForInterrupt();
  const pulse = new Pulse(output, Date.now());
  const hunts: Timed[] = [];
  const isWanted = async (): Promise<boolean> => {
    const done = hunts.length;
    output.progress(
      progressLine({ phase: 'hunting', done, total: SABOTEURS.length, counters: [] }),
    );
    const words = `so far: ${done} of ${SABOTEURS.length} saboteurs\n`;
    pulse.beat(Date.now(), () => (isJson ? ' ' : words));
    await output.pause();
    return !interrupt.isRaised() && !output.isBroken();
  };
  for (const saboteur of SABOTEURS) {
    const timed = await huntOne(saboteur, seed, isWanted);
    if (timed === undefined) break;
    hunts.push(timed);
  }
  interrupt.ignore();
  const interrupted = interrupt.isRaised();
  if (isJson) output.line(JSON.stringify({ seed, interrupted, saboteurs: hunts }));
  else for (const line of tableOf(hunts, output.columns())) output.line(line);
  if (interrupted) return 130;
  return hunts.every(({ caught }) => caught) ? 0 : 1;
}

/** Seed after seed; `undefined` where nobody waits for it any more. */
async function huntOne(
  saboteur: Saboteur,
  from: number,
  isWanted: () => Promise<boolean>,
): Promise<Timed | undefined> {
  const startMs = Date.now();
  for (let seeds = 1; ; seeds++) {
    if (!(await isWanted())) return undefined;
    const found = hunt(saboteur, from + seeds - 1, () => false);
    const isOver = found.caught || Date.now() - startMs >= HUNT_MS;
    if (isOver) return { ...found, seeds, seconds: (Date.now() - startMs) / 1000 };
  }
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
