/** What a log says of itself in the store's meta table. */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { EventReader, StoreChange } from './event-store.ts';
import { numberOf, placeOf } from './place.ts';
import { encodeRowCounts, NO_ROWS, readRowCounts } from './row-counts.ts';
import type { StoreRefusal } from './refusal.ts';

/** Version of everything the log writes. */
export const LOG_FORMAT = 1;

/** The least version that a reader of this log must know. */
const READ_FORMAT = 1;

const FORMAT_KEY = 'format';
const LOG_KEY = 'log';
const SEEN_KEY = 'seen-ms';
const MODE_KEY = 'mode';
const MOVED_KEY = 'moved';
const ROWS_KEY = 'rows';

const CLEAR = 1;
const KEEPS_ALL = 2;
/** The log has counted its rows from the start. */
const COUNTS_ROWS = 4;

/** What is decided when a log is created. */
export interface LogMeta {
  readonly logId: Uint8Array;
  /** How long received digests are remembered, ms. */
  readonly seenMs: number;
  /**
   * `clear`: facts and stream names are not encrypted, so that whoever has the file can read what
   * happened. Application rows, records and queues are, in any case.
   */
  readonly metadata: 'sealed' | 'clear';
  /** No key is ever erased, so every sealed state of the past opens: no forward secrecy at rest. */
  readonly keepsAll: boolean;
}

/** Whether the store holds a log. */
export function hasLog(store: EventReader): boolean {
  return store.meta(FORMAT_KEY) !== undefined || store.tip().seq > 0;
}

/** The rows of a new log. */
export function encodeLogMeta({ logId, seenMs, metadata, keepsAll }: LogMeta): StoreChange['meta'] {
  const mode = (metadata === 'clear' ? CLEAR : 0) | (keepsAll ? KEEPS_ALL : 0) | COUNTS_ROWS;
  return [
    { key: FORMAT_KEY, value: Uint8Array.of(LOG_FORMAT, READ_FORMAT) },
    { key: LOG_KEY, value: logId },
    { key: MODE_KEY, value: Uint8Array.of(mode) },
    { key: SEEN_KEY, value: placeOf(seenMs) },
    ...encodeRowCounts(NO_ROWS),
  ];
}

/** The row that says up to which event the rows of streams follow. */
export function encodeRowsWritten(seq: number): StoreChange['meta'] {
  return [{ key: ROWS_KEY, value: placeOf(seq) }];
}

/** The event up to which the rows of streams follow; 0 where they never did. */
export function rowsWrittenAt(store: Pick<EventReader, 'meta'>): number {
  return numberOf(store.meta(ROWS_KEY)) ?? 0;
}

/** The row that says that the log goes on elsewhere, or takes that back. */
export function encodeMoved(moved: 'moved' | 'here'): StoreChange['meta'] {
  return [{ key: MOVED_KEY, value: Uint8Array.of(moved === 'moved' ? 1 : 0) }];
}

/** Whether the log goes on elsewhere. */
export function isMoved(store: Pick<EventReader, 'meta'>): boolean {
  return store.meta(MOVED_KEY)?.[0] === 1;
}

/**
 * Reads what the log says of itself. A log of a later release may be readable for ours all the same,
 * never writable.
 *
 * Refuses: `STORE_MISSING`, `STORE_TOO_NEW`, `STORE_CORRUPT`, `STORE_MOVED` (for writing).
 */
export function readLogMeta(
  store: EventReader,
  use: 'read' | 'write',
): Result<LogMeta, StoreRefusal> {
  const format = store.meta(FORMAT_KEY);
  if (format === undefined) return err({ code: 'STORE_MISSING', detail: 'the store holds no log' });
  const later = laterFormat(store, use);
  if (later !== undefined) return err(later);
  if (use === 'write' && isMoved(store)) {
    const detail = 'the log was moved; open it where it was moved to, or finish the move';
    return err({ code: 'STORE_MOVED', detail });
  }
  const logId = store.meta(LOG_KEY);
  const seenMs = numberOf(store.meta(SEEN_KEY));
  const mode = store.meta(MODE_KEY)?.[0];
  const isCounted = ((mode ?? 0) & COUNTS_ROWS) === 0 || readRowCounts(store) !== undefined;
  if (logId === undefined || seenMs === undefined || mode === undefined || !isCounted) {
    return err({ code: 'STORE_CORRUPT', detail: 'the log lacks its own description' });
  }
  const metadata = (mode & CLEAR) === 0 ? 'sealed' : 'clear';
  return ok({ logId, seenMs, metadata, keepsAll: (mode & KEEPS_ALL) !== 0 });
}

/**
 * Why the log is not for this release: `STORE_TOO_NEW`, where a later one wrote it in a form that ours
 * must not write into, or cannot even read. `undefined` where it may, or where there is no log. To be
 * asked before anything is touched.
 */
export function laterFormat(
  store: Pick<EventReader, 'meta'>,
  use: 'read' | 'write',
): StoreRefusal | undefined {
  const [written = 0, readable = written] = store.meta(FORMAT_KEY) ?? [];
  if (written <= LOG_FORMAT || (use === 'read' && readable <= LOG_FORMAT)) return undefined;
  const what = `the log was written in format ${written} by a later release`;
  return {
    code: 'STORE_TOO_NEW',
    detail: `${what}: ${nextStep(readable <= LOG_FORMAT ? 'readable' : 'too-new')}`,
  };
}

/** What to do with a log of a later release, by whether ours can read it. */
export function nextStep(state: 'readable' | 'too-new'): string {
  return state === 'readable'
    ? 'use that release to go on with it; `simsim verify` and `simsim replay` can read it'
    : 'use that release';
}
