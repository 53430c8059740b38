/**
 * Forgetting what the log says of a user, part by part, so that a device with a long history goes on
 * meanwhile. The user's own stream and record go last and together: of a device that stops in between
 * everything that is left still fits.
 */

import type { EventLog } from '@simsim/event-log';
import type { UserId } from '@simsim/relay-protocol';
import { mentionsUser, SEND_PREFIX, userStream } from '@simsim/sesame';
import type { Release } from '@simsim/sesame';
import type { StreamCache } from './stream-cache.ts';

/** Events that are looked at in one part: some ten milliseconds. */
const PART_EVENTS = 512;

/** What was forgotten of a user. */
export interface ForgottenHistory {
  /** Events whose facts gave way to digests. */
  readonly events: number;
  /** Sends that are still owed to somebody else, and mention the user until then. */
  readonly sends: number;
}

/** How far it is. */
export interface ForgetProgress {
  readonly userId: UserId;
  /** Sends that somebody else was owed at any part. */
  readonly kept: Set<string>;
  /** Whatever came until here was looked at, but for what is below `left`. */
  upto: number;
  /** The last event that was not looked at yet. */
  left: number;
  events: number;
}

/** What it works on. */
interface ForgetParts {
  readonly log: EventLog;
  readonly cache: StreamCache;
  readonly release: Release | undefined;
}

/** Nothing is forgotten yet. */
export function beginForgetting(userId: UserId, log: EventLog): ForgetProgress {
  const { seq } = log.tip();
  return { userId, kept: new Set(), upto: seq, left: seq, events: 0 };
}

/**
 * Forgets what came since the last part, and another part of what was there. `busy` where something new
 * began with the user since `forgetUser` was run: nothing of that was forgotten.
 */
export function forgetPart(
  progress: ForgetProgress,
  { log, cache, release }: ForgetParts,
): ForgottenHistory | 'more' | 'busy' {
  const { userId, kept } = progress;
  const isOwed = (stream: string): boolean =>
    cache.value('send', stream)?.recipients.has(userId) === true;
  for (const stream of log.streamsWithPrefix(SEND_PREFIX)) if (isOwed(stream)) kept.add(stream);
  const own = userStream(userId);
  const isOfUser = mentionsUser(userId, release);
  const forget = (from: number, upto: number, last: readonly string[]): boolean => {
    const forgotten = log.forget(
      (event) => event.stream !== own && !kept.has(event.stream) && isOfUser(event),
      { from, upto, streams: last, records: last },
    );
    if (forgotten.ok) progress.events += forgotten.value.events;
    return forgotten.ok;
  };

  const { seq } = log.tip();
  const from = Math.max(1, progress.left - PART_EVENTS + 1);
  const isLast = from === 1;
  const isDone =
    forget(progress.upto + 1, seq, []) && forget(from, progress.left, isLast ? [own] : []);
  cache.clear();
  if (!isDone) return 'busy';
  progress.upto = seq;
  progress.left = from - 1;
  return isLast ? { events: progress.events, sends: kept.size } : 'more';
}
