/** The suite for a transport: cases for a test framework, or a report of the level reached. */

import { proveLate } from '@simsim/bytes/conformance';
import type { ConformanceReport } from '@simsim/bytes/conformance';
import { contractCases } from './transport-cases.ts';
import type {
  TransportCase,
  TransportHooks,
  TransportLevel,
  TransportPair,
} from './transport-hooks.ts';
import type { BareTransportCase } from './transport-bed.ts';
import { garbageCases, lossCases } from './transport-loss-cases.ts';

const LEVELS: readonly TransportLevel[] = ['L0', 'L1', 'L2'];

/**
 * All cases for which there are hooks, in the order of their levels. Each makes a transport of its own,
 * plays the relay at its far end, and takes that away.
 *
 * @example
 * for (const { name, level, run } of transportConformance({ make: connectMyEnds, timer })) {
 *   test(`${level}: ${name}`, run);
 * }
 */
export function transportConformance<Pair extends TransportPair>(
  hooks: TransportHooks<Pair>,
): readonly TransportCase[] {
  const { make, timer, loseAnswer, cutLines } = hooks;
  const { garbleAnswer, floodAnswer, garbleLines, floodLines } = hooks;
  const at =
    (level: TransportLevel) =>
    ({ name, run }: BareTransportCase): TransportCase => ({ level, name, run });
  const contract = contractCases({ make, timer });
  const losses = loseAnswer && cutLines ? lossCases({ make, timer, loseAnswer, cutLines }) : [];
  const garbage =
    garbleAnswer && floodAnswer && garbleLines && floodLines
      ? garbageCases({ make, timer, garbleAnswer, floodAnswer, garbleLines, floodLines })
      : [];
  return [...contract.map(at('L0')), ...losses.map(at('L1')), ...garbage.map(at('L2'))];
}

/** Runs the whole suite. Anything but a broken promise is thrown on. */
export function proveTransport<Pair extends TransportPair>(
  hooks: TransportHooks<Pair>,
): Promise<ConformanceReport<TransportLevel>> {
  return proveLate(LEVELS, transportConformance(hooks));
}
