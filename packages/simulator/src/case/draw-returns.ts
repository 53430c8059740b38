/** Devices that come back: in the place of a lost one, under the id of a former one, as all that a user has. */

import type { Dice } from '../dice.ts';
import type { Action, Knobs, Label } from './case.ts';
import { labelsAmong } from './draw-denials.ts';
import type { DrawnBefore } from './draw-denials.ts';

/** Of so many runs each kind comes up in. */
const REPLACED = 0.3;
const RELINKED = 0.5;
const ANEW = 0.25;
const ASKING = 0.15;
/** Sends of and to a device that came back. */
const LINES_MAX = 4;

/** Draws whether applications are asked of every key. */
export function drawTrust(dice: Dice): Pick<Knobs, 'trust'> {
  return dice.chance(ASKING) ? { trust: 'ask' } : {};
}

/** Draws what comes back. */
export function drawReturns(dice: Dice, drawn: DrawnBefore): Action[] {
  const { users, knobs, others } = drawn;
  const actions: Action[] = [];
  const labels = labelsAmong(others);
  const { calmMs, spanMs, sweepMs, latencyMs } = knobs;
  const talk = (as: Label, fromMs: number): void => {
    for (let lines = dice.between(1, LINES_MAX); lines > 0; lines--) {
      const by = dice.chance(0.5) ? as : (dice.pick(labels) ?? as);
      const atMs = dice.between(Math.min(fromMs, spanMs - 1), spanMs - 1);
      actions.push({ do: 'send', by, to: [...users], lines: 1, atMs });
    }
  };
  if (dice.chance(REPLACED)) {
    const [who, by] = sisters(dice, labels);
    const [as, atMs] = [`${who}.replaced`, dice.between(calmMs, spanMs - 1)];
    actions.push({ do: 'replace', who, by, as, atMs });
    talk(as, atMs);
  }
  // Whoever was removed is forgotten at home after a while, and a sweep.
  const forgottenMs = 2 * (latencyMs ?? spanMs) + 2 * sweepMs;
  if (dice.chance(RELINKED) && calmMs + forgottenMs < spanMs) {
    const [who, by] = sisters(dice, labels);
    const [as, atMs] = [`${who}.again`, dice.between(calmMs, spanMs - forgottenMs)];
    actions.push({ do: 'remove', who, by, atMs });
    actions.push({ do: 'relink', who, by, as, atMs: atMs + forgottenMs });
    talk(as, atMs + forgottenMs);
  }
  if (dice.chance(ANEW)) {
    const who = dice.pick(labels) ?? 'ada-1';
    const [as, atMs] = [`${who}.anew`, dice.between(calmMs, spanMs - 1)];
    actions.push({ do: 'beginAnew', who, as, atMs });
    talk(as, atMs);
  }
  return actions;
}

/** Two devices of one user, where there are such. */
function sisters(dice: Dice, labels: readonly Label[]): readonly [Label, Label] {
  const who = dice.pick(labels.filter((each) => sistersOf(each, labels).length > 0)) ?? 'ada-2';
  return [who, dice.pick(sistersOf(who, labels)) ?? 'ada-1'];
}

function sistersOf(label: Label, labels: readonly Label[]): readonly Label[] {
  const user = label.slice(0, label.indexOf('-') + 1);
  return labels.filter((each) => each !== label && each.startsWith(user));
}
