/**
 * What befalls the disks of a case. Drawn apart from the rest, so that a seed does the same things over
 * every kind of disk.
 */

import type { ChaosSite } from '@simsim/event-log';
import type { Dice } from '../dice.ts';
import type { Action, DiskDeed, Knobs, Label, StoreName } from './case.ts';
import { labelsAmong } from './draw-denials.ts';

/** Knobs that are about disks. */
export type DiskKnobs = Pick<Knobs, 'vault' | 'deadlySites' | 'killRate'>;

/** The case so far. */
export interface DrawnSoFar {
  readonly store: StoreName;
  readonly knobs: Pick<Knobs, 'calmMs' | 'spanMs'>;
  readonly others: readonly Action[];
}

/** Every place where a process may die at random; rows in memory have none within a commit. */
const SITES: readonly ChaosSite[] = [
  'commit:before',
  'commit:after',
  'register:after',
  'vault:before-copy',
  'vault:pages-written',
  'vault:copy-written',
  'vault:copy-synced',
  'vault:before-zero',
  'vault:done',
];

/** Those of the swarm; every other has dice of its own. */
type SwarmDeed = Exclude<DiskDeed, { do: 'occupy' | 'rotRow' | 'loseSlots' }>;

const KILL_RATE = 0.004;
/** Of so many runs a release is replaced in. */
const UPGRADES = 0.4;
const ACTIONS_MAX = 12;

/** How often each deed is drawn, where it is drawn at all. */
const WEIGHTS: readonly (readonly [deed: SwarmDeed['do'], weight: number])[] = [
  ['losePower', 6],
  ['failSyncs', 3],
  ['fill', 2],
  ['lieSyncs', 1],
  ['rot', 2],
  ['retain', 3],
  ['lock', 2],
  ['rotate', 4],
];

/** Draws the knobs. A quarter of the sites are deadly in a third of the runs. */
export function drawDiskKnobs(dice: Dice): DiskKnobs {
  return {
    vault: dice.chance(0.4) ? 'file' : 'memory',
    deadlySites: SITES.filter(() => dice.chance(0.25)),
    killRate: dice.chance(0.33) ? KILL_RATE : 0,
  };
}

/** Draws what befalls disks: nothing in a third of the runs, unless that is what they are for. */
export function drawDiskActions(dice: Dice, { store, knobs, others }: DrawnSoFar): Action[] {
  const isCalm = dice.chance(0.33) && store !== 'disk';
  const deeds = WEIGHTS.filter(() => dice.chance(0.6)).flatMap(([kind, weight]) =>
    Array.from({ length: weight }, () => kind),
  );
  const labels = labelsAmong(others);
  // Nobody could tell a disk that lied from a relay that hides heads.
  const isHidden = others.some((each) => each.do === 'lie' && each.how === 'hideHeads');
  const actions: Action[] = [];
  const count = isCalm ? 0 : dice.between(1, ACTIONS_MAX);
  for (let i = 0; i < count; i++) {
    const atMs = dice.between(knobs.calmMs, knobs.spanMs - 1);
    const who = dice.pick(labels) ?? 'ada-1';
    const kind = dice.pick(deeds) ?? 'losePower';
    const action = { ...drawDeed(dice, who, kind), atMs };
    if (kind !== 'lieSyncs') actions.push(action);
    else if (!isHidden) actions.push(action, powerLossAfter(action, dice, knobs.spanMs));
    // What rotted shows when it is read.
    if (kind === 'rot') actions.push({ do: 'lock', who, forMs: 60_000, atMs: atMs + 1000 });
  }
  return [...actions, ...drawUpgrades(dice, labels, knobs)];
}

/** A later release comes to some devices, one after the other: for a while both run. */
function drawUpgrades(
  dice: Dice,
  labels: readonly Label[],
  { calmMs, spanMs }: DrawnSoFar['knobs'],
): Action[] {
  if (!dice.chance(UPGRADES)) return [];
  const upgraded = labels.filter(() => dice.chance(0.5));
  return upgraded.map((who) => ({ do: 'upgrade', who, atMs: dice.between(calmMs, spanMs - 1) }));
}

/** A lie shows once power is lost. */
function powerLossAfter({ who, atMs }: DiskDeed & Action, dice: Dice, spanMs: number): Action {
  return { do: 'losePower', who, after: dice.below(5), atMs: dice.between(atMs, spanMs - 1) };
}

function drawDeed(dice: Dice, who: Label, kind: SwarmDeed['do']): DiskDeed {
  switch (kind) {
    case 'losePower':
      return { do: kind, who, after: dice.pick([0, 1, 2, 3, 5, 8, 13, 30]) ?? 0 };
    case 'failSyncs':
      return { do: kind, who, count: dice.between(1, 3) };
    case 'fill':
      return { do: kind, who, forMs: dice.between(1, 60) * 60_000 };
    case 'rot':
      return { do: kind, who, bits: dice.pick([1, 100, 3000]) ?? 1 };
    case 'lock':
      return { do: kind, who, forMs: dice.between(1, 60) * 60_000 };
    case 'lieSyncs':
    case 'rotate':
    case 'upgrade':
      return { do: kind, who };
    case 'retain': {
      const flushEvents = dice.pick([1, 8, 64, 256]) ?? 8;
      return {
        do: kind,
        who,
        flushEvents,
        wipe: dice.chance(0.5) ? 'lazy' : 'strict',
        prunes: dice.chance(0.5),
      };
    }
  }
}
