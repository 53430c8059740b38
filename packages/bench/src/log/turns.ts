/** Sides measured in turns, so that what else the machine does meets all of them. */

import { median } from '../report.ts';

/** One side of a comparison: does its thing once; `i` counts over all rounds. */
export type Side = (i: number) => void | Promise<void>;

/** How often. */
export interface TurnPlan {
  /** Calls of each side before anything counts: compilers, caches and WAL files get warm. */
  readonly warmUp: number;
  readonly rounds: number;
  readonly perRound: number;
  /** Done before each round, not measured. */
  readonly between?: () => void;
}

/** Wall time of one call of each side, microseconds. */
export interface TurnTimes {
  readonly ours: number;
  readonly theirs: number;
}

/** Medians over single calls: steady where one call in hundreds pays for something rare. */
export async function medianOfCalls(plan: TurnPlan, ours: Side, theirs: Side): Promise<TurnTimes> {
  const [mine = [], other = []] = await inTurns(plan, [ours, theirs]);
  return { ours: median(mine.flat()), theirs: median(other.flat()) };
}

/** The same for any number of sides, in their order. */
export async function mediansOfCalls(
  plan: TurnPlan,
  sides: readonly Side[],
): Promise<readonly number[]> {
  return (await inTurns(plan, sides)).map((rounds) => median(rounds.flat()));
}

/**
 * Medians over the means of rounds: what a round pays for once counts in every call.
 */
export async function medianOfRounds(plan: TurnPlan, ours: Side, theirs: Side): Promise<TurnTimes> {
  const [mine = [], other = []] = await inTurns(plan, [ours, theirs]);
  return { ours: median(mine.map(mean)), theirs: median(other.map(mean)) };
}

/** What each call of each round took, us; one list of rounds for each side. */
async function inTurns(
  plan: TurnPlan,
  sides: readonly Side[],
): Promise<readonly (readonly (readonly number[])[])[]> {
  const { warmUp, rounds, perRound } = plan;
  for (const side of sides) await round(side, 0, warmUp);
  const found = sides.map((side) => ({ side, rounds: new Array<readonly number[]>() }));
  for (let at = 0; at < rounds; at++) {
    plan.between?.();
    const from = warmUp + at * perRound;
    for (const each of found) each.rounds.push(await round(each.side, from, perRound));
  }
  return found.map((each) => each.rounds);
}

async function round(side: Side, from: number, count: number): Promise<number[]> {
  const took: number[] = [];
  for (let i = from; i < from + count; i++) {
    const start = process.hrtime.bigint();
    const pending = side(i);
    if (pending !== undefined) await pending;
    took.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  return took;
}

/** The arithmetic mean. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
