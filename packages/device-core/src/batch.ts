/**
 * One commit in the making: several decisions, each on what the ones before it would leave behind.
 * Nothing of it touches the cache or the log until the whole is durable.
 */

import { bytesToHex } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import type { DraftEvent, EventLog, LogBatch } from '@simsim/event-log';
import { envelopeIdFromBytes, idToBytes } from '@simsim/relay-protocol';
import type { PostId } from '@simsim/relay-protocol';
import { encodeStreamValue, eventType } from '@simsim/sesame';
import type {
  ChainView,
  Change,
  Decision,
  Effect,
  InboxItem,
  PeerDevice,
  PeerLoad,
  PendingPost,
  Release,
  Slice,
  StreamId,
  StreamValue,
} from '@simsim/sesame';
import { encodeInboxItem } from './inbox-codec.ts';
import { encodeOutboxItem } from './outbox-codec.ts';
import type { OutboxItem } from './outbox-codec.ts';
import type { CachedStream, StreamCache } from './stream-cache.ts';

/** A row of the application: its key and what it holds, `undefined` to delete it. */
export type DataPut = readonly [key: string, value: Uint8Array | undefined];

/** What a device core keeps beside its log that decisions look at. */
export interface Kept {
  /** Posts of before that the relay has not answered. */
  readonly outbox: ReadonlyMap<PostId, OutboxItem>;
  /** What a device cost within the hour. */
  readonly loadOf: (peer: PeerDevice) => PeerLoad;
}

/** Where a log stands, as decisions see it. */
export function chainOf(log: EventLog): ChainView {
  return { logId: log.logId, tip: log.tip(), link: (seq) => log.link(seq) };
}

function pendingPost({ post, origin }: OutboxItem): PendingPost {
  const [envelope] = post.envelopes;
  const isRetry = envelope?.kind === 'retry';
  const retryOf = isRetry ? { retryOf: envelopeIdFromBytes(envelope.content) } : {};
  return { postId: post.postId, origin, ...retryOf };
}

/** Collects decisions for one commit; is the slice the next decision sees. */
export class Batch implements Slice {
  readonly effects: Effect[] = [];
  readonly consumed: Secret[] = [];
  readonly outboxPut: Map<PostId, OutboxItem> = new Map<PostId, OutboxItem>();
  readonly outboxDone: PostId[] = [];
  readonly inboxPut: InboxItem[] = [];
  readonly inboxDone: InboxItem['envelopeId'][] = [];
  readonly data: DataPut[] = [];
  readonly #log: EventLog;
  readonly #cache: StreamCache;
  readonly #outbox: ReadonlyMap<PostId, OutboxItem>;
  readonly #loadOf: (peer: PeerDevice) => PeerLoad;
  readonly #heads = new Map<StreamId, CachedStream>();
  readonly #mail = new Set<InboxItem['envelopeId']>();
  readonly #changes: Change[] = [];
  readonly #seen = new Set<string>();
  /** What this commit adds to the loads of peers. */
  readonly loads: (PeerDevice & PeerLoad)[] = [];

  constructor(log: EventLog, cache: StreamCache, kept: Kept) {
    this.#log = log;
    this.#cache = cache;
    this.#outbox = kept.outbox;
    this.#loadOf = kept.loadOf;
  }

  isLoaded(stream: StreamId): boolean {
    return this.#heads.has(stream) || this.#cache.get(stream) !== undefined;
  }

  value(stream: StreamId): StreamValue | undefined {
    return (this.#heads.get(stream) ?? this.#cache.get(stream))?.value;
  }

  isClosed(stream: StreamId): boolean {
    return (this.#heads.get(stream) ?? this.#cache.load(stream)).isClosed;
  }

  live(prefix: string): readonly StreamId[] {
    const streams = new Set(this.#log.streamsWithPrefix(prefix));
    for (const [stream, head] of this.#heads) {
      if (!stream.startsWith(prefix)) continue;
      if (head.isClosed) streams.delete(stream);
      else streams.add(stream);
    }
    return [...streams];
  }

  load(of: PeerDevice): PeerLoad {
    const here = this.loads.filter(
      ({ userId, deviceId }) => userId === of.userId && deviceId === of.deviceId,
    );
    return here.reduce(
      (sum, { skippedBytes, initiations, walkedSteps }) => ({
        skippedBytes: sum.skippedBytes + skippedBytes,
        initiations: [...sum.initiations, ...initiations],
        walkedSteps: sum.walkedSteps + walkedSteps,
      }),
      this.#loadOf(of),
    );
  }

  isSeen(digest: Uint8Array): boolean {
    const isOfBatch = this.#seen.size > 0 && this.#seen.has(bytesToHex(digest));
    return isOfBatch || this.#log.isSeen(digest);
  }

  chain(): ChainView {
    return chainOf(this.#log);
  }

  pendingPosts(): readonly PendingPost[] {
    const done = new Set(this.outboxDone);
    return [...this.#outbox.values(), ...this.outboxPut.values()]
      .filter((item) => !done.has(item.post.postId))
      .map(pendingPost);
  }

  /** Loads streams a decision asked for. */
  loadAll(streams: readonly StreamId[]): void {
    for (const stream of streams) this.#cache.load(stream);
  }

  /** Takes a decision in; the next one sees it. */
  add(decision: Decision): void {
    for (const change of decision.changes) {
      this.#changes.push(change);
      if (change.closes) this.#heads.set(change.stream, { value: undefined, isClosed: true });
      else if (change.value !== undefined)
        this.#heads.set(change.stream, { value: change.value, isClosed: false });
      for (const digest of change.seen ?? []) this.#seen.add(bytesToHex(digest));
    }
    for (const item of decision.outboxPut) this.outboxPut.set(item.post.postId, item);
    for (const postId of decision.outboxDone) {
      if (!this.outboxPut.delete(postId)) this.outboxDone.push(postId);
    }
    for (const item of decision.inboxPut) {
      this.inboxPut.push(item);
      this.#mail.add(item.envelopeId);
    }
    this.effects.push(...decision.effects);
    this.consumed.push(...decision.consumed);
    this.loads.push(...decision.loads);
  }

  /** Whether mail enters with it under this id. */
  holdsMail(id: InboxItem['envelopeId']): boolean {
    return this.#mail.has(id);
  }

  isEmpty(): boolean {
    return (
      this.#changes.length === 0 &&
      this.outboxPut.size === 0 &&
      this.outboxDone.length === 0 &&
      this.inboxPut.length === 0 &&
      this.inboxDone.length === 0 &&
      this.data.length === 0
    );
  }

  /**
   * The commit. Only the last value of each stream is sealed: the ones between are superseded before
   * they were ever durable.
   */
  toLogBatch(times: Required<Pick<LogBatch, 'at' | 'agedTo'>>, release: Release): LogBatch {
    const last = new Map<StreamId, number>();
    this.#changes.forEach((change, i) => {
      if (change.value !== undefined || change.closes) last.set(change.stream, i);
    });
    const records: { name: string; value: Uint8Array | undefined }[] = [];
    const events = this.#changes.map((change, i): DraftEvent => {
      const { stream, fact, value, closes, seen } = change;
      const stored =
        value !== undefined && last.get(stream) === i
          ? encodeStreamValue(stream, value)
          : undefined;
      if (stored?.kind === 'record') records.push({ name: stream, value: stored.bytes });
      return {
        stream,
        type: eventType(fact.name),
        schema: release.schemaOf(fact.name),
        facts: release.encode(fact),
        ...(stored?.kind === 'sealed' ? { sealed: stored.parts } : {}),
        ...(closes ? { closes } : {}),
        ...(seen === undefined ? {} : { seen }),
      };
    });
    return {
      ...times,
      events,
      records,
      outboxPut: [...this.outboxPut.values()].map((item) => ({
        post: idToBytes(item.post.postId),
        body: encodeOutboxItem(item),
      })),
      outboxDone: this.outboxDone.map(idToBytes),
      inboxPut: this.inboxPut.map((item) => ({
        id: idToBytes(item.envelopeId),
        body: encodeInboxItem(item),
      })),
      inboxDone: this.inboxDone.map(idToBytes),
      data: this.data.map(([key, value]) => ({ key, value })),
    };
  }

  /** After the commit: what was speculative is now the truth. */
  adopt(): void {
    for (const [stream, head] of this.#heads) this.#cache.set(stream, head);
  }
}
