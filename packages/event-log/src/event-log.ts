/**
 * The event log: what happened, kept for ever and provable; and the live secrets of each stream,
 * kept exactly as long as they live.
 *
 * Call order: {@link createEventLog} once, {@link openEventLog} afterwards; then `commit` and the
 * reads in any order; `flush` by the owner's policy (it is what erases superseded keys); `close`.
 */

import type { Result } from '@simsim/bytes';
import type { Part } from '@simsim/crypto';
import type { Tip } from './event-store.ts';
import type { StoreRefusal } from './refusal.ts';

/** An event that is about to happen. */
export interface DraftEvent {
  /** The stream's name, at most 512 bytes of UTF-8. */
  readonly stream: string;
  /** 1 … 65535. */
  readonly type: number;
  /** Version of the facts' encoding, 1 … 255. */
  readonly schema: number;
  /** What happened. Never a secret. */
  readonly facts: Uint8Array;
  /** The whole live secret state of the stream after this event. Absent: as it was. */
  readonly sealed?: readonly Part[];
  /** The last event of the stream: its key is destroyed. */
  readonly closes?: true;
  /** Digests to remember, so that {@link EventLog.isSeen} knows them. */
  readonly seen?: readonly Uint8Array[];
}

/** A name and its new value; `undefined` removes it. */
export interface NamedUpdate {
  readonly name: string;
  readonly value: Uint8Array | undefined;
}

/** An application row and its new value; `undefined` removes it. */
export interface DataUpdate {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** A post that is to reach the relay; `post` has 16 bytes. */
export interface OutboxPut {
  readonly post: Uint8Array;
  readonly body: Uint8Array;
}

/** When a post is to be tried again, wall ms, and how often it was tried. */
export interface OutboxRetry {
  readonly post: Uint8Array;
  readonly due: number;
  readonly tries: number;
}

/** Mail for the application; `id` has 16 bytes. Its body is sealed under the inbox epoch's key. */
export interface InboxPut {
  readonly id: Uint8Array;
  readonly body: Uint8Array;
}

/** One transaction: all of it becomes durable, or nothing. */
export interface LogBatch {
  /** Wall ms. */
  readonly at: number;
  /**
   * Until when (wall ms) time has surely come, for whoever has more than a wall clock to tell by: ids of received
   * mail that were to be kept for longer than this stay. Default `at`.
   */
  readonly agedTo?: number;
  readonly events: readonly DraftEvent[];
  /** Projections of public stream states, folded from facts by the caller. */
  readonly records?: readonly NamedUpdate[];
  readonly outboxPut?: readonly OutboxPut[];
  readonly outboxDone?: readonly Uint8Array[];
  readonly outboxRetry?: readonly OutboxRetry[];
  /** Needs at least one event in the batch: the one that received the mail. */
  readonly inboxPut?: readonly InboxPut[];
  readonly inboxDone?: readonly Uint8Array[];
  /** The application's own rows. */
  readonly data?: readonly DataUpdate[];
}

/** Where a batch went. Without events `seqLast` is one less than `seqFirst`. */
export interface Committed {
  readonly seqFirst: number;
  readonly seqLast: number;
}

/**
 * Why a batch was not committed. Nothing has changed.
 *
 * - `MOVED`: somebody else wrote; decide and seal again on the new tip.
 * - `STREAM_CLOSED`: the stream ended earlier.
 */
export type CommitRefusal =
  | { readonly code: 'MOVED'; readonly tip: Tip }
  | { readonly code: 'STREAM_CLOSED'; readonly stream: string };

/** Where a stream stands. */
export interface StreamHead {
  readonly version: number;
  readonly isClosed: boolean;
}

/** A post that waits. */
export interface OutboxEntry {
  readonly post: Uint8Array;
  readonly body: Uint8Array;
  readonly tries: number;
  /** Wall ms; undefined before the first failure. */
  readonly due: number | undefined;
}

/** Mail that waits for the application. */
export interface InboxEntry {
  readonly id: Uint8Array;
  /** A secret; the caller wipes it. */
  readonly body: Uint8Array;
  readonly seq: number;
}

/** What became of an event's sealed part. */
export type SealedState = 'none' | 'sealed' | 'shredded' | 'pruned';

/** An event as replay shows it. */
export interface LogEvent {
  readonly seq: number;
  readonly at: number;
  readonly stream: string;
  readonly version: number;
  readonly type: number;
  readonly schema: number;
  readonly facts: Uint8Array;
  /** `sealed` while the vault's file still leads to the key, `shredded` once a flush erased it. */
  readonly sealed: SealedState;
  readonly sealedBytes: number;
  readonly closes: boolean;
  /** How many digests it remembers. */
  readonly seenCount: number;
  /** Its facts were replaced by their digest: what happened is not known any more. */
  readonly isForgotten: boolean;
  readonly hash: Uint8Array;
}

/**
 * What opening found put back or lost. Secrets of an earlier moment may be alive again in it, and a
 * copy may go on elsewhere: the owner must give up its sessions before it sends.
 */
export interface RollbackReport {
  /** `log`: it ends before, or beside, what the vault has seen. `vault`: it is an old copy. */
  readonly kind: 'log' | 'vault';
  /** The head that the vault has seen. */
  readonly seen: Tip;
  /** The log's own. */
  readonly found: Tip;
  /** Streams whose state nothing opens any more; {@link EventLog.sealedValue} has none of them. */
  readonly lostStreams: readonly string[];
  /** Unread mail that nothing opens any more. */
  readonly lostMail: number;
}

/** What was forgotten. */
export interface Forgotten {
  readonly events: number;
  /** Streams that lost their names. */
  readonly streams: number;
}

/** What a call looks at and takes along. Who forgets in parts begins with the newest: names go last. */
export interface ForgetScope {
  /** The first event that is looked at; default the first of all. */
  readonly from?: number;
  /** The last one; default the last of all. */
  readonly upto?: number;
  /** Streams whose events all go, wherever they are. */
  readonly streams?: readonly string[];
  /** Records that go with the last of it. */
  readonly records?: readonly string[];
}

/**
 * Why nothing, or not all, was forgotten.
 *
 * - `STREAM_LIVE`: a stream that begins with such an event has a secret state; nothing has changed.
 * - `MOVED`: somebody else wrote meanwhile; call it again.
 */
export type ForgetRefusal =
  | { readonly code: 'STREAM_LIVE'; readonly stream: string }
  | { readonly code: 'MOVED'; readonly tip: Tip };

/** The log of one device. Synchronous; one owner at a time. */
export interface EventLog {
  /** 16 random bytes, for ever. */
  readonly logId: Uint8Array;
  /** What opening found put back; undefined, where all was as the vault had seen it. */
  readonly rollback: RollbackReport | undefined;
  /** The last event and its link; the genesis link at `seq` 0. */
  tip(): Tip;
  head(stream: string): StreamHead | undefined;
  /** The chain's link at event `seq`, the genesis link at 0; `undefined` where there is no such event. */
  link(seq: number): Uint8Array | undefined;
  /** The stream's last sealed state, which the caller wipes; `undefined` if none or closed. */
  sealedValue(stream: string): Uint8Array | undefined;
  /**
   * The sealed state that event `seq` left, which the caller wipes; `undefined` where it left none or
   * the key is gone: all but the last ones, unless the log keeps all.
   */
  sealedAt(seq: number): Uint8Array | undefined;
  record(name: string): Uint8Array | undefined;
  /** Names of all records; reads the whole table. */
  recordNames(): string[];
  data(key: string): Uint8Array | undefined;
  dataEntries(): Iterable<{ readonly key: string; readonly value: Uint8Array }>;
  /**
   * Live streams whose name begins so. The first call costs what lives, not what ever happened; later ones
   * what begins with the same segment.
   */
  streamsWithPrefix(prefix: string): string[];
  isSeen(digest: Uint8Array): boolean;
  /** Pending posts, oldest first. */
  outbox(): readonly OutboxEntry[];
  /** Unacknowledged mail, oldest first. */
  inbox(): readonly InboxEntry[];
  /**
   * Commits a batch. Durable when it answers; nothing is visible before.
   *
   * Throws: StoreFailure where the medium failed; the log must be opened again then.
   */
  commit(batch: LogBatch): Result<Committed, CommitRefusal>;
  /** Makes the vault follow the log and erases every superseded key. */
  flush(): void;
  /**
   * Begins to replace the vault's master key; each flush does a part of it. From the next flush on
   * every stream takes a key of its own making with its next state, so that whoever copied the vault
   * before cannot follow it by hashing forward.
   */
  rotate(): void;
  /** Why a rotation whose pages are all written does not end; each flush tries it again. */
  rotationHindrance(): StoreRefusal | undefined;
  /** Events since the vault last followed. */
  lag(): number;
  /** The timeline, both ends included; default all of it. */
  events(from?: number, to?: number): Iterable<LogEvent>;
  /** A stream's own events, the last one first; its cost does not hang on the length of the log. */
  history(stream: string): Iterable<LogEvent>;
  /**
   * Shrinks sealed parts to their digests that were superseded by events of before `before` (wall ms)
   * and whose keys are erased. Does a bounded part of it; call it again while `isDone` is false. A log
   * that keeps all prunes nothing.
   */
  prune(before: number): { readonly parts: number; readonly isDone: boolean };
  /**
   * Replaces the facts of the events that `matches` wants by their digests, of all or of a part of the
   * log; the chain stays whole. A stream that begins with one of them ends, and its name is free again: where it
   * has a secret state, close it before. Walks the history; a kill in between leaves a part, and
   * the next call does the rest. Application rows are the caller's. Not before the first event of a log
   * that was put back.
   *
   * What SQLite had in those places may stay on the medium until it is overwritten, encrypted under
   * the log's metadata key.
   */
  forget(
    matches: (event: LogEvent) => boolean,
    scope?: ForgetScope,
  ): Result<Forgotten, ForgetRefusal>;
  /**
   * Flushes and lets go of store and vault, of these also where the flush fails.
   *
   * Throws: StoreFailure where the medium failed; what was committed is there at the next opening.
   */
  close(): void;
}
