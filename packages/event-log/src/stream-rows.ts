/** The two rows a stream has in the store, and writing those of streams that have none yet. */

import { encodeUtf8 } from '@simsim/bytes';
import type { HeadChange, HeadRow, StreamRow } from './event-store.ts';
import { NO_CHANGE } from './event-store.ts';
import type { LogState } from './log-state.ts';
import { labelPlace } from './open-facts.ts';
import type { StreamState } from './stream-states.ts';

/** A stream's constant part. */
export function streamRow({ box }: LogState, { id, name, slot }: StreamState): StreamRow {
  const label = box.seal('label', labelPlace(id), [encodeUtf8(name)]);
  return { id, name: box.nameHash('label', name), label, slot };
}

/** Where a stream stands. */
export function headRow({ sabotage }: LogState, state: StreamState): HeadRow {
  const { id, version, seq, sealed, isClosed } = state;
  const closed = sabotage.leavesHeadsOpen === true ? 0 : 1;
  return { stream: id, version, seq, sealed, state: isClosed ? closed : 0 };
}

/**
 * Gives every young stream its rows, in one commit without events. Answers false where another
 * process has moved the log; nothing was written then.
 */
export function registerStreams(log: LogState): boolean {
  const young = log.streams.young();
  if (young.length === 0) return true;
  const heads = young.map((state): HeadChange => ({ ...headRow(log, state), expectedVersion: 0 }));
  const streams = young.map((state) => streamRow(log, state));
  const expectedTip = storeTip(log);
  const answer = log.store.commit({ ...NO_CHANGE, expectedTip, streams, heads });
  if (answer.kind === 'moved') return false;
  log.streams.registered();
  return true;
}

/** The log's tip as the store knows it. */
export function storeTip({ tip }: LogState): LogState['tip'] {
  return tip.seq === 0 ? { seq: 0, hash: new Uint8Array(0) } : tip;
}
