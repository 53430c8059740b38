/**
 * A process that holds its event loop for two milliseconds at a time and then commits a page to a bare
 * table: what it is held longer than that is the machine's doing. Arguments: a folder, and for how long, ms.
 * Prints the longest hold, ms.
 */

import { createHash } from 'node:crypto';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';

const TURN_MS = 2;
const ROW = new Uint8Array(4096).fill(7);

async function main([folder, ms]: readonly string[]): Promise<void> {
  const database = new Database(`${folder}/machine.db`);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec('CREATE TABLE bare (id INTEGER PRIMARY KEY, row BLOB NOT NULL) STRICT');
  const put = database.prepare('INSERT INTO bare (row) VALUES (?)');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const end = performance.now() + Number(ms);
  while (performance.now() < end) {
    const until = performance.now() + TURN_MS;
    while (performance.now() < until) createHash('sha256').update(ROW).digest();
    put.run(ROW);
    await nextTurn();
  }
  delay.disable();
  database.close();
  process.stdout.write(`${JSON.stringify([delay.max / 1e6])}\n`);
}

main(process.argv.slice(2)).catch((cause: unknown) => {
  process.stderr.write(`${cause instanceof Error ? cause.message : 'no machine'}\n`);
  process.exitCode = 3;
});
