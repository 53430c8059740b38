/** What befalls single parts of a device's files, and who else holds them. */

import type { Dice } from '../dice.ts';
import { ROW_PARTS } from './case.ts';
import type { Action } from './case.ts';
import { labelsAmong } from './draw-denials.ts';
import type { DrawnBefore } from './draw-denials.ts';

/** Of so many runs a database is held by another program in. */
const OCCUPIED = 0.35;
const OCCUPATIONS_MAX = 3;
const OCCUPIED_MINUTES_MAX = 20;

/** Of so many runs rows rot in, and slots get lost. */
const ROTTEN = 0.4;
const LOST = 0.4;
/** Of so many runs syncs lie in: the swarm has few of them. */
const LYING = 0.15;
/** So long before a row rots its device is written to, and writes. */
const SOON_MS = 15_000;

/** Draws it; each kind has its own runs. */
export function drawDamage(dice: Dice, { users, knobs, others }: DrawnBefore): Action[] {
  const labels = labelsAmong(others);
  const anybody = (): string => dice.pick(labels) ?? 'ada-1';
  const sometime = (): number => dice.between(knobs.calmMs, knobs.spanMs - 1);
  const actions: Action[] = [];
  const occupations = dice.chance(OCCUPIED) ? dice.between(1, OCCUPATIONS_MAX) : 0;
  for (let i = 0; i < occupations; i++) {
    const [who, atMs] = [anybody(), sometime()];
    const forMs = dice.between(1, OCCUPIED_MINUTES_MAX) * 60_000;
    actions.push({ do: 'occupy', who, forMs, atMs });
    // It shows where something is to be written.
    actions.push({ do: 'send', by: who, to: [...users], lines: 1, atMs: atMs + 1 });
  }
  if (dice.chance(ROTTEN)) {
    const [who, atMs] = [anybody(), sometime()];
    const part = dice.pick([...ROW_PARTS, 'mail', 'state'] as const) ?? 'mail';
    const beforeMs = Math.max(knobs.calmMs, atMs - SOON_MS);
    for (const by of [who, anybody()])
      actions.push({ do: 'send', by, to: [...users], lines: 1, atMs: beforeMs });
    actions.push({ do: 'rotRow', who, part, atMs });
  }
  if (dice.chance(LOST)) {
    const copies = dice.pick(['one', 'both'] as const) ?? 'one';
    actions.push({ do: 'loseSlots', who: anybody(), copies, atMs: sometime() });
  }
  // Nobody could tell a disk that lied from a relay that hides heads.
  const isHidden = others.some((each) => each.do === 'lie' && each.how === 'hideHeads');
  if (dice.chance(LYING) && !isHidden) {
    const [who, atMs] = [anybody(), sometime()];
    const lostMs = dice.between(atMs, knobs.spanMs - 1);
    actions.push({ do: 'lieSyncs', who, atMs });
    actions.push({ do: 'losePower', who, after: dice.below(5), atMs: lostMs });
  }
  return actions;
}
