/** The speed of the whole house, as the first issue of the project asks for it. */

import { benchMessage } from './message-bench.ts';
import { machineName } from './report.ts';
import type { BenchReport, BenchRow } from './report.ts';

/** Runs all of it. `quick` leaves out what takes minutes. */
export async function benchHouse({ quick }: { quick: boolean }): Promise<BenchReport> {
  const rows: BenchRow[] = [benchMessage()];
  void quick;
  return { bench: 'house', machine: machineName(), rows };
}
