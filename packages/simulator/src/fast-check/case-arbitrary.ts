/**
 * Cases as fast-check draws and shrinks them. What is drawn comes from `drawCase`, so every deed there is
 * comes up; shrinking leaves users and actions out and makes numbers smaller.
 */

import { invariant } from '@simsim/bytes';
import fc from 'fast-check';
import type { Action, Case, Deed, Knobs } from '../case/case.ts';
import { drawCase } from '../case/draw-case.ts';
import type { DrawOptions } from '../case/draw-case.ts';

const SEEDS_MAX = 2 ** 31 - 1;

/** A whole case of the house. A seed is a name, and is not made smaller. */
const drawn = (options: DrawOptions): fc.Arbitrary<Case> =>
  fc.noShrink(fc.nat(SEEDS_MAX)).map((seed) => drawCase(seed, options));

/**
 * Cases for `runCase`.
 *
 * @example
 * fc.assert(
 *   fc.property(caseArbitrary({ crypto: 'symbolic' }), (one) => runCase(one).failure === undefined),
 * );
 */
export function caseArbitrary(options: DrawOptions): fc.Arbitrary<Case> {
  return drawn(options).chain((one) =>
    fc
      .record({
        users: fc.subarray([...one.users], { minLength: 1 }),
        actions: fc
          .subarray([...one.actions])
          .chain((kept) => fc.tuple(...kept.map(smallerAction))),
        knobs: smallerKnobs(one.knobs),
      })
      .map((smaller): Case => ({ ...one, ...smaller })),
  );
}

/** Single actions, of the devices of a case of the house. */
export function actionArbitrary(options: DrawOptions): fc.Arbitrary<Action> {
  return drawn(options).chain(({ actions }) => {
    invariant(actions.length > 0, 'a case of the house does something');
    return fc.noShrink(fc.constantFrom(...actions)).chain(smallerAction);
  });
}

/** What holds for a whole run. */
export function knobsArbitrary(): fc.Arbitrary<Knobs> {
  return drawn({ crypto: 'symbolic' }).chain(({ knobs }) => smallerKnobs(knobs));
}

/** Fields that may not become 0. */
const AT_LEAST_ONE: ReadonlySet<string> = new Set(['lines']);

/** The same action, with numbers up to what it has; when it happens stays. */
function smallerAction(action: Action): fc.Arbitrary<Action> {
  const { atMs, ...deed } = action;
  return smallerDeed(deed).map((smaller): Action => ({ ...smaller, atMs }));
}

/** The same deed, with numbers up to what it has. */
export function smallerDeed(deed: Deed): fc.Arbitrary<Deed> {
  const numbers = Object.entries(deed).flatMap(([name, value]) =>
    typeof value === 'number' ? [[name, towardsNothing(name, value)] as const] : [],
  );
  return fc.record(Object.fromEntries(numbers)).map((smaller): Deed => ({ ...deed, ...smaller }));
}

function towardsNothing(name: string, value: number): fc.Arbitrary<number> {
  const least = AT_LEAST_ONE.has(name) ? 1 : 0;
  return value < least
    ? fc.integer({ min: Math.ceil(value), max: least })
    : fc.integer({ min: least, max: Math.floor(value) });
}

/** Each rate as it is or nothing, delays as they are or none: what is left is what it takes. */
function smallerKnobs(knobs: Knobs): fc.Arbitrary<Knobs> {
  const or = <T>(nothing: T, value: T): fc.Arbitrary<T> => fc.constantFrom(nothing, value, value);
  return fc
    .record({
      delayMs: or([1, 1] as const, knobs.delayMs),
      lostRequests: or(0, knobs.lostRequests),
      lostAnswers: or(0, knobs.lostAnswers),
      repeated: or(0, knobs.repeated),
      shuffled: or(0, knobs.shuffled),
      lostNotices: or(0, knobs.lostNotices),
      readMs: or(1, knobs.readMs),
      flushEvents: or(1, knobs.flushEvents),
      skewMs: or(0, knobs.skewMs),
      killRate: or(0, knobs.killRate),
      vault: or<Knobs['vault']>('memory', knobs.vault),
    })
    .map((smaller): Knobs => ({ ...knobs, ...smaller }));
}
