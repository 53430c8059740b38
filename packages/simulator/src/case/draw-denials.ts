/** A relay that says of resends that nobody is there: the lie, and mail that is spoilt under it. */

import type { Dice } from '../dice.ts';
import type { Action, Knobs, Label } from './case.ts';

/** What else the case has. */
export interface DrawnBefore {
  readonly users: readonly string[];
  readonly knobs: Pick<Knobs, 'calmMs' | 'spanMs' | 'latencyMs' | 'sweepMs'>;
  readonly others: readonly Action[];
}

/** Of so many runs it happens in. */
const RATE = 0.3;
const SPOILS_MAX = 6;
/** Within this everything happens that is to be asked for again under the lie. */
const SOON_MS = 10 * 60_000;

/** Draws it. */
export function drawDenials(dice: Dice, { users, knobs, others }: DrawnBefore): Action[] {
  if (!dice.chance(RATE)) return [];
  const { calmMs, spanMs } = knobs;
  const atMs = dice.between(calmMs, spanMs - 1);
  const forMs = dice.between(SOON_MS, Math.max(SOON_MS, Math.floor(spanMs / 8)));
  const actions: Action[] = [{ do: 'lie', how: 'nobodyThere', forMs, atMs }];
  const labels = labelsAmong(others);
  for (let spoils = dice.between(2, SPOILS_MAX); spoils > 0; spoils--) {
    const [who = 'ada-1', by = 'ada-1'] = dice.shuffled(labels);
    const spoiltMs = Math.min(atMs + dice.below(SOON_MS), spanMs - 1);
    actions.push({ do: 'spoil', who, atMs: spoiltMs });
    actions.push({ do: 'send', by, to: [...users], lines: 1, atMs: spoiltMs });
  }
  return actions;
}

/** The devices that actions are done by. */
export function labelsAmong(actions: readonly Action[]): readonly Label[] {
  return [...new Set(actions.flatMap((each) => ('by' in each ? [each.by] : [])))];
}
