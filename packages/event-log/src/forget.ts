/**
 * Forgetting: the facts of chosen events give way to their digests. The chain stays whole and says
 * that something happened; what it was, nobody can say any more.
 */

import { encodeUtf8, err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Forgotten, ForgetRefusal, LogEvent } from './event-log.ts';
import type { EventRow, StoreChange } from './event-store.ts';
import { NO_CHANGE } from './event-store.ts';
import { SHRINK_EVENTS_MAX } from './limits.ts';
import type { LogState } from './log-state.ts';
import { isForgotten, labelPlace } from './open-facts.ts';
import { storeTip } from './stream-rows.ts';
import { createTimeline } from './timeline.ts';

/** What a stream is called once its beginning is forgotten. */
export function forgottenName(streamId: number): string {
  return `forgotten/${streamId}`;
}

/**
 * Forgets the events that `matches` wants. The vault must have followed the log, and every stream must
 * have its rows. Nothing changes where a stream that begins with one of them still lives.
 */
export function forgetEvents(
  log: LogState,
  matches: (event: LogEvent) => boolean,
): Result<Forgotten, ForgetRefusal> {
  const { store } = log;
  const timeline = createTimeline(log);
  const chosen: number[] = [];
  for (const row of store.events(1, log.tip.seq)) {
    if (isForgotten(row)) continue;
    const event = timeline.decode(row);
    if (!matches(event)) continue;
    const isLive = store.head(row.stream)?.state === 0;
    if (row.version === 1 && isLive) return err({ code: 'STREAM_LIVE', stream: event.stream });
    chosen.push(row.seq);
  }
  const streams = new Set<number>();
  for (let at = 0; at < chosen.length; at += SHRINK_EVENTS_MAX) {
    const rows = chosen.slice(at, at + SHRINK_EVENTS_MAX).flatMap((seq) => store.event(seq) ?? []);
    for (const row of rows) if (row.version === 1) streams.add(row.stream);
    const answer = store.commit(changeOf(log, rows));
    if (answer.kind === 'moved') return err({ code: 'MOVED', tip: answer.tip });
    log.seen.reset();
  }
  log.streams.forget();
  return ok({ events: chosen.length, streams: streams.size });
}

function changeOf(log: LogState, rows: readonly EventRow[]): StoreChange {
  const { crypto, box } = log;
  return {
    ...NO_CHANGE,
    expectedTip: storeTip(log),
    forgotten: rows.map(({ seq, facts }) => ({ seq, digest: crypto.digest([facts]) })),
    renamed: rows.flatMap(({ version, stream: id }) => {
      if (version !== 1) return [];
      const name = forgottenName(id);
      const label = box.seal('label', labelPlace(id), [encodeUtf8(name)]);
      return [{ id, name: box.nameHash('label', name), label }];
    }),
    // What the events remember of received envelopes must outlive them.
    seenRuns: log.seen.cut(rows, log),
  };
}
