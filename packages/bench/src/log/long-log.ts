/** Logs with a long history, made as fast as they can be. */

import { mkdirSync } from 'node:fs';
import { appendEvents, openBenchLog } from './bench-log.ts';

const PER_COMMIT = 4096;

/** Makes a log of so many events over all sessions in a folder of its own; it is closed again. */
export function makeLongLog(
  folder: string,
  { events, metadata }: { events: number; metadata: 'sealed' | 'clear' },
): string {
  mkdirSync(folder, { recursive: true });
  const log = openBenchLog(folder, { metadata });
  appendEvents(log, { from: 0, to: events, perCommit: PER_COMMIT });
  log.close();
  return folder;
}
