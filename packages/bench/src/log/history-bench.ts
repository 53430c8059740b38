/** What must not depend on how long the history is, and what walks all of it. */

import { rmSync } from 'node:fs';
import type { BenchRow } from '../report.ts';
import { makeLongLog } from './long-log.ts';
import { benchOpen } from './open-bench.ts';
import { benchRead } from './read-bench.ts';
import { withScratch } from './scratch.ts';

const EVENTS = 1_000_000;
const SHORT_EVENTS = 20_000;
const CLEAR_EVENTS = 200_000;

/** Runs it: the longest part of the bench, most of it the making of the long log. */
export function benchHistory({ quick }: { quick: boolean }): Promise<readonly BenchRow[]> {
  const scale = quick ? 10 : 1;
  return withScratch((folder) => {
    const events = EVENTS / scale;
    const long = makeLongLog(`${folder}/long`, { events, metadata: 'sealed' });
    const short = makeLongLog(`${folder}/short`, {
      events: SHORT_EVENTS / scale,
      metadata: 'sealed',
    });
    const rows = [...benchOpen({ long, short, events }, quick ? 5 : 15)];
    rmSync(short, { recursive: true });
    const clear = makeLongLog(`${folder}/clear`, {
      events: CLEAR_EVENTS / scale,
      metadata: 'clear',
    });
    return [...rows, ...benchRead({ sealed: long, clear })];
  });
}
