/** Our deeds as commands of fast-check, to be mixed with commands and a model of your own. */

import fc from 'fast-check';
import type { Action, CryptoName, Deed } from '../case/case.ts';
import type { SteppedWorld } from '../world/stepped-world.ts';
import { actionArbitrary, smallerDeed } from './case-arbitrary.ts';

/** Which commands there are, and where they find the world. */
export interface WorldCommandsOptions<Real> {
  /** The world in what your own commands run against. */
  readonly worldOf: (real: Real) => SteppedWorld;
  /** Deeds that are drawn; default all. */
  readonly deeds?: readonly Deed['do'][];
  /** Users of the world; default `ada` and `bo`. */
  readonly users?: readonly string[];
  /** The longest time that passes at once, ms; default a day. */
  readonly passMs?: number;
  /** Default `symbolic`. */
  readonly crypto?: CryptoName;
}

const DAY_MS = 24 * 3600 * 1000;

/**
 * Commands for `fc.commands`: each deed of the house, and time that passes. They look at no model: what one
 * makes no sense for does nothing.
 *
 * @example
 * fc.commands([...worldCommands<Model, SteppedWorld>({ worldOf: (world) => world }), ...mine]);
 */
export function worldCommands<Model extends object, Real>(
  options: WorldCommandsOptions<Real>,
): fc.Arbitrary<fc.Command<Model, Real>>[] {
  const { worldOf, passMs = DAY_MS, crypto = 'symbolic' } = options;
  const deeds = actionArbitrary({ crypto })
    .map(deedOf)
    .filter((deed) => isWanted(deed, options))
    .chain(smallerDeed);
  return [
    deeds.map((deed) => command(JSON.stringify(deed), (real) => worldOf(real).act(deed))),
    fc
      .integer({ min: 1, max: passMs })
      .map((ms) => command(`pass ${ms} ms`, (real) => worldOf(real).pass(ms))),
  ];
}

function deedOf(action: Action): Deed {
  const { atMs: _, ...deed } = action;
  return deed;
}

function isWanted(deed: Deed, { deeds, users = ['ada', 'bo'] }: Wanted): boolean {
  const labels = ['by', 'who', 'as'].flatMap((field) => {
    const label: unknown = Reflect.get(deed, field);
    return typeof label === 'string' ? [label] : [];
  });
  const isTheirs = labels.every((label) => users.includes(label.slice(0, label.indexOf('-'))));
  return isTheirs && (deeds === undefined || deeds.includes(deed.do));
}

type Wanted = Pick<WorldCommandsOptions<unknown>, 'deeds' | 'users'>;

function command<Model extends object, Real>(
  name: string,
  run: (real: Real) => void,
): fc.Command<Model, Real> {
  return { check: () => true, run: (_, real) => run(real), toString: () => name };
}
