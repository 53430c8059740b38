/** Running the cases of a suite, and what came of it. */

import { ConformanceError } from './check.ts';

/** One thing that whoever implements a contract must do. */
export interface ConformanceCase<Level extends string> {
  readonly name: string;
  readonly level: Level;
  /** Throws: ConformanceError where it is not done. */
  readonly run: () => void;
}

/** The same of a contract whose answers take time. */
export interface LateCase<Level extends string> {
  readonly name: string;
  readonly level: Level;
  /** Throws: ConformanceError where it is not done. */
  readonly run: () => Promise<void>;
}

/** What a run of a suite found. */
export interface ConformanceReport<Level extends string> {
  /** The highest level of which, and of all below which, every case holds; undefined: not the lowest. */
  readonly level: Level | undefined;
  readonly failed: readonly {
    readonly level: Level;
    readonly name: string;
    readonly detail: string;
  }[];
  /** Levels without any case: their hooks are missing. */
  readonly notRun: readonly Level[];
}

type Failed<Level extends string> = ConformanceReport<Level>['failed'][number];

/** Runs all cases of `levels`, lowest level first. Anything but a broken promise is thrown on. */
export function prove<Level extends string>(
  levels: readonly Level[],
  cases: readonly ConformanceCase<Level>[],
): ConformanceReport<Level> {
  const failed = cases.flatMap(({ level, name, run }) => {
    try {
      run();
      return [];
    } catch (failure) {
      return [{ level, name, detail: brokenPromise(failure) }];
    }
  });
  return reportOf(levels, cases, failed);
}

/** The same of cases that take time, one after the other. */
export async function proveLate<Level extends string>(
  levels: readonly Level[],
  cases: readonly LateCase<Level>[],
): Promise<ConformanceReport<Level>> {
  const failed: Failed<Level>[] = [];
  for (const { level, name, run } of cases) {
    try {
      await run();
    } catch (failure) {
      failed.push({ level, name, detail: brokenPromise(failure) });
    }
  }
  return reportOf(levels, cases, failed);
}

function reportOf<Level extends string>(
  levels: readonly Level[],
  cases: readonly { readonly level: Level }[],
  failed: readonly Failed<Level>[],
): ConformanceReport<Level> {
  const notRun = levels.filter((level) => !cases.some((each) => each.level === level));
  const isMissed = (level: Level): boolean =>
    notRun.includes(level) || failed.some((each) => each.level === level);
  const missed = levels.findIndex(isMissed);
  const reached = missed === -1 ? levels : levels.slice(0, missed);
  return { level: reached.at(-1), failed, notRun };
}

function brokenPromise(failure: unknown): string {
  if (failure instanceof ConformanceError) return failure.message;
  throw failure;
}
