/** Thieves who act in the name of a device, and what its user does meanwhile and afterwards. */

import type { Dice } from '../dice.ts';
import type { Action } from './case.ts';
import { labelsAmong } from './draw-denials.ts';
import type { DrawnBefore } from './draw-denials.ts';

/** Of so many runs there is one in. */
const RATE = 0.3;
/** How long it acts, at least. */
const ACTS_MS = 5 * 60_000;
/** Messages of its device meanwhile. */
const LINES_MAX = 4;

/** Draws one: never where a relay hides heads, since nobody could tell then. */
export function drawThefts(dice: Dice, { users, knobs, others }: DrawnBefore): Action[] {
  const isHidden = others.some((each) => each.do === 'lie' && each.how === 'hideHeads');
  if (!dice.chance(RATE) || isHidden) return [];
  const { calmMs, spanMs } = knobs;
  const who = dice.pick(labelsAmong(others)) ?? 'ada-1';
  const atMs = dice.between(calmMs, spanMs - 1);
  const mostMs = Math.max(ACTS_MS, Math.floor((spanMs - calmMs) / 4));
  const forMs = dice.between(ACTS_MS, mostMs);
  const how = dice.chance(0.5) ? 'openly' : 'silently';
  const actions: Action[] = [{ do: 'compromise', who, as: `${who}~thief`, forMs, how, atMs }];
  for (let lines = dice.between(1, LINES_MAX); lines > 0; lines--) {
    const sentMs = Math.min(atMs + dice.below(2 * forMs), spanMs - 1);
    actions.push({ do: 'send', by: who, to: [...users], lines: 1, atMs: sentMs });
  }
  return actions;
}
