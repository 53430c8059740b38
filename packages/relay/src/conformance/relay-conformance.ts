/** The suite for a relay: cases for a test framework, or a report of the level reached. */

import { proveLate } from '@simsim/bytes/conformance';
import type { ConformanceReport } from '@simsim/bytes/conformance';
import { ACCOUNT_CASES } from './relay-account-cases.ts';
import type { RelayCase, RelayHooks, RelayLevel, RelayUnderTest } from './relay-hooks.ts';
import { KEY_CASES } from './relay-key-cases.ts';
import { killCases, timeCases } from './relay-lasting-cases.ts';
import { LINE_CASES } from './relay-line-cases.ts';
import { POST_CASES } from './relay-post-cases.ts';
import { SUCCESSION_CASES } from './relay-succession-cases.ts';

const LEVELS: readonly RelayLevel[] = ['L0', 'L1', 'L2'];

/**
 * All cases for which there are hooks, in the order of their levels. Each makes a relay of its own, judges
 * it by what its devices would see, and stops it.
 *
 * @example
 * for (const { name, level, run } of relayConformance({ make: startMyRelay, timer })) {
 *   test(`${level}: ${name}`, run);
 * }
 */
export function relayConformance<Relay extends RelayUnderTest>(
  hooks: RelayHooks<Relay>,
): readonly RelayCase[] {
  const { make, timer, passTime, kill } = hooks;
  const contract = [
    ...ACCOUNT_CASES,
    ...SUCCESSION_CASES,
    ...POST_CASES,
    ...KEY_CASES,
    ...LINE_CASES,
  ];
  const time = passTime === undefined ? [] : timeCases({ make, timer, passTime });
  const kills = kill === undefined ? [] : killCases({ make, timer, kill });
  return [
    ...contract.map(({ name, run }): RelayCase => ({
      level: 'L0',
      name,
      run: () => run({ make, timer }),
    })),
    ...time.map(({ name, run }): RelayCase => ({ level: 'L1', name, run: () => run(hooks) })),
    ...kills.map(({ name, run }): RelayCase => ({ level: 'L2', name, run: () => run(hooks) })),
  ];
}

/** Runs the whole suite. Anything but a broken promise is thrown on. */
export function proveRelay<Relay extends RelayUnderTest>(
  hooks: RelayHooks<Relay>,
): Promise<ConformanceReport<RelayLevel>> {
  return proveLate(LEVELS, relayConformance(hooks));
}
