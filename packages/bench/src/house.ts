/** The speed of the whole house: the main job, one message, one durable send. */

import { benchDurableSend } from './durable-send-bench.ts';
import { benchMessage } from './message-bench.ts';
import { benchPlay } from './play-bench.ts';
import { machineName } from './report.ts';
import type { BenchReport, BenchRow } from './report.ts';

/** Runs all of it. `quick` leaves out what takes minutes. */
export async function benchHouse({ quick }: { quick: boolean }): Promise<BenchReport> {
  const rows: BenchRow[] = [benchMessage(), await benchDurableSend()];
  if (!quick) rows.push(...(await benchPlay()));
  return { bench: 'house', machine: machineName(), rows };
}
