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
import { INITIATIONS_PER_HOUR, SKIP_BYTES_PER_HOUR } from './limits.ts';
import type { OwnDevice } from './own-device.ts';
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
}

/** Broken variants of the engine, for laws that must catch them. Production passes none. */
export type Sabotage =
  /** A refused round counts as taken. */
  | 'drop-rejected-round'
  /** Rounds go to removed devices too. */
  | 'send-to-stale'
  /** No copy goes to the sender's other devices. */
  | 'skip-own-devices'
  /** A chain is not moved on by what was encrypted with it. */
  | 'rewind-chain'
  /** Nothing is remembered as received. */
  | 'forget-dedupe'
  /** Every initiation message begins a session, also one of a known session. */
  | 'new-session-each-initiation'
  /** A message on an inactive session leaves it inactive. */
  | 'ignore-session-activation'
  /** A used one-time prekey stays. */
  | 'keep-one-time-key'
  /** A used one-time KEM prekey stays. */
  | 'keep-one-time-kem-key'
  /** What was accepted with the last resort alone is not remembered. */
  | 'forget-agreements'
  /** What cannot be read is acknowledged and not asked for again. */
  | 'drop-damaged-mail'
  /** A key in a header replaces the pinned one, before anything vouches for it. */
  | 'trust-any-identity'
  /** One device's receipt counts for all devices of its user. */
  | 'receipt-from-anyone'
  /** A send that is done with keeps its plaintext. */
  | 'keep-settled-send'
  /** A message is encrypted again with the session that failed. */
  | 'resend-on-same-session'
  | 'resend-without-limit'
  /** Whoever names an envelope gets its message. */
  | 'resend-to-anyone'
  /** A device may ask for the copies of its user's other devices beside its own. */
  | 'resend-copies-of-others'
  /** A record changes without an event that says so. */
  | 'silent-user-change'
  /** A peer may fill the log with skipped keys. */
  | 'skip-without-limit'
  /** What proves that the state was put back proves nothing. */
  | 'ignore-heads'
  /** One user's sessions of before go on sending after a quarantine. */
  | 'quarantine-spares-a-session'
  /** Old sessions and records go without a fetch of the mailbox. */
  | 'delete-before-fetch'
  /** Another key than the pinned one takes its place, unasked. */
  | 'take-offered-key'
  | 'trust-any-signer'
  | 'vouch-for-ever'
  | 'keep-removed-keys'
  /** Mail to a user whose key changed is given up. */
  | 'drop-held-mail'
  /** No policy holds anything. */
  | 'never-hold'
  /** What waits for a key stays, whatever the application says. */
  | 'keep-held-mail'
  /** Whoever asks for mail again gets a new session each time. */
  | 'heal-without-limit'
  /** A device that only hears never answers. */
  | 'never-turn'
  /** A session sends for ever. */
  | 'send-on-old-session'
  /** The next identity key is sealed to the one before, which the removed device has too. */
  | 'seal-to-former-identity'
  /** A list under another own identity key is taken whoever signed it. */
  | 'take-any-succession'
  /** Sessions with own devices outlive the identity key that they began under. */
  | 'keep-sessions-in-succession'
  /** Copies for own devices are given up where the relay shows another own identity key. */
  | 'drop-own-copies'
  /** Prekeys stay as they are when the identity key is another. */
  | 'keep-keys-in-succession'
  /** A name is given, and nobody told. */
  | 'untold-name'
  /** Of two names the one that was told last stays. */
  | 'last-told-name'
  /** Whoever tells an old name is left with it. */
  | 'never-answer-names'
  /** What a commit would change is taken for true before it is durable. */
  | 'adopt-before-commit'
  /** A round after a refused one does not move its chains on. */
  | 'rewind-rejected-round'
  /** A first message that does not open uses its one-time prekey up all the same. */
  | 'burn-forged-prekey'
  /** The session before the active one encrypts. */
  | 'send-on-inactive-session'
  /** A session that is in no record any more keeps its keys. */
  | 'keep-dropped-session'
  /** No sweep finds anything that is over. */
  | 'keep-stale'
  /** A send that nobody receipts keeps its plaintext for ever. */
  | 'keep-expired-send'
  /** A prekey that was replaced is kept for ever. */
  | 'keep-old-pre-keys'
  /** A block of skipped keys outlives the last of its keys. */
  | 'keep-skipped-blocks'
  /** Rounds go to devices too that no list names. */
  | 'send-to-unlisted'
  /** A post stays in the outbox after its answer. */
  | 'keep-answered-post'
  /** A session that a peer begins is not answered on. */
  | 'retire-accepted-session'
  /** A list that was just fetched is fetched again. */
  | 'ask-lists-for-ever'
  /** Keys are fetched for sessions that are there, and no round counts it. */
  | 'claim-for-ever'
  /** What an own device sent is given to the application as its recipient's. */
  | 'misattribute-copy';

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
      (stream) => !this.isClosed(stream),
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
