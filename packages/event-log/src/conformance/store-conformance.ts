/** The suite: cases for a test framework, or a report of the level that a store reaches. */

import { ConformanceError } from './check.ts';
import { killCases, powerCases, restoreCases } from './crash-cases.ts';
import { CONTRACT_CASES } from './store-cases.ts';
import type { StoreCase, StoreHooks, StoreLevel } from './store-hooks.ts';

const LEVELS: readonly StoreLevel[] = ['L0', 'L1', 'L2', 'L3'];

/** What a run of the suite found. */
export interface StoreReport {
  /** The highest level of which, and of all below which, every case holds; undefined: not even L0. */
  readonly level: StoreLevel | undefined;
  readonly failed: readonly {
    readonly level: StoreLevel;
    readonly name: string;
    readonly detail: string;
  }[];
  /** Levels whose hooks are missing. */
  readonly notRun: readonly StoreLevel[];
}

/**
 * All cases for which there are hooks, in the order of their levels; each makes stores of its own.
 *
 * @example
 * for (const { name, level, run } of storeConformance({ make: () => new MyStore() })) {
 *   test(`${level}: ${name}`, run);
 * }
 */
export function storeConformance<Image>(hooks: StoreHooks<Image>): readonly StoreCase[] {
  const { make, crash, crashInside, snapshot, restore, losePower } = hooks;
  const of =
    (level: StoreLevel) =>
    ({ name, run }: { readonly name: string; readonly run: () => void }): StoreCase => ({
      level,
      name,
      run,
    });
  const contract = CONTRACT_CASES.map(({ name, run }) =>
    of('L0')({ name, run: () => run({ make }) }),
  );
  const kill = crash && crashInside ? killCases({ make, crash, crashInside }) : [];
  const back = snapshot && restore ? restoreCases({ make, snapshot, restore }) : [];
  const power = losePower ? powerCases({ losePower }) : [];
  return [...contract, ...kill.map(of('L1')), ...back.map(of('L2')), ...power.map(of('L3'))];
}

/** Runs the whole suite. Anything but a broken promise is thrown on. */
export function proveStore<Image>(hooks: StoreHooks<Image>): StoreReport {
  const cases = storeConformance(hooks);
  const failed = cases.flatMap(({ level, name, run }) => {
    const detail = failureOf(run);
    return detail === undefined ? [] : [{ level, name, detail }];
  });
  const notRun = LEVELS.filter((level) => !cases.some((each) => each.level === level));
  const isMissed = (level: StoreLevel): boolean =>
    notRun.includes(level) || failed.some((each) => each.level === level);
  const missed = LEVELS.findIndex(isMissed);
  const reached = missed === -1 ? LEVELS : LEVELS.slice(0, missed);
  return { level: reached.at(-1), failed, notRun };
}

function failureOf(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (failure) {
    if (failure instanceof ConformanceError) return failure.message;
    throw failure;
  }
}
