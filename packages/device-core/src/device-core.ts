/**
 * The one commit path: load, decide, commit once, adopt, wipe, release.
 *
 * Call `run` with what happened, in order; it commits all of it in one transaction and answers the
 * effects to carry out. After a start, call `run([{ type: 'started' }])` and carry out what is
 * pending. Getters never change anything. Synchronous; one call at a time.
 */

import { equalBytes, invariant } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import type { EventLog } from '@simsim/event-log';
import type { DeviceHead, DeviceId, EnvelopeId, MessageId, UserId } from '@simsim/relay-protocol';
import { decide, deviceTime, DEVICE_STREAM, signedHead, sendStream, TODAY } from '@simsim/sesame';
import type {
  Clock,
  Effect,
  EngineEnv,
  InboxItem,
  Input,
  LogPlace,
  Rejection,
  Release,
  Sabotage,
  SessionExpiry,
  TrustPolicy,
} from '@simsim/sesame';
import { Batch, chainOf } from './batch.ts';
import type { DataPut } from './batch.ts';
import { beginForgetting, forgetPart } from './forget-history.ts';
import type { ForgetProgress, ForgottenHistory } from './forget-history.ts';
import { decodeInboxItem } from './inbox-codec.ts';
import { withOwnIds } from './inbox-id.ts';
import { decodeOutboxItem } from './outbox-codec.ts';
import type { OutboxItem } from './outbox-codec.ts';
import { PeerLoads } from './peer-loads.ts';
import { StreamCache } from './stream-cache.ts';

/** The application is done with a message; its own rows go into the same commit. */
export interface AcknowledgedInput {
  readonly type: 'acknowledged';
  readonly envelopeId: EnvelopeId;
  readonly put: readonly DataPut[];
}

/** Everything a device reacts to. */
export type CoreInput = Input | AcknowledgedInput;

/** What became of one input. Its effects are among those of the run. */
export type CoreOutcome =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'refused';
      readonly rejection: Rejection | { readonly code: 'UNKNOWN_MESSAGE' };
    };

/** How much one run may do. */
export interface RunLimit {
  /**
   * Milliseconds after which no further input is decided; one always is. What is left over is the
   * caller's to run again. Default: all inputs, however long that takes.
   */
  readonly holdMs?: number;
}

/** What one run did, and the effects to release now that it is durable. */
export interface RunResult {
  /** One for each input in order; fewer than inputs only under a {@link RunLimit}. */
  readonly outcomes: readonly CoreOutcome[];
  readonly effects: readonly Effect[];
}

/** Named moments at which a test may kill the process; production passes no hook. */
export interface CoreChaos {
  at(site: string): void;
}

/** What a device core is made of. */
export interface DeviceCoreOptions {
  readonly log: EventLog;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly clock: () => Clock;
  readonly chaos?: CoreChaos;
  /** What evidence that the state was put back leads to. Default: `quarantine`. */
  readonly onEvidence?: 'quarantine' | 'refuse';
  /** What it takes to be sent to. Default: `tofu`. */
  readonly trust?: TrustPolicy;
  /** How long sessions live; made by `sessionExpiry`. */
  readonly expiry?: SessionExpiry;
  /** How events are written and read. Default: as this release does; another one is for simulations. */
  readonly release?: Release;
  readonly sabotage?: ReadonlySet<Sabotage>;
}

/** Rounds of loading one decision may ask for: streams, sessions, blocks, and one to spare each. */
const LOADS_MAX = 16;

/** The paths that have sites of their own: `<kind>:before-commit` and `<kind>:after-commit`. */
const CHAOS_KINDS: ReadonlyMap<CoreInput['type'], string> = new Map([
  ['send', 'send'],
  ['envelope', 'receive'],
  ['acknowledged', 'acknowledge'],
  ['posted', 'answer'],
  ['claimed', 'answer'],
]);

/** Commits tried again when another process moved the log's tip in between. */
const MOVES_MAX = 5;

/** A device without sockets, timers and files. */
export class DeviceCore {
  readonly log: EventLog;
  readonly #options: DeviceCoreOptions;
  readonly #cache: StreamCache;
  readonly #inbox = new Map<EnvelopeId, InboxItem>();
  readonly #outbox = new Map<OutboxItem['post']['postId'], OutboxItem>();
  readonly #loads = new PeerLoads();

  constructor(options: DeviceCoreOptions) {
    this.log = options.log;
    this.#options = options;
    this.#cache = new StreamCache(options.log, options.crypto);
    this.#readQueues();
  }

  /** Posts that the relay has not answered, oldest first. */
  outbox(): readonly OutboxItem[] {
    return [...this.#outbox.values()];
  }

  /**
   * Whether a post is still to be answered. One that was released before may have been given up since;
   * it must not leave any more.
   */
  isOwed({ post, origin }: OutboxItem): boolean {
    if (post.envelopes.length > 0 || origin.type !== 'round') return this.#outbox.has(post.postId);
    // Of an empty one only the send tells.
    const send = this.#cache.value('send', sendStream(origin.messageId));
    return send?.recipients.get(origin.userId)?.postId === post.postId;
  }

  /** Messages the application has not acknowledged, oldest first. */
  inbox(): readonly InboxItem[] {
    return [...this.#inbox.values()];
  }

  /** Device time now, ms: what ages are reckoned in. */
  nowMs(): number {
    return this.#deviceTime(this.#options.clock());
  }

  #deviceTime(now: Clock): number {
    const own = this.#cache.value('device', DEVICE_STREAM);
    return deviceTime(own?.time, now);
  }

  /** Signs where the log stands now: every event before it is durable. */
  head(): DeviceHead {
    return this.#headAt(this.log.tip());
  }

  /**
   * Signs where the log began. A relay that has any other head of this device keeps that one: given this,
   * it says what it has, and where its answer is lost it says the same again.
   */
  firstHead(): DeviceHead {
    const hash = this.log.link(1);
    return this.#headAt(hash === undefined ? this.log.tip() : { seq: 1, hash });
  }

  /** Whether a head is of this log, and of an event that it has. */
  isOfLog({ logId, seq, hash }: DeviceHead): boolean {
    const link = this.log.link(seq);
    return link !== undefined && equalBytes(link, hash) && equalBytes(logId, this.log.logId);
  }

  #headAt(tip: LogPlace): DeviceHead {
    const own = this.#cache.value('device', DEVICE_STREAM);
    invariant(own !== undefined, 'a device is made before it speaks of its log');
    const { crypto, clock } = this.#options;
    return signedHead({ own, chain: { ...chainOf(this.log), tip } }, clock().wallMs, crypto);
  }

  /** Reads streams as of the last commit, through the same cache as decisions do. */
  reader(): StreamCache {
    return this.#cache;
  }

  /**
   * Decides inputs in order and commits all that were decided at once.
   *
   * Throws: what the store throws when the medium fails; then nothing was adopted, the caller keeps
   * the inputs, and the log must be opened again.
   */
  run(inputs: readonly CoreInput[], limit: RunLimit = {}): RunResult {
    for (let tries = 0; tries < MOVES_MAX; tries++) {
      const clock = this.#options.clock();
      const batch = new Batch(this.log, this.#cache, {
        outbox: this.#outbox,
        loadOf: (peer) => this.#loads.of(peer, clock),
      });
      const outcomes = this.#decideAll(inputs, batch, limit);
      const isHasty = this.#options.sabotage?.has('adopt-before-commit') === true;
      if (isHasty) this.#adopt(batch);
      if (this.#commit(batch, inputs.slice(0, outcomes.length))) {
        this.#adopt(batch);
        return { outcomes, effects: batch.effects };
      }
      if (isHasty) continue;
      // Whoever wrote meanwhile may have put and ended queue rows too.
      this.#cache.clear();
      this.#outbox.clear();
      this.#inbox.clear();
      this.#readQueues();
    }
    invariant(false, 'the log moved under one owner again and again');
  }

  /** Begins to forget what the log says of a user: see {@link DeviceCore.forgetPart}. */
  beginForgetting(userId: UserId): ForgetProgress {
    return beginForgetting(userId, this.log);
  }

  /**
   * Forgets some of what the log says of a user, right after `forgetUser` was run, before each part: in
   * the end all of it, but for sends that are still owed to somebody else. `busy` where something new
   * began with that user meanwhile: run `forgetUser` and the same part again.
   *
   * Throws: as {@link DeviceCore.run}.
   */
  forgetPart(progress: ForgetProgress): ForgottenHistory | 'more' | 'busy' {
    const { release } = this.#options;
    return forgetPart(progress, { log: this.log, cache: this.#cache, release });
  }

  #decideAll(
    inputs: readonly CoreInput[],
    batch: Batch,
    { holdMs = Number.POSITIVE_INFINITY }: RunLimit,
  ): CoreOutcome[] {
    const { clock } = this.#options;
    const until = clock().elapsedMs + holdMs;
    const outcomes: CoreOutcome[] = [];
    const receipts = new Map<
      string,
      { userId: UserId; deviceId: DeviceId; messageIds: MessageId[] }
    >();
    for (const input of inputs) {
      if (outcomes.length > 0 && clock().elapsedMs >= until) break;
      if (input.type !== 'acknowledged') {
        outcomes.push(this.#decide(input, batch));
        continue;
      }
      const item = this.#inbox.get(input.envelopeId);
      if (item === undefined || batch.inboxDone.includes(input.envelopeId)) {
        outcomes.push({ kind: 'refused', rejection: { code: 'UNKNOWN_MESSAGE' } });
        continue;
      }
      batch.inboxDone.push(input.envelopeId);
      batch.data.push(...input.put);
      const key = `${item.sender}.${item.senderDevice}`;
      const owed = receipts.get(key) ?? {
        userId: item.sender,
        deviceId: item.senderDevice,
        messageIds: [],
      };
      owed.messageIds.push(item.messageId);
      receipts.set(key, owed);
      outcomes.push({ kind: 'done' });
    }
    for (const owed of receipts.values()) this.#decide({ type: 'sendReceipts', ...owed }, batch);
    return outcomes;
  }

  #decide(input: Input, batch: Batch): CoreOutcome {
    for (let loads = 0; loads < LOADS_MAX; loads++) {
      const result = decide(batch, input, this.#env());
      switch (result.kind) {
        case 'needMore':
          batch.loadAll(result.streams);
          break;
        case 'refused':
          return { kind: 'refused', rejection: result.rejection };
        case 'decided': {
          batch.add(
            withOwnIds(
              result.decision,
              this.#options.crypto,
              (id) => this.#inbox.has(id) || batch.holdsMail(id),
            ),
          );
          for (const next of result.decision.next) this.#decide(next, batch);
          return { kind: 'done' };
        }
      }
    }
    invariant(false, 'a decision asks for streams a bounded number of times');
  }

  #env(): EngineEnv {
    const { crypto, entropy, clock, sabotage, onEvidence, trust, expiry } = this.#options;
    return {
      crypto,
      entropy,
      clock: clock(),
      ...(trust === undefined ? {} : { trust }),
      ...(expiry === undefined ? {} : { expiry }),
      ...(onEvidence === undefined ? {} : { onEvidence }),
      ...(sabotage === undefined ? {} : { sabotage }),
    };
  }

  #commit(batch: Batch, inputs: readonly CoreInput[]): boolean {
    if (batch.isEmpty()) return true;
    const chaos = this.#options.chaos;
    if (chaos !== undefined)
      for (const kind of chaosKinds(inputs)) chaos.at(`${kind}:before-commit`);
    const { clock, release = TODAY } = this.#options;
    const now = clock();
    const times = { at: now.wallMs, agedTo: this.#deviceTime(now) };
    const logBatch = batch.toLogBatch(times, release);
    const result = this.log.commit(logBatch);
    for (const item of logBatch.inboxPut ?? []) item.body.fill(0);
    if (!result.ok) {
      invariant(result.error.code === 'MOVED', 'no decision writes to a closed stream');
      return false;
    }
    if (chaos !== undefined)
      for (const kind of chaosKinds(inputs)) chaos.at(`${kind}:after-commit`);
    return true;
  }

  #adopt(batch: Batch): void {
    batch.adopt();
    for (const load of batch.loads) this.#loads.add(load, this.#options.clock());
    for (const secret of batch.consumed) this.#options.crypto.wipe(secret);
    for (const [postId, item] of batch.outboxPut) this.#outbox.set(postId, item);
    for (const postId of batch.outboxDone) this.#outbox.delete(postId);
    for (const item of batch.inboxPut) this.#inbox.set(item.envelopeId, item);
    for (const envelopeId of batch.inboxDone) this.#inbox.delete(envelopeId);
    this.#cache.trim();
  }

  #readQueues(): void {
    for (const entry of this.log.outbox()) {
      const item = decodeOutboxItem(entry.body);
      this.#outbox.set(item.post.postId, item);
    }
    for (const entry of this.log.inbox()) {
      const item = decodeInboxItem(entry.body);
      entry.body.fill(0);
      this.#inbox.set(item.envelopeId, item);
    }
  }
}

function chaosKinds(inputs: readonly CoreInput[]): readonly string[] {
  const kinds = new Set<string>();
  for (const { type } of inputs) {
    const kind = CHAOS_KINDS.get(type);
    if (kind !== undefined) kinds.add(kind);
  }
  return [...kinds];
}
