/** Own actions among those of a case. They have dice of their own, so that a seed's other actions stay. */

import type { Action, Case, Label } from '../case/case.ts';
import { Dice } from '../dice.ts';
import type { OwnAction } from './own-action.ts';

/** Weight of a send among our deeds: what own weights are to be read by. */
const SEND_WEIGHT = 40;

/** How soon after another action, ms, every second one happens. */
const SOON_MS = 3000;

/** The same case, with own actions in their places. */
export function withOwnActions(one: Case, own: readonly OwnAction[]): Case {
  const labels = labelsOf(one);
  const added = own.flatMap((action) => {
    const dice = new Dice(one.seed, `own actions/${action.name}`);
    if (!dice.chance(0.5)) return [];
    return one.actions.flatMap((beside): Action[] => {
      if (beside.do !== 'send' || !dice.chance(action.weight / SEND_WEIGHT)) return [];
      const data = action.draw(dice, { users: one.users, labels, knobs: one.knobs });
      const atMs = drawTime(dice, one, beside);
      return data === undefined ? [] : [{ do: 'own', name: action.name, data, atMs }];
    });
  });
  if (added.length === 0) return one;
  return { ...one, actions: [...one.actions, ...added].sort((a, b) => a.atMs - b.atMs) };
}

function drawTime(dice: Dice, { knobs: { calmMs, spanMs } }: Case, beside: Action): number {
  const soonMs = beside.atMs + dice.below(SOON_MS);
  const anyMs = dice.between(calmMs, spanMs - 1);
  return dice.chance(0.5) ? Math.min(soonMs, spanMs - 1) : anyMs;
}

function labelsOf({ users, actions }: Case): Label[] {
  const linked = actions.flatMap((action) => ('as' in action ? [action.as] : []));
  return [...users.map((name) => `${name}-1`), ...linked];
}
