/**
 * A process that opens the log of a folder once and prints how long that took, ms. With `kill` it
 * commits some more first and dies with a WAL that nobody has checkpointed.
 */

import { appendEvents, openBenchLog } from './bench-log.ts';

/** Single commits before dying: some 700 frames, fewer than SQLite checkpoints by itself. */
const KILLED_COMMITS = 300;

function timedOpen(folder: string): number {
  const start = process.hrtime.bigint();
  const log = openBenchLog(folder, { ifMissing: 'refuse' });
  const tookMs = Number(process.hrtime.bigint() - start) / 1e6;
  log.close();
  return tookMs;
}

const [folder, kill] = process.argv.slice(2);
if (folder === undefined) {
  process.exitCode = 2;
} else if (kill === undefined) {
  process.stdout.write(`${timedOpen(folder)}\n`);
} else {
  const log = openBenchLog(folder);
  const from = log.tip().seq;
  appendEvents(log, { from, to: from + KILLED_COMMITS, perCommit: 1 });
  process.kill(process.pid, 'SIGKILL');
}
