/** How the events of a device's log fold into its records, for rebuilding them. */

import type { NamedValue, PostsInFlight, RecordFold } from '@simsim/event-log';
import { idToBytes } from '@simsim/relay-protocol';
import {
  decodeStreamValue,
  evolveRecord,
  foldRefusal,
  isRecordStream,
  roundsInFlight,
  SEND_PREFIX,
  TODAY,
  valueOfKind,
} from '@simsim/sesame';
import type { Release } from '@simsim/sesame';

/** Records by their names. */
export type RecordsByName = Map<string, Uint8Array>;

/** Sends say which posts they wait for; resends and notices wait for none. */
const POSTS: PostsInFlight = {
  isFrom: (stream) => stream.startsWith(SEND_PREFIX),
  of(stream, state, crypto) {
    const send = valueOfKind('send', decodeStreamValue(stream, state, crypto));
    if (send === undefined) return [];
    send.body.fill(0);
    return roundsInFlight(send).map(({ postId }) => idToBytes(postId));
  },
};

/** The engine's own fold, over all of a log's record streams. */
export const recordFold: RecordFold<RecordsByName> = recordFoldOf(TODAY);

/** The fold of a release. */
export function recordFoldOf(release: Release): RecordFold<RecordsByName> {
  return {
    initial: () => new Map(),
    refusal: (event) => foldRefusal(event, release),
    apply(records, event) {
      if (!isRecordStream(event.stream)) return records;
      const row = evolveRecord(records.get(event.stream), event, release);
      if (row !== undefined) records.set(event.stream, row);
      return records;
    },
    *rows(records): Iterable<NamedValue> {
      for (const [name, value] of records) yield { name, value };
    },
    posts: POSTS,
  };
}
