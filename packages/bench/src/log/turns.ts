/** Two sides measured in turns, so that what else the machine does meets both. */

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
  const found = await inTurns(plan, ours, theirs);
  return { ours: median(found.ours.flat()), theirs: median(found.theirs.flat()) };
}

/**
 * Medians over the means of rounds: what a round pays for once counts in every call.
 */
export async function medianOfRounds(plan: TurnPlan, ours: Side, theirs: Side): Promise<TurnTimes> {
  const found = await inTurns(plan, ours, theirs);
  return { ours: median(found.ours.map(mean)), theirs: median(found.theirs.map(mean)) };
}

interface Rounds {
  readonly ours: readonly (readonly number[])[];
  readonly theirs: readonly (readonly number[])[];
}

async function inTurns(plan: TurnPlan, ours: Side, theirs: Side): Promise<Rounds> {
  const { warmUp, rounds, perRound } = plan;
  await round(ours, 0, warmUp);
  await round(theirs, 0, warmUp);
  const found: { ours: number[][]; theirs: number[][] } = { ours: [], theirs: [] };
  for (let at = 0; at < rounds; at++) {
    plan.between?.();
    const from = warmUp + at * perRound;
    found.ours.push(await round(ours, from, perRound));
    found.theirs.push(await round(theirs, from, perRound));
  }
  return found;
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
