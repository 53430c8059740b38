/**
 * Forgetting: the facts of chosen events give way to their digests. The chain stays whole and says
 * that something happened; what it was, nobody can say any more.
 */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { alone } from './catch-up.ts';
import type { Forgotten, ForgetRefusal, ForgetScope, LogEvent } from './event-log.ts';
import type { EventRow, StoreChange } from './event-store.ts';
import { NO_CHANGE } from './event-store.ts';
import { SHRINK_EVENTS_MAX } from './limits.ts';
import { rowsOfStream } from './log-reads.ts';
import { orFail } from './log-state.ts';
import type { LogState } from './log-state.ts';
import { isForgotten } from './open-facts.ts';
import { sealName } from './stream-label.ts';
import { storeTip } from './stream-rows.ts';
import { createTimeline } from './timeline.ts';

/** What a stream is called once its beginning is forgotten. */
export function forgottenName(streamId: number): string {
  return `forgotten/${streamId}`;
}

/**
 * Forgets the events that `matches` wants, and what else is in the scope. The vault must have followed
 * the log, and every stream must have its rows. Nothing changes where a stream that begins with one of
 * them still has a secret state.
 */
export function forgetEvents(
  log: LogState,
  matches: (event: LogEvent) => boolean,
  scope: ForgetScope,
): Result<Forgotten, ForgetRefusal> {
  const chosen = chooseEvents(log, matches, scope);
  if (!chosen.ok) return chosen;
  const { records = [] } = scope;
  if (chosen.value.length + records.length === 0) return ok({ events: 0, streams: 0 });
  return alone(log, (isMoved) =>
    isMoved
      ? err({ code: 'MOVED', tip: log.tip })
      : orFail(log, 'STORE_FAILED', () => replaceFacts(log, chosen.value, records)),
  );
}

function chooseEvents(
  log: LogState,
  matches: (event: LogEvent) => boolean,
  scope: ForgetScope,
): Result<number[], ForgetRefusal> {
  const timeline = createTimeline(log);
  const chosen = new Set<number>();
  for (const { row, isWanted } of candidates(log, scope)) {
    if (isForgotten(row)) continue;
    const event = timeline.decode(row);
    if (!isWanted && !matches(event)) continue;
    if (row.version === 1 && holdsState(log, row)) {
      return err({ code: 'STREAM_LIVE', stream: event.stream });
    }
    chosen.add(row.seq);
  }
  return ok([...chosen].sort((a, b) => a - b));
}

function* candidates(
  log: LogState,
  { from = 1, upto = log.tip.seq, streams = [] }: ForgetScope,
): Iterable<{ readonly row: EventRow; readonly isWanted: boolean }> {
  for (const row of log.store.events(from, upto)) yield { row, isWanted: false };
  for (const stream of streams)
    for (const row of rowsOfStream(log, stream)) yield { row, isWanted: true };
}

/** The newest first: the names of streams, by which the rest is found again, go last. */
function replaceFacts(
  log: LogState,
  chosen: readonly number[],
  records: readonly string[],
): Result<Forgotten, ForgetRefusal> {
  const { store, box } = log;
  let streams = 0;
  let end = chosen.length;
  do {
    const part = chosen.slice(Math.max(0, end - SHRINK_EVENTS_MAX), end);
    const rows = part.flatMap((seq) => store.event(seq) ?? []);
    // What the events remember of received envelopes must outlive them.
    const seen = log.seen.cut(rows, log);
    const change = changeOf(log, rows);
    const isLast = end <= SHRINK_EVENTS_MAX;
    const dropped = isLast ? records.map((name) => box.nameHash('record', name)) : [];
    streams += change.renamed.length;
    const answer = store.commit({
      ...change,
      seenRuns: seen?.runs ?? [],
      records: dropped.map((name) => ({ name, value: undefined })),
    });
    if (answer.kind === 'moved') return err({ code: 'MOVED', tip: answer.tip });
    if (seen !== undefined) log.seen.adopt(seen);
    log.streams.forget();
    end -= SHRINK_EVENTS_MAX;
  } while (end > 0);
  return ok({ events: chosen.length, streams });
}

/** Whether a stream has a secret state. */
function holdsState({ store }: LogState, { stream }: EventRow): boolean {
  const head = store.head(stream);
  return head !== undefined && head.state === 0 && head.sealed !== 0;
}

function changeOf(log: LogState, rows: readonly EventRow[]): StoreChange {
  const { crypto, box, store } = log;
  const begun = rows.flatMap(({ version, stream }) => (version === 1 ? [stream] : []));
  return {
    ...NO_CHANGE,
    expectedTip: storeTip(log),
    forgotten: rows.map(({ seq, facts }) => ({ seq, digest: crypto.digest([facts]) })),
    // Whoever has no name can have no more events.
    heads: begun.flatMap((id) => {
      const head = store.head(id);
      return head === undefined ? [] : [{ ...head, state: 1, expectedVersion: head.version }];
    }),
    renamed: begun.map((id) => ({ id, ...sealName(box, id, forgottenName(id)) })),
  };
}
