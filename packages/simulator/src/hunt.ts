/** Looking for a planted bug with the invariant that must see it. */

import { drawCase } from './case/draw-case.ts';
import { INVARIANTS } from './invariants/all-invariants.ts';
import { runCase } from './run-case.ts';
import type { Saboteur } from './saboteurs.ts';

/** How a search for a saboteur went. */
export interface Hunt {
  readonly id: string;
  readonly invariant: string;
  readonly caught: boolean;
  /** Seeds it took. */
  readonly seeds: number;
}

/** Looks for a saboteur from a seed on; its invariant alone is watched. */
export function hunt(saboteur: Saboteur, from: number, isTimeLeft: () => boolean): Hunt {
  const { id, invariant, plant } = saboteur;
  const invariants = INVARIANTS.filter((each) => each.id === invariant);
  for (let seeds = 1; ; seeds++) {
    const one = drawCase(from + seeds - 1, { crypto: 'symbolic' });
    const { failure } = runCase(one, { plant, invariants });
    const caught = failure?.invariant === invariant;
    if (caught || !isTimeLeft()) return { id, invariant, caught, seeds };
  }
}
