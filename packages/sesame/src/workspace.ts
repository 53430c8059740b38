/**
 * The scratch pad of one decision: reads come from the slice, writes stay here, and nothing of it is
 * seen by anybody until the decision is committed.
 */

import { invariant } from '@simsim/bytes';
import type { Crypto, Entropy, Secret } from '@simsim/crypto';
import { envelopeIdFromBytes, postIdFromBytes } from '@simsim/relay-protocol';
import type { EnvelopeId, Post, PostId, UserId } from '@simsim/relay-protocol';
import { NO_LOAD } from './decision.ts';
import type {
  Change,
  DecideResult,
  Decision,
  Effect,
  InboxItem,
  RejectionCode,
  PeerDevice,
  PeerLoad,
} from './decision.ts';
import { deviceTime } from './device-time.ts';
import type { Clock } from './device-time.ts';
import type { EventName, FactValue } from './fact-codec.ts';
import type { TrustPolicy } from './hold-reason.ts';
import type { ChainView } from './heads.ts';
import type { Input, PostOrigin } from './input.ts';
import {
  FREE_WALK_STEPS,
  INITIATIONS_PER_HOUR,
  SKIP_BYTES_PER_HOUR,
  WALKED_STEPS_PER_HOUR,
} from './limits.ts';
import type { OwnDevice } from './own-device.ts';
import type { Sabotage } from './sabotage.ts';
import { DEFAULT_EXPIRY } from './session-expiry.ts';
import type { SessionExpiry } from './session-expiry.ts';
import { DEVICE_STREAM, userStream } from './streams.ts';
import type { StreamId } from './streams.ts';
import { valueOfKind } from './stream-codec.ts';
import type { StreamKind, StreamValue, StreamValues } from './stream-codec.ts';
import { applyUserChange } from './fold-user-change.ts';
import { emptyUserRecord } from './user-record.ts';
import type { UserChange } from './user-change.ts';
import type { UserRecord } from './user-record.ts';

/** The state an input is decided on. A stream that is loaded but absent gives `undefined`. */
export interface Slice {
  isLoaded(stream: StreamId): boolean;
  value(stream: StreamId): StreamValue | undefined;
  /** True once the stream has ended; its value is gone. */
  isClosed(stream: StreamId): boolean;
  /** Names of the live streams that begin with a prefix. */
  live(prefix: string): readonly StreamId[];
  /** True when this digest was remembered. */
  isSeen(digest: Uint8Array): boolean;
  /** What a device cost this one within the hour. */
  load(of: PeerDevice): PeerLoad;
  /** The log itself, as of the last commit. */
  chain(): ChainView;
  /** Posts with ciphertext that the relay has not answered. */
  pendingPosts(): readonly PendingPost[];
}

/** A post in the outbox. */
export interface PendingPost {
  readonly postId: PostId;
  readonly origin: PostOrigin;
  /** The envelope that is asked for again, where that is what is posted. */
  readonly retryOf?: EnvelopeId;
}

/** What the engine may use beside its input: time, randomness, primitives, and nothing else. */
export interface EngineEnv {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** What evidence of the relay or of an own device leads to. Default: `quarantine`. */
  readonly onEvidence?: 'quarantine' | 'refuse';
  /** What it takes to be sent to. Default: `tofu`. */
  readonly trust?: TrustPolicy;
  /** How long sessions live. Default: {@link DEFAULT_EXPIRY}. */
  readonly expiry?: SessionExpiry;
  readonly sabotage?: ReadonlySet<Sabotage>;
}

/** Collects one decision. */
export class Workspace {
  readonly env: EngineEnv;
  readonly #slice: Slice;
  readonly #written = new Map<StreamId, StreamValue | undefined>();
  readonly #closed = new Set<StreamId>();
  readonly #changes: Change[] = [];
  readonly #outboxPut: { post: Post; origin: PostOrigin }[] = [];
  readonly #outboxDone: PostId[] = [];
  readonly #inboxPut: InboxItem[] = [];
  readonly #effects: Effect[] = [];
  readonly #consumed: Secret[] = [];
  readonly #next: Input[] = [];
  readonly #loads: (PeerDevice & PeerLoad)[] = [];

  constructor(slice: Slice, env: EngineEnv) {
    this.#slice = slice;
    this.env = env;
  }

  /** On the same slice, without anything of this decision. */
  begunAnew(): Workspace {
    return new Workspace(this.#slice, this.env);
  }

  /** Whether a planted fault is on; always false in production. */
  isSabotaged(sabotage: Sabotage): boolean {
    return this.env.sabotage?.has(sabotage) ?? false;
  }

  /** Whether this decision records an event of a name. */
  hasTold(name: EventName): boolean {
    return this.#changes.some(({ fact }) => fact.name === name);
  }

  /** Those of the streams that must be loaded before the decision can go on. */
  missing(streams: readonly StreamId[]): readonly StreamId[] {
    return streams.filter((stream) => !this.#written.has(stream) && !this.#slice.isLoaded(stream));
  }

  /** A stream's value as of this decision. Reading one that is not loaded is a bug. */
  value<K extends StreamKind>(kind: K, stream: StreamId): StreamValues[K] | undefined {
    if (this.#written.has(stream)) return valueOfKind(kind, this.#written.get(stream));
    invariant(this.#slice.isLoaded(stream), 'streams are loaded before they are read');
    return valueOfKind(kind, this.#slice.value(stream));
  }

  isClosed(stream: StreamId): boolean {
    return this.#closed.has(stream) || this.#slice.isClosed(stream);
  }

  live(prefix: string): readonly StreamId[] {
    const written = [...this.#written.keys()].filter((stream) => stream.startsWith(prefix));
    return [...new Set([...this.#slice.live(prefix), ...written])].filter(
      (stream) => !this.#closed.has(stream),
    );
  }

  isSeen(digest: Uint8Array): boolean {
    return !this.isSabotaged('forget-dedupe') && this.#slice.isSeen(digest);
  }

  /** Bytes of skipped keys that a device may still make this one keep within the hour. */
  skipBytesLeft(of: PeerDevice): number {
    return Math.max(0, SKIP_BYTES_PER_HOUR - this.#slice.load(of).skippedBytes);
  }

  /** Counts what a device made this one keep. */
  skipped(of: PeerDevice, bytes: number): void {
    const { userId, deviceId } = of;
    if (bytes > 0) this.#loads.push({ ...NO_LOAD, userId, deviceId, skippedBytes: bytes });
  }

  /** Whether a walk of so many steps may be tried for a message of a device: long ones are rationed. */
  mayWalk({ userId, deviceId }: PeerDevice, steps: number): boolean {
    if (steps <= FREE_WALK_STEPS) return true;
    return this.#slice.load({ userId, deviceId }).walkedSteps < WALKED_STEPS_PER_HOUR;
  }

  /** Counts a walk that opened nothing. */
  walked({ userId, deviceId }: PeerDevice, steps: number): void {
    if (steps <= FREE_WALK_STEPS) return;
    this.#loads.push({ ...NO_LOAD, userId, deviceId, walkedSteps: steps });
  }

  /**
   * Whether a first message of a device may be tried within the hour; `new` counts. What was tried before
   * would only cost the same once more.
   */
  mayInitiate({ userId, deviceId }: PeerDevice, name: string): 'new' | 'tried' | 'tooMany' {
    const { initiations } = this.#slice.load({ userId, deviceId });
    if (initiations.includes(name)) return 'tried';
    if (initiations.length >= INITIATIONS_PER_HOUR) return 'tooMany';
    this.#loads.push({ ...NO_LOAD, userId, deviceId, initiations: [name] });
    return 'new';
  }

  /** The log itself, as of the last commit. */
  chain(): ChainView {
    return this.#slice.chain();
  }

  /** Posts with ciphertext of before this decision that the relay has not answered. */
  pendingPosts(): readonly PendingPost[] {
    return this.#slice.pendingPosts();
  }

  /** Device time now, ms: what ages are reckoned in. The device's stream must be loaded. */
  nowMs(): number {
    return deviceTime(this.value('device', DEVICE_STREAM)?.time, this.env.clock);
  }

  /** How long sessions live. */
  expiry(): SessionExpiry {
    return this.env.expiry ?? DEFAULT_EXPIRY;
  }

  /** This device. Bug if it was not created. */
  self(): OwnDevice {
    const own = this.value('device', DEVICE_STREAM);
    invariant(own !== undefined, 'the device exists');
    return own;
  }

  /** A user's record, empty where nothing is known. */
  user(userId: UserId): UserRecord {
    return this.value('user', userStream(userId)) ?? emptyUserRecord(userId);
  }

  /** Records an event, with the stream's new value if it changed. */
  write(
    stream: StreamId,
    event: {
      name: EventName;
      fields?: Readonly<Record<string, FactValue>>;
      seen?: readonly Uint8Array[];
    },
    value?: StreamValue,
  ): void {
    if (value !== undefined) this.#written.set(stream, value);
    this.#changes.push({
      stream,
      fact: { name: event.name, fields: event.fields ?? {} },
      ...(value === undefined ? {} : { value }),
      ...(event.seen === undefined ? {} : { seen: event.seen }),
    });
  }

  /** Puts a stream's new value on the last event this decision wrote to it. */
  keep(stream: StreamId, value: StreamValue): void {
    const at = this.#changes.findLastIndex((change) => change.stream === stream);
    const change = this.#changes[at];
    invariant(change !== undefined, 'a value changes with an event');
    this.#changes[at] = { ...change, value };
    this.#written.set(stream, value);
  }

  /** Ends a stream; its key is destroyed. */
  close(
    stream: StreamId,
    event: { name: EventName; fields?: Readonly<Record<string, FactValue>> },
  ): void {
    this.#written.set(stream, undefined);
    this.#closed.add(stream);
    this.#changes.push({
      stream,
      fact: { name: event.name, fields: event.fields ?? {} },
      closes: true,
    });
  }

  /** Folds changes into a user's record and records them as one event. */
  changeUser(userId: UserId, changes: readonly UserChange[]): UserRecord {
    const before = this.user(userId);
    const after = changes.reduce(applyUserChange, before);
    if (changes.length > 0) {
      const told = this.isSabotaged('silent-user-change') ? changes.slice(1) : changes;
      this.write(userStream(userId), { name: 'UserChanged', fields: { changes: told } }, after);
    }
    return after;
  }

  /**
   * Hands a post over; it leaves after the commit. One with ciphertext is kept in the outbox until it
   * is answered; an empty one is not, since its send stream tells all there is to it.
   */
  post(post: Post, origin: PostOrigin): void {
    if (post.envelopes.length > 0) this.#outboxPut.push({ post, origin });
    this.#effects.push({ type: 'post', post, origin });
  }

  postDone(postId: PostId): void {
    if (!this.isSabotaged('keep-answered-post')) this.#outboxDone.push(postId);
  }

  deliver(item: InboxItem): void {
    this.#inboxPut.push(item);
    this.#effects.push({ type: 'deliver', item });
  }

  effect(effect: Effect): void {
    this.#effects.push(effect);
  }

  consume(secrets: readonly Secret[]): void {
    this.#consumed.push(...secrets);
  }

  /** Has an input decided within the same commit. */
  andThen(input: Input): void {
    this.#next.push(input);
  }

  newPostId(): PostId {
    return postIdFromBytes(this.env.entropy(16));
  }

  newEnvelopeId(): EnvelopeId {
    return envelopeIdFromBytes(this.env.entropy(16));
  }

  /** The decision as data. */
  decided(): DecideResult {
    const decision: Decision = {
      changes: this.#changes,
      outboxPut: this.#outboxPut,
      outboxDone: this.#outboxDone,
      inboxPut: this.#inboxPut,
      effects: this.#effects,
      consumed: this.#consumed,
      next: this.#next,
      loads: this.#loads,
    };
    return { kind: 'decided', decision };
  }
}

/** Asks for streams first. */
export const needMore = (streams: readonly StreamId[]): DecideResult => ({
  kind: 'needMore',
  streams,
});

/** Refuses an input; nothing was changed. */
export const refused = (code: RejectionCode): DecideResult => ({
  kind: 'refused',
  rejection: { code },
});
