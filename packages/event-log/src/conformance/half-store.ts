/** The suite's own saboteur: a store that commits a change in two halves. It must be caught. */

import { NO_CHANGE } from '../event-store.ts';
import type { EventStore } from '../event-store.ts';

/** Wraps a sound store so that a change that fails late leaves its events behind. */
export function halfCommitting(store: EventStore): EventStore {
  return {
    ...store,
    commit(change) {
      const last = change.events.at(-1);
      if (last === undefined) return store.commit(change);
      const first = store.commit({ ...change, heads: [], streams: [], records: [], data: [] });
      if (first.kind === 'moved') return first;
      const { heads, streams, records, data } = change;
      return store.commit({
        ...NO_CHANGE,
        heads,
        streams,
        records,
        data,
        expectedTip: { seq: last.seq, hash: last.hash },
      });
    },
  };
}
