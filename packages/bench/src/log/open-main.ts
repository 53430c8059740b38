/**
 * A process that opens the log of a folder once and prints how long that took, and how long until the
 * vault was under a new master key, ms. With `kill` it commits some events and dies, with a WAL that
 * nobody has checkpointed.
 */

import { appendEvents, openBenchLog } from './bench-log.ts';

/** Single commits before dying: some 700 frames, fewer than SQLite checkpoints by itself. */
const KILLED_COMMITS = 300;

/** Opens for use: the log, and a new master key for all of the vault, made durable. */
function timedOpen(folder: string): readonly number[] {
  const start = process.hrtime.bigint();
  const log = openBenchLog(folder, { ifMissing: 'refuse', rotates: 'at-open' });
  const openedMs = Number(process.hrtime.bigint() - start) / 1e6;
  log.flush();
  const rotatedMs = Number(process.hrtime.bigint() - start) / 1e6;
  log.close();
  return [openedMs, rotatedMs];
}

const [folder, kill] = process.argv.slice(2);
if (folder === undefined) {
  process.exitCode = 2;
} else if (kill === undefined) {
  process.stdout.write(`${JSON.stringify(timedOpen(folder))}\n`);
} else {
  const log = openBenchLog(folder);
  const from = log.tip().seq;
  appendEvents(log, { from, to: from + KILLED_COMMITS, perCommit: 1 });
  process.kill(process.pid, 'SIGKILL');
}
