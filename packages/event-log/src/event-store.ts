/**
 * The contract a store fulfils: opaque rows in, opaque rows out, one atomic commit. No secret and
 * no readable name crosses it. `@simsim/event-log/conformance` proves an implementation.
 */

/** The last event: `seq` 0 and an empty hash while there is none. */
export interface Tip {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/*
 * Nobody changes the bytes of a row, of a change or of an answer once they were given away: a store may
 * keep and answer the very same arrays.
 */

/** One event as stored. Never changed afterwards, except that a part may shrink to its digest. */
export interface EventRow {
  /** 1, 2, 3 … without a gap. */
  readonly seq: number;
  /** Number of its stream. */
  readonly stream: number;
  /** 1, 2, 3 … within the stream. */
  readonly version: number;
  /** `seq` of the stream's previous event, 0 for the first. */
  readonly prev: number;
  /** Type times 256 plus schema. */
  readonly kind: number;
  /** Wall ms. */
  readonly at: number;
  /** Sealed or clear; exactly 32 bytes once forgotten. */
  readonly facts: Uint8Array;
  /** Key index, nonce and ciphertext; exactly 32 bytes once pruned. */
  readonly sealed: Uint8Array | undefined;
  /** The chain's link, 32 bytes. */
  readonly hash: Uint8Array;
}

/** A stream's constant part; written at the flush after it began, and when it takes its slot later. */
export interface StreamRow {
  readonly id: number;
  /** Keyed hash of its name, 16 bytes, unique. */
  readonly name: Uint8Array;
  /** Its name, sealed. */
  readonly label: Uint8Array;
  readonly slot: number | undefined;
}

/** Where a stream stands. */
export interface HeadRow {
  readonly stream: number;
  readonly version: number;
  /** `seq` of its last event. */
  readonly seq: number;
  /** `seq` of its last event with a sealed part, 0 if none. */
  readonly sealed: number;
  /** 0 live, 1 closed. */
  readonly state: number;
}

/** A new head and the version it replaces, 0 where the stream has no head yet. */
export interface HeadChange extends HeadRow {
  readonly expectedVersion: number;
}

/** A post waiting for the relay. Slots are reused; a freed one has a `post` of 16 zero bytes. */
export interface OutboxRow {
  readonly slot: number;
  readonly post: Uint8Array;
  /** Grows with every batch of posts: orders the queue, then `slot`. */
  readonly seq: number;
  /** Wall ms of the next try; undefined before the first failure. */
  readonly due: number | undefined;
  readonly tries: number;
  readonly body: Uint8Array;
}

/** Received mail the application has not acknowledged. A freed row has an `id` of zero bytes. */
export interface InboxRow {
  readonly slot: number;
  readonly id: Uint8Array;
  readonly seq: number;
  /** Vault slot of the key its body is sealed under. */
  readonly epoch: number;
  readonly body: Uint8Array;
}

/** A sorted run of 8-byte dedupe ids from the events after the previous run up to `upto`. */
export interface SeenRun {
  readonly upto: number;
  /** Wall ms after which the run may be dropped. */
  readonly until: number;
  readonly ids: Uint8Array;
}

/** A value under a keyed-hash name of 16 bytes. `undefined` removes it. */
export interface NamedChange {
  readonly name: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** A part of an event, and the SHA-256 of it that takes its place for ever. */
export interface ShrunkPart {
  readonly seq: number;
  readonly digest: Uint8Array;
}

/** A stored value under its keyed-hash name. */
export interface NamedRow {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** Everything one commit changes. Applied as a whole or not at all. */
export interface StoreChange {
  /** The tip the events were chained to. */
  readonly expectedTip: Tip;
  /** In order, `seq` following the expected tip without a gap. */
  readonly events: readonly EventRow[];
  /** New rows, or rows that took a slot. */
  readonly streams: readonly StreamRow[];
  readonly heads: readonly HeadChange[];
  readonly records: readonly NamedChange[];
  readonly data: readonly NamedChange[];
  /** Put after the slots of `outboxFreed` were freed. */
  readonly outbox: readonly OutboxRow[];
  readonly outboxFreed: readonly number[];
  readonly outboxRetry: readonly {
    readonly slot: number;
    readonly due: number;
    readonly tries: number;
  }[];
  /** Put after the slots of `inboxFreed` were freed. */
  readonly inbox: readonly InboxRow[];
  readonly inboxFreed: readonly number[];
  readonly seenRuns: readonly SeenRun[];
  /** Runs whose `until` lies before this are dropped; 0 drops none. */
  readonly seenExpireBefore: number;
  readonly meta: readonly { readonly key: string; readonly value: Uint8Array }[];
  /** Sealed parts that shrink: longer than 32 bytes before. */
  readonly pruned: readonly ShrunkPart[];
  /** Facts that shrink: of another length than 32 before. */
  readonly forgotten: readonly ShrunkPart[];
  /** Streams that get another name and label; `slot` stays. */
  readonly renamed: readonly Omit<StreamRow, 'slot'>[];
}

/** A change of nothing, to be spread under one of something. */
export const NO_CHANGE: Omit<StoreChange, 'expectedTip'> = {
  events: [],
  streams: [],
  heads: [],
  records: [],
  data: [],
  outbox: [],
  outboxFreed: [],
  outboxRetry: [],
  inbox: [],
  inboxFreed: [],
  seenRuns: [],
  seenExpireBefore: 0,
  meta: [],
  pruned: [],
  forgotten: [],
  renamed: [],
};

/** What a commit answers: done and durable, or nothing changed because the tip is another. */
export type CommitAnswer =
  | { readonly kind: 'committed' }
  | { readonly kind: 'moved'; readonly tip: Tip };

/**
 * Reading rows. Iterables may be read lazily in short pages; rows written meanwhile may or may not
 * appear, which {@link EventReader.snapshot} rules out.
 */
export interface EventReader {
  meta(key: string): Uint8Array | undefined;
  tip(): Tip;
  /** A number that changes whenever somebody else commits; own commits may change it too. */
  version(): number;
  event(seq: number): EventRow | undefined;
  /** Events of `from` … `to`, both included, in order. */
  events(from: number, to: number): Iterable<EventRow>;
  streamByName(name: Uint8Array): StreamRow | undefined;
  streamById(id: number): StreamRow | undefined;
  /** All streams by id. */
  streams(): Iterable<StreamRow>;
  /** The streams without a vault slot, by id. */
  publicStreams(): Iterable<StreamRow>;
  /** The highest stream id, 0 if none. */
  streamMax(): number;
  head(stream: number): HeadRow | undefined;
  /** All heads by stream. */
  heads(): Iterable<HeadRow>;
  record(name: Uint8Array): Uint8Array | undefined;
  records(): Iterable<NamedRow>;
  data(name: Uint8Array): Uint8Array | undefined;
  dataRows(): Iterable<NamedRow>;
  /** Pending rows only, by `seq`, then `slot`. */
  outbox(): Iterable<OutboxRow>;
  /** Pending rows only, by `seq`, then `slot`. */
  inbox(): Iterable<InboxRow>;
  /** By `upto`. */
  seenRuns(): Iterable<SeenRun>;
  /** `upto` of the last run, 0 if none. */
  seenUpto(): number;
  /** Runs `read` over one unchanging state. */
  snapshot<T>(read: () => T): T;
  close(): void;
}

/** A store: reads, and the one way to write. */
export interface EventStore extends EventReader {
  /**
   * Applies `change` atomically and durably if the tip is the expected one.
   *
   * Throws: {@link StoreFailure} when the medium fails; nothing may be assumed about the change then.
   */
  commit(change: StoreChange): CommitAnswer;
  /**
   * Runs `work` while no other process commits or is in here; reads and commits in it see and become
   * one transaction, which takes effect where `work` returns. A commit that throws in it leaves nothing
   * of its change, at the latest by having the whole refused.
   *
   * Throws: what `work` throws, nothing has changed then; {@link StoreFailure} when the medium fails.
   */
  locked<T>(work: () => T): T;
}
