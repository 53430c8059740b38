/** The journal as it grows: kept in memory for the count, and written beside the logs for people. */

import { createWriteStream } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { finished } from 'node:stream/promises';
import type { JournalEntry } from './journal.ts';

/** A growing journal. */
export interface Journal {
  readonly entries: readonly JournalEntry[];
  add(entry: JournalEntry): void;
  /** Resolves when everything is in the file. */
  close(): Promise<void>;
}

/** Starts a journal in a new file; its lines carry milliseconds since now. */
export function createJournal(path: string): Journal {
  const entries: JournalEntry[] = [];
  const startedAt = performance.now();
  const stream = createWriteStream(path, { flags: 'wx' });
  const done = finished(stream);
  done.catch(() => undefined);
  return {
    entries,
    add(entry) {
      entries.push(entry);
      const ms = Math.round(performance.now() - startedAt);
      stream.write(`${JSON.stringify({ ms, ...entry })}\n`);
    },
    async close() {
      stream.end();
      await done;
    },
  };
}
