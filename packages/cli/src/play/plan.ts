/** What the seed decides before the first line: who exists, with how many devices, and the churn. */

import { createRandom } from '../random.ts';
import type { Random } from '../random.ts';
import type { KillKind } from './journal.ts';
import type { PlayLine } from './room.ts';

/** How many devices each user starts with. */
export interface DeviceRange {
  readonly min: number;
  readonly max: number;
}

/** A user of the play. */
export interface PlannedUser {
  readonly user: string;
  readonly devices: number;
}

/** Something that goes wrong, or changes, once line `at` is due. */
export type ChurnStep = { readonly at: number } & (
  | { readonly kind: 'link' | 'remove' | 'drop' }
  /** The process is killed when such a moment comes for the `after`th time. */
  | { readonly kind: 'kill'; readonly during: KillKind; readonly after: number }
  | { readonly kind: 'relayKill'; readonly after: number }
);

/** Everything the seed decided. */
export interface PlayPlan {
  readonly users: readonly PlannedUser[];
  /** In the order of `at`. */
  readonly churn: readonly ChurnStep[];
}

/** What a plan is made from. */
export interface PlanOptions {
  readonly seed: number;
  readonly devices: DeviceRange;
  readonly churn: boolean;
  /** False where the relay is not ours to kill. */
  readonly ownRelay: boolean;
}

/** Lines for one kill. The promise is one per 150; the rest makes up for kills that come late. */
const LINES_PER_KILL = 110;
const LINES_PER_LINK = 100;
const LINES_PER_REMOVAL = 120;
const LINES_PER_DROP = 40;
const LINES_PER_RELAY_KILL = 350;

/** Kinds of kills come in turn, so that three kills show all of them. */
const KILL_KINDS: readonly KillKind[] = ['send', 'receive', 'flush'];

/** How far into the following traffic a kill may strike: moments of that kind in one process. */
const KILL_AFTER_MAX: Readonly<Record<KillKind, number>> = { send: 4, receive: 40, flush: 6 };
const RELAY_KILL_AFTER_MAX = 40;

/** Kills that a play of so many lines must have had. */
export function killsPromised(lines: number): number {
  return Math.floor(lines / 150);
}

/** Makes the plan. */
export function planPlay(lines: readonly PlayLine[], options: PlanOptions): PlayPlan {
  const { seed, devices, churn } = options;
  const random = createRandom(seed, 'users');
  const users = usersInOrder(lines).map((user) => ({
    user,
    devices: random.integer(devices.min, devices.max),
  }));
  return { users, churn: churn ? planChurn(lines.length, options) : [] };
}

/** Users in the order in which they first appear as speaker or recipient. */
function usersInOrder(lines: readonly PlayLine[]): readonly string[] {
  return [...new Set(lines.flatMap((line) => [line.from, ...line.to]))];
}

function planChurn(lines: number, { seed, ownRelay }: PlanOptions): readonly ChurnStep[] {
  const random = createRandom(seed, 'churn');
  const kills = spread(lines, countOf(lines, LINES_PER_KILL, 3), random);
  const first = random.integer(0, KILL_KINDS.length - 1);
  const steps: ChurnStep[] = kills.flatMap((at, i) => {
    const during = KILL_KINDS[(first + i) % KILL_KINDS.length];
    if (during === undefined) return [];
    return [{ kind: 'kill', at, during, after: random.integer(1, KILL_AFTER_MAX[during]) }];
  });
  if (ownRelay) {
    for (const at of spread(lines, countOf(lines, LINES_PER_RELAY_KILL, 1), random)) {
      steps.push({ kind: 'relayKill', at, after: random.integer(1, RELAY_KILL_AFTER_MAX) });
    }
  }
  const rest = [
    ['link', LINES_PER_LINK],
    ['remove', LINES_PER_REMOVAL],
    ['drop', LINES_PER_DROP],
  ] as const;
  for (const [kind, linesPer] of rest) {
    for (const at of spread(lines, countOf(lines, linesPer, 1), random)) steps.push({ kind, at });
  }
  return steps.toSorted((a, b) => a.at - b.at);
}

/** At least `least` where the transcript is long enough to hold them: 20 lines each. */
function countOf(lines: number, linesPer: number, least: number): number {
  return Math.max(Math.ceil(lines / linesPer), Math.min(least, Math.floor(lines / 20)));
}

/** One moment in each of `count` equal stretches of the first nine tenths. */
function spread(lines: number, count: number, random: Random): readonly number[] {
  const stretch = (lines * 0.9) / count;
  return Array.from({ length: count }, (_, i) =>
    Math.min(lines - 1, Math.floor(i * stretch) + random.integer(0, Math.floor(stretch))),
  );
}
