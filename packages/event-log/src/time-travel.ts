/** Public state at any moment: the fold of the events until then. Secrets of then are gone. */

import type { LogEvent } from './event-log.ts';
import type { RecordFold } from './rebuild.ts';

/** What holds a timeline: an open log, or a reader of one. */
export interface Timelined {
  events(from?: number, to?: number): Iterable<LogEvent>;
}

/**
 * The state that the events up to `seq` amount to, that one included; without it, the state now. What
 * was forgotten is left out. Costs as much as reading those events.
 */
export function stateAt<S>(log: Timelined, fold: RecordFold<S>, seq?: number): S {
  let state = fold.initial();
  for (const event of log.events(1, seq)) {
    if (!event.isForgotten) state = fold.apply(state, event);
  }
  return state;
}
