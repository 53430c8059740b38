/** The suite: cases for a test framework, or a report of the level that a store reaches. */

import { prove } from '@simsim/bytes/conformance';
import type { ConformanceReport } from '@simsim/bytes/conformance';
import { killCases, powerCases, restoreCases } from './crash-cases.ts';
import { SHARED_CASES } from './shared-cases.ts';
import { CONTRACT_CASES } from './store-cases.ts';
import type { StoreCase, StoreHooks, StoreLevel } from './store-hooks.ts';

const LEVELS: readonly StoreLevel[] = ['L0', 'L1', 'L2', 'L3'];

/** What a run of the suite found. */
export type StoreReport = ConformanceReport<StoreLevel>;

/**
 * All cases for which there are hooks, in the order of their levels; each makes stores of its own.
 *
 * @example
 * for (const { name, level, run } of storeConformance({ make: () => new MyStore() })) {
 *   test(`${level}: ${name}`, run);
 * }
 */
export function storeConformance<Image>(hooks: StoreHooks<Image>): readonly StoreCase[] {
  const { make, beside, crash, crashInside, snapshot, restore, losePower } = hooks;
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
  const shared = beside
    ? SHARED_CASES.map(({ name, run }) => of('L0')({ name, run: () => run({ make, beside }) }))
    : [];
  const kill = crash && crashInside ? killCases({ make, crash, crashInside }) : [];
  const back = snapshot && restore ? restoreCases({ make, snapshot, restore }) : [];
  const power = losePower ? powerCases({ losePower }) : [];
  return [
    ...contract,
    ...shared,
    ...kill.map(of('L1')),
    ...back.map(of('L2')),
    ...power.map(of('L3')),
  ];
}

/** Runs the whole suite. Anything but a broken promise is thrown on. */
export function proveStore<Image>(hooks: StoreHooks<Image>): StoreReport {
  return prove(LEVELS, storeConformance(hooks));
}
