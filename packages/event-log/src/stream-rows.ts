/** The two rows a stream has in the store, and writing those that are behind their streams. */

import type { HeadChange, HeadRow, StreamRow } from './event-store.ts';
import { NO_CHANGE } from './event-store.ts';
import { encodeRowsWritten } from './log-meta.ts';
import type { LogState } from './log-state.ts';
import { sealName } from './stream-label.ts';
import type { StreamState } from './stream-states.ts';

/** A stream's constant part. */
function streamRow({ box }: LogState, { id, name, slot }: StreamState): StreamRow {
  return { id, ...sealName(box, id, name), slot };
}

/** Where a stream stands. */
function headRow({ sabotage }: LogState, state: StreamState): HeadRow {
  const { id, version, seq, sealed, isClosed } = state;
  const closed = sabotage.leavesHeadsOpen === true ? 0 : 1;
  return { stream: id, version, seq, sealed, state: isClosed ? closed : 0 };
}

/**
 * Brings the rows of all streams up to them, in one commit without events. Answers false where another
 * process has moved the log; nothing was written then.
 */
export function registerStreams(log: LogState): boolean {
  const ahead = log.streams.ahead();
  if (ahead.length === 0) return true;
  const heads = ahead.map((state): HeadChange => ({
    ...headRow(log, state),
    expectedVersion: state.rows?.version ?? 0,
  }));
  const streams = ahead
    .filter(({ rows, slot }) => rows === undefined || rows.slot !== slot)
    .map((state) => streamRow(log, state));
  const expectedTip = storeTip(log);
  const meta = encodeRowsWritten(log.tip.seq);
  const answer = log.store.commit({ ...NO_CHANGE, expectedTip, streams, heads, meta });
  if (answer.kind === 'moved') return false;
  log.streams.registered();
  return true;
}

/** The log's tip as the store knows it. */
export function storeTip({ tip }: LogState): LogState['tip'] {
  return tip.seq === 0 ? { seq: 0, hash: new Uint8Array(0) } : tip;
}
