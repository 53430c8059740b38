/** A case like another one: what reached something rare may reach more with a little of it changed. */

import { Dice } from '../dice.ts';
import type { Action, Case, Knobs } from './case.ts';
import { drawCase } from './draw-case.ts';

/** Changes of one mutation, at most. */
const CHANGES_MAX = 4;

/** Actions that are left out together, at most. */
const GAP_MAX = 8;

/**
 * Deeds that are neither moved nor done twice: of a device that is cut off again and again nothing is known
 * to hold beyond `CUT_MAX_MS`.
 */
const FIXED: ReadonlySet<Action['do']> = new Set(['cut']);

/** Knobs that may be another case's. Spans stay: actions have their places in them. */
const LOOSE_KNOBS = [
  'oneTimeKeys',
  'delayMs',
  'lostRequests',
  'lostAnswers',
  'repeated',
  'shuffled',
  'lostNotices',
  'readMs',
  'flushEvents',
  'skewMs',
  'identityModel',
] as const satisfies readonly (keyof Knobs)[];

/** The same case with a few things changed, and the draws of another seed. */
export function mutateCase(one: Case, seed: number): Case {
  const dice = new Dice(seed, 'mutation');
  let { knobs, actions } = one;
  for (let changes = dice.between(1, CHANGES_MAX); changes > 0; changes--) {
    const kind = dice.pick(['leave out', 'again', 'move', 'knob'] as const);
    if (kind === 'knob') knobs = otherKnob(knobs, dice);
    else if (kind === 'leave out') actions = shorter(actions, dice);
    else actions = elsewhere(actions, { dice, knobs, keeps: kind === 'again' });
  }
  // Every second time the draws stay, and with them most of what happened.
  return { ...one, seed: dice.chance(0.5) ? seed : one.seed, knobs, actions };
}

function shorter(actions: readonly Action[], dice: Dice): readonly Action[] {
  return actions.toSpliced(dice.below(actions.length), dice.between(1, GAP_MAX));
}

interface Place {
  readonly dice: Dice;
  readonly knobs: Knobs;
  /** Whether the action stays where it was, too. */
  readonly keeps: boolean;
}

/** An action at another moment, at which nothing else happens. */
function elsewhere(actions: readonly Action[], { dice, knobs, keeps }: Place): readonly Action[] {
  const at = dice.below(actions.length);
  const action = actions[at];
  if (action === undefined || FIXED.has(action.do)) return actions;
  const atMs = dice.between(knobs.calmMs, knobs.spanMs - 1);
  if (actions.some((other) => other.atMs === atMs)) return actions;
  const rest = keeps ? actions : actions.toSpliced(at, 1);
  return [...rest, { ...action, atMs }].sort((a, b) => a.atMs - b.atMs);
}

function otherKnob(knobs: Knobs, dice: Dice): Knobs {
  const name = dice.pick(LOOSE_KNOBS) ?? 'readMs';
  const other = drawCase(dice.word(), { crypto: 'symbolic' }).knobs;
  return { ...knobs, [name]: other[name] };
}
