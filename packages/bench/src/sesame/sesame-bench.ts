/** The engine among many devices: fan-out, first contact, memory. */

import { machineName } from '../report.ts';
import type { BenchReport, BenchRow } from '../report.ts';
import { benchDurableFanOut, benchFanOut } from './fan-out-bench.ts';
import { benchFirstContact } from './first-contact-bench.ts';
import { benchResident } from './resident-bench.ts';

type Part = (options: { quick: boolean }) => Promise<readonly BenchRow[]>;

/** What of it is run. */
export interface SesameBenchOptions {
  /** For trying out: at most 100 devices in a fan-out, a tenth of the others. */
  readonly quick: boolean;
  /** One part by its name; all of them where absent. */
  readonly only: string | undefined;
}

const PARTS: readonly (readonly [name: string, part: Part])[] = [
  ['memory', benchFanOut],
  ['durable', benchDurableFanOut],
  ['contact', benchFirstContact],
  ['resident', benchResident],
];

/** Runs it. */
export async function benchSesame({ quick, only }: SesameBenchOptions): Promise<BenchReport> {
  const rows: BenchRow[] = [];
  for (const [name, part] of PARTS) {
    if (only !== undefined && only !== name) continue;
    process.stderr.write(`${name}\n`);
    rows.push(...(await part({ quick })));
  }
  return { bench: 'sesame', machine: machineName(), rows };
}
