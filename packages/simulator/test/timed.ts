/** What a batch of CI takes, in the test's output: nothing is asserted of it, but whoever reads sees the budget. */

import type { SimulateReport } from '../src/index.ts';

/** Runs a batch, and prints how long that took. */
export function timed(what: string, run: () => SimulateReport): SimulateReport {
  const startMs = performance.now();
  const before = process.cpuUsage();
  const report = run();
  const { user, system } = process.cpuUsage(before);
  const seconds = secondsOf(performance.now() - startMs);
  const processor = secondsOf((user + system) / 1000);
  const { runs, delivered } = report;
  process.stdout.write(
    `${what}: ${runs} worlds, ${delivered} messages, ${seconds} s (${processor} s of processor time)\n`,
  );
  return report;
}

const secondsOf = (ms: number): string => (ms / 1000).toFixed(1);
