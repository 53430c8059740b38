/**
 * Pruning: sealed parts whose keys are gone shrink to their digests, which halves an old event and
 * leaves the chain whole.
 */

import { alone } from './catch-up.ts';
import type { EventRow, ShrunkPart } from './event-store.ts';
import { NO_CHANGE } from './event-store.ts';
import { PRUNED_BYTES } from './chain.ts';
import { SHRINK_EVENTS_MAX } from './limits.ts';
import { orFail } from './log-state.ts';
import type { LogState } from './log-state.ts';
import { numberOf, placeOf } from './place.ts';
import { storeTip } from './stream-rows.ts';

const CURSOR_KEY = 'pruned';

/**
 * Prunes what events of before `before` (wall ms) superseded, going on where it stopped the last time,
 * over a bounded number of events. Answers how many parts shrank; `isDone` false where more is left.
 */
export function pruneParts(log: LogState, before: number): Pruned {
  return alone(log, () => pruneStep(log, before));
}

/** What one step of pruning did. */
interface Pruned {
  readonly parts: number;
  readonly isDone: boolean;
}

function pruneStep(log: LogState, before: number): Pruned {
  const { store, vault, crypto, meta } = log;
  const from = (numberOf(store.meta(CURSOR_KEY)) ?? 0) + 1;
  // Only what the vault has followed is superseded for good.
  const upto = Math.min(vault.anchor().seq, from + SHRINK_EVENTS_MAX - 1);
  if (meta.keepsAll || log.rollback !== undefined) return { parts: 0, isDone: true };
  if (isYoung(log, { from, upto, before })) return { parts: 0, isDone: true };
  // An event is as old as any after it: where it says that it is younger, the clock was ahead.
  let last = from - 1;
  for (const { seq, at } of store.events(from, upto)) if (at < before) last = seq;
  const pruned: ShrunkPart[] = [];
  for (const row of store.events(from, last)) {
    for (const { seq, sealed } of supersededBy(log, row)) {
      pruned.push({ seq, digest: crypto.digest([sealed]) });
    }
  }
  const answer = orFail(log, 'STORE_FAILED', () =>
    store.commit({
      ...NO_CHANGE,
      expectedTip: storeTip(log),
      pruned,
      meta: [{ key: CURSOR_KEY, value: placeOf(last) }],
    }),
  );
  if (answer.kind === 'moved') return { parts: 0, isDone: true };
  return { parts: pruned.length, isDone: last < upto || upto === vault.anchor().seq };
}

/** Whether none of the next events is of before. Each is read once for that, however often it is asked. */
function isYoung(
  log: LogState,
  { from, upto, before }: { readonly from: number; readonly upto: number; readonly before: number },
): boolean {
  const known = log.young?.from === from ? log.young : { from, upto: from - 1, least: Infinity };
  let { least } = known;
  for (const { at } of log.store.events(known.upto + 1, upto)) least = Math.min(least, at);
  log.young = { from, upto, least };
  return least >= before;
}

/** The state that an event replaced; where it ends its stream, its own too. */
function* supersededBy({ store }: LogState, row: EventRow): Iterable<Shrinkable> {
  const head = store.head(row.stream);
  const isEnd = head?.seq === row.seq && head.state !== 0;
  if (row.sealed === undefined && !isEnd) return;
  if (isEnd && isWhole(row)) yield row;
  // In a damaged row `prev` may lead anywhere.
  const before = ({ prev, seq }: EventRow) => (prev < seq ? store.event(prev) : undefined);
  let state = before(row);
  while (state !== undefined && state.sealed === undefined) state = before(state);
  if (state !== undefined && isWhole(state)) yield state;
}

type Shrinkable = EventRow & { readonly sealed: Uint8Array };

/** A state of two bytes or less is no longer than its digest, and stays. */
function isWhole(row: EventRow): row is Shrinkable {
  return row.sealed !== undefined && row.sealed.length > PRUNED_BYTES;
}
