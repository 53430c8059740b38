/** The suite for a relay's store: cases for a test framework, or a report of the level reached. */

import { prove } from '@simsim/bytes/conformance';
import type { ConformanceReport } from '@simsim/bytes/conformance';
import { STORE_CASES } from './store-cases.ts';
import type { RelayStoreCase, RelayStoreHooks, RelayStoreLevel } from './store-hooks.ts';
import { STORE_KILL_CASES } from './store-kill-cases.ts';

const LEVELS: readonly RelayStoreLevel[] = ['L0', 'L1'];

/**
 * All cases for which there are hooks, in the order of their levels; each makes stores of its own, and
 * closes them.
 *
 * @example
 * for (const { name, level, run } of relayStoreConformance({ make: () => new MyStore() })) {
 *   test(`${level}: ${name}`, run);
 * }
 */
export function relayStoreConformance(hooks: RelayStoreHooks): readonly RelayStoreCase[] {
  const { make, crash } = hooks;
  const contract = STORE_CASES.map(({ name, run }): RelayStoreCase => ({
    level: 'L0',
    name,
    run: () => run(hooks),
  }));
  if (crash === undefined) return contract;
  const kills = STORE_KILL_CASES.map(({ name, run }): RelayStoreCase => ({
    level: 'L1',
    name,
    run: () => run({ make, crash }),
  }));
  return [...contract, ...kills];
}

/** Runs the whole suite. Anything but a broken promise is thrown on. */
export function proveRelayStore(hooks: RelayStoreHooks): ConformanceReport<RelayStoreLevel> {
  return prove(LEVELS, relayStoreConformance(hooks));
}
