/** One device of a world, with its posts, claims and mail under the test's control. */

import { encodeUtf8, invariant } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { DeviceCore } from '@simsim/device-core';
import type { CoreInput, OutboxItem, RunResult } from '@simsim/device-core';
import { createEventLog, createMemoryVault, openEventLog } from '@simsim/event-log';
import type { EventLog, MemoryVault } from '@simsim/event-log';
import { claimIdFromBytes, messageIdFromBytes } from '@simsim/relay-protocol';
import type {
  EnvelopeId,
  IncomingEnvelope,
  MessageId,
  PostResult,
  RelayAnswer,
  RelayOutcome,
  RelayRequest,
  UserId,
} from '@simsim/relay-protocol';
import { DEVICE_STREAM, registrationRequest, userStream } from '@simsim/sesame';
import type {
  Clock,
  Effect,
  InboxItem,
  OwnDevice,
  RollbackEvidence,
  TrustPolicy,
  UserRecord,
} from '@simsim/sesame';
import { expect } from 'vitest';
import { createFaultyStore, orDie } from './faulty-store.ts';
import type { FaultyStore } from './faulty-store.ts';
import { keptRows, stateOf } from './log-state.ts';
import type { DeviceImage, TestDeviceOptions, Watcher } from './device-options.ts';
import { checkKeys, followUp, proveDevice, uploadFor, uploadKeys } from './shell.ts';
import type { Journal } from './journal.ts';

type Claim = Extract<Effect, { type: 'claim' }>;
type ListFetch = Extract<Effect, { type: 'fetchList' | 'succeed' }>;
type KeyUpload = Extract<Effect, { type: 'uploadKeys' }>;
type Drain = Extract<Effect, { type: 'drain' }>;

/** What surrounds a device: a relay, time, and the devices around it. */
interface Surroundings {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly options: TestDeviceOptions;
  readonly journal: Journal<TestDevice>;
  /** Devices that are listed. */
  readonly devices: readonly TestDevice[];
  nowMs: number;
  readonly wallSkewMs: number;
  devicesOf(userId: UserId): readonly TestDevice[];
  ask(request: RelayRequest, token?: Uint8Array): RelayAnswer;
  tryAsk(request: RelayRequest, token?: Uint8Array): RelayOutcome;
}

/** A device with its log in memory. */
export class TestDevice {
  readonly world: Surroundings;
  store: FaultyStore;
  vault: MemoryVault;
  log: EventLog;
  core: DeviceCore;
  /** Every message given to the application by effects of this process, once per delivery. */
  readonly delivered: InboxItem[] = [];
  readonly effects: Effect[] = [];
  /** Posts handed out by the engine whose answer has not come. */
  posts: OutboxItem[] = [];
  /** Key claims whose answer has not come. */
  claims: Claim[] = [];
  /** Envelopes that came to their end, of any process. */
  readonly done: Set<EnvelopeId> = new Set<EnvelopeId>();
  /** Everything ever fetched, for giving it again. */
  readonly history: IncomingEnvelope[] = [];
  #lists: ListFetch[] = [];
  #uploads: KeyUpload[] = [];
  #drains: Drain[] = [];
  #acks: number[] = [];
  #own: OwnDevice | undefined;
  #boots = 0;
  /** Whether the relay said in this opening that it knows nothing newer of this device. */
  isProven = false;
  readonly #clockErrorMs: number;
  /** What its application wants of keys. */
  readonly trust: TrustPolicy | undefined;
  watcher: Watcher | undefined;
  #expected: Uint8Array = new Uint8Array(32);

  /** A new device, or a process on a copy of another one's files. */
  constructor(world: Surroundings, from?: DeviceImage) {
    this.world = world;
    const { crypto, entropy, options } = world;
    this.#clockErrorMs = options.clockErrorsMs?.[world.devices.length] ?? 0;
    this.trust = from?.trust ?? options.trusts?.[world.devices.length] ?? options.trust;
    this.store = createFaultyStore(from?.store);
    this.vault = createMemoryVault({
      crypto,
      entropy,
      ...(from && { logId: from.logId, from: from.vault }),
    });
    const parts = { store: this.store, vault: this.vault, crypto, entropy };
    const log =
      from === undefined ? createEventLog(parts) : openEventLog(parts, { onRollback: 'accept' });
    invariant(log.ok, 'an empty store takes a log, and a copy opens');
    this.log = log.value;
    this.core = this.#newCore();
  }

  image(): DeviceImage {
    const { trust } = this;
    return { store: this.store.image(), vault: this.vault.image(), logId: this.log.logId, trust };
  }

  /** Is killed, and its files are put back to what they were: all, or only the log or the vault. */
  restore(image: DeviceImage, what: 'log' | 'vault' | 'both'): void {
    const now = this.image();
    this.#reopen({
      ...now,
      ...(what === 'vault' ? {} : { store: image.store }),
      ...(what === 'log' ? {} : { vault: image.vault }),
    });
    this.start();
  }

  /** What a process does first. */
  start(): void {
    this.posts = [...this.core.outbox()];
    this.claims = [];
    this.#acks = [];
    this.#lists = [];
    this.#uploads = [];
    this.#drains = [];
    this.isProven = false;
    const { rollback } = this.log;
    if (rollback !== undefined) {
      const { kind: source, seen, found, lostStreams: lost } = rollback;
      this.run({ type: 'rolledBack', source, seen, found, lost });
      this.log.flush();
    }
    this.run({ type: 'started' });
  }

  #newCore(): DeviceCore {
    this.#boots++;
    const { crypto, entropy, options } = this.world;
    return new DeviceCore({
      log: this.log,
      crypto,
      entropy,
      clock: () => this.#clock(),
      sabotage: new Set(options.sabotage ?? []),
      ...(options.expiry && { expiry: options.expiry }),
      ...(this.trust && { trust: this.trust }),
    });
  }

  #clock(): Clock {
    const { world } = this;
    world.nowMs++;
    return {
      wallMs: world.nowMs + world.wallSkewMs + this.#clockErrorMs,
      elapsedMs: world.nowMs,
      bootId: `boot ${this.#boots}`,
    };
  }

  get userId(): UserId {
    return this.own().userId;
  }

  /** The same for every process on a copy of the device. */
  get address(): string {
    return `${this.userId}.${this.own().deviceId}`;
  }

  get label(): string {
    return `${this.address}/${this.own().registrationId}`;
  }

  freshOwn(): OwnDevice {
    this.#own = undefined;
    return this.own();
  }

  own(): OwnDevice {
    this.#own ??= this.core.reader().value('device', DEVICE_STREAM);
    invariant(this.#own !== undefined, 'a device is made before it is asked');
    return this.#own;
  }

  /** Is killed and starts again on what was durable: all commits, and the vault's last flush. */
  restart(): void {
    this.#reopen();
    this.start();
  }

  #reopen(image: DeviceImage = this.image()): void {
    const { crypto, entropy } = this.world;
    const { logId } = this.log;
    this.store = createFaultyStore(image.store);
    this.vault = createMemoryVault({ crypto, entropy, logId, from: image.vault });
    const log = openEventLog(
      { store: this.store, vault: this.vault, crypto, entropy },
      { onRollback: 'accept' },
    );
    invariant(log.ok, 'a log opens again');
    this.log = log.value;
    this.core = this.#newCore();
    this.#own = undefined;
  }

  /**
   * Decides inputs in one commit and sorts the effects. `undefined` where a fault in waiting killed
   * the process: it is up again then, and the inputs are the caller's to repeat.
   */
  run(...inputs: CoreInput[]): RunResult | undefined {
    const { rehearsal } = this.world.options;
    if (rehearsal === 'before') this.#rehearse(inputs);
    if (rehearsal === 'moved') this.store.fault ??= 'moved';
    const result = this.#runOrDie(inputs);
    this.watcher?.ran(inputs, result);
    if (result === undefined) {
      this.restart();
      return undefined;
    }
    for (const effect of result.effects) this.#take(effect);
    return result;
  }

  /** Dies in the commit of these inputs, which must leave no trace. */
  #rehearse(inputs: readonly CoreInput[]): void {
    const { fault } = this.store;
    const { posts, claims } = this;
    const before = stateOf(this.log);
    this.store.fault = 'before';
    const result = this.#runOrDie(inputs);
    this.store.fault = undefined;
    // Nothing to commit is nothing to fail: those inputs only had effects, or were refused.
    if (result === undefined) this.#reopen();
    expect(stateOf(this.log)).toEqual(before);
    expect(this.core.outbox().length).toBe(this.log.outbox().length);
    expect(this.core.inbox().length).toBe(this.log.inbox().length);
    this.store.fault = fault;
    Object.assign(this, { posts, claims });
  }

  /** The vault follows the log; a fault in waiting may kill the process before it does. */
  flush(): void {
    const isAlive = orDie(() => {
      this.log.flush();
      return true;
    });
    if (isAlive !== true) this.restart();
  }

  #runOrDie(inputs: readonly CoreInput[]): RunResult | undefined {
    return orDie(() => this.core.run(inputs));
  }

  #take(effect: Effect): void {
    this.effects.push(effect);
    if (effect.type === 'post') this.posts.push(effect);
    if (effect.type === 'claim') this.claims.push(effect);
    if (effect.type === 'deliver') this.delivered.push(effect.item);
    if (effect.type === 'fetchList' || effect.type === 'succeed') this.#lists.push(effect);
    if (effect.type === 'uploadKeys') this.#uploads.push(effect);
    if (effect.type === 'drain') this.#drains.push(effect);
    if (effect.type === 'sweepOn') this.run({ type: 'swept', after: effect.after });
    if (effect.type === 'tellContacts') this.run({ type: 'tellContacts' });
    if (effect.type === 'rolledBack') this.#quarantined();
    if (effect.type !== 'acknowledge') return;
    this.#acks.push(effect.seq);
    this.done.add(effect.envelopeId);
  }

  #quarantined(): void {
    this.isProven = false;
    this.posts = [];
    this.claims = [];
    this.#own = undefined;
  }

  /** Evidence that led to a quarantine, oldest first. */
  rollbacks(): RollbackEvidence[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'rolledBack' ? [effect.evidence] : [],
    );
  }

  /** Whether this device may speak; see {@link proveDevice}. */
  prove(): boolean {
    if (this.isProven || this.world.options.skipsProof === true) return true;
    const expected = proveDevice(this);
    if (expected !== undefined) this.#expected = expected;
    this.isProven = expected !== undefined;
    if (this.isProven) checkKeys(this);
    return this.isProven;
  }

  /** Sends, and sends again with the same id if the process died under it. */
  send(to: readonly UserId[], text: string): MessageId {
    const messageId = messageIdFromBytes(this.world.entropy(16));
    this.world.journal.sent.set(messageId, { text, from: this, to });
    const input = { type: 'send', messageId, to, body: encodeUtf8(text) } as const;
    if (this.run(input) === undefined) this.run(input);
    return messageId;
  }

  texts(): string[] {
    return this.delivered.map((item) => new TextDecoder().decode(item.body));
  }

  /** Posts and claims all that waits, and fetches lists. True if there was anything. */
  work(): boolean {
    // What was given up meanwhile does not leave.
    this.posts = this.posts.filter((item) => this.core.isOwed(item));
    const { posts, claims } = this;
    const isBusy = posts.length + claims.length + this.#lists.length > 0;
    for (const item of posts) this.post(item);
    for (const claim of claims) this.claim(claim);
    this.fetchLists();
    return isBusy;
  }

  /** Hands a post to the relay and takes its answer in. */
  post(item: OutboxItem): void {
    const result = this.#offer(item);
    this.posts = this.posts.filter((each) => each.post.postId !== item.post.postId);
    if (result === undefined) return;
    const { postId } = item.post;
    this.run({ type: 'posted', postId, origin: item.origin, result });
  }

  /** Hands a post to the relay; its answer is lost on the way back. */
  handOver(item: OutboxItem): PostResult {
    const result = this.#offer(item);
    invariant(result !== undefined, 'a device that was not put back may post');
    return result;
  }

  /** `undefined` where the post may not leave any more. */
  #offer(item: OutboxItem): PostResult | undefined {
    if (!this.prove()) return undefined;
    // A quarantine keeps no ciphertext.
    const isThere = this.posts.some(({ post }) => post.postId === item.post.postId);
    if (this.rollbacks().length > 0 && !isThere) return undefined;
    const { post, origin } = item;
    const head = this.core.head();
    const isBlind = this.world.options.skipsProof === true;
    const from = isBlind ? {} : { from: { head, expected: this.#expected } };
    const outcome = this.tryAsk({ kind: 'post', posts: [post], ...from });
    if (!outcome.ok) {
      const isMoved = outcome.error.code === 'HEAD_MOVED';
      invariant(isMoved, `a post is not refused as ${outcome.error.code}`);
      this.isProven = false;
      return this.#offer(item);
    }
    this.#expected = head.hash;
    this.world.journal.left(post);
    const result = outcome.value.kind === 'post' ? outcome.value.results[0] : undefined;
    invariant(result !== undefined, 'a post has a result');
    if (result.kind === 'accepted' && origin.type === 'round') {
      const listed = this.world
        .devicesOf(origin.userId)
        .filter((other) => other.address !== this.address);
      this.world.journal.took({ post, origin }, listed);
    }
    this.watcher?.offered(item, result);
    return result;
  }

  /** Fetches the keys of a claim and takes them in. */
  claim(claim: Claim): void {
    if (!this.prove()) return;
    const { userId, sends, resends } = claim;
    const claimId = claimIdFromBytes(this.world.entropy(16));
    const devices = [...claim.devices].sort((a, b) => a - b);
    this.claims = this.claims.filter((each) => each !== claim);
    const answer =
      devices.length === 0 ? undefined : this.ask({ kind: 'claimKeys', claimId, userId, devices });
    const results = answer?.kind === 'claimKeys' ? answer.results : [];
    this.run({ type: 'claimed', userId, results, sends, resends });
  }

  /** Fetches the lists that envelopes of unknown devices wait for, and decides those again. */
  fetchLists(): void {
    for (const wanted of this.#lists.splice(0)) followUp(this, wanted);
  }

  /** Time is told to have passed; the mailbox is fetched as a whole where that is asked for. */
  sweep(): void {
    this.run({ type: 'swept' });
    if (this.#drains.length === 0) return;
    while (this.receive(this.fetch())) this.fetchLists();
    for (const { dueMs, users } of this.#drains.splice(0)) {
      this.run({ type: 'drained', dueMs, users });
    }
  }

  /** Makes one-time prekeys up to a target, as if the relay had none left, and uploads them. */
  replenish(target: number): void {
    this.run({ type: 'replenish', count: 0, kemCount: 0, target });
    this.upload();
  }

  /** Uploads prekeys that are wanted at the relay, and takes its word for it. */
  upload(): void {
    for (const upload of this.#uploads.splice(0)) uploadKeys(this, upload);
  }

  /** What waits in the mailbox; nothing is removed. */
  fetch(): readonly IncomingEnvelope[] {
    if (!this.prove()) return [];
    const answer = this.ask({ kind: 'fetch', after: 0, limit: 64 });
    const envelopes = answer.kind === 'fetch' ? answer.envelopes : [];
    this.history.push(...envelopes);
    return envelopes;
  }

  /** Takes envelopes in, all the way to the application. True if there were any. */
  receive(envelopes: readonly IncomingEnvelope[]): boolean {
    this.takeIn(envelopes);
    const pending = this.core.inbox();
    this.acknowledge(pending);
    return envelopes.length > 0 || pending.length > 0;
  }

  /** Decides envelopes in one commit and acknowledges to the relay what is done with. */
  takeIn(envelopes: readonly IncomingEnvelope[]): void {
    if (envelopes.length > 0) {
      this.run(...envelopes.map((envelope) => ({ type: 'envelope', envelope }) as const));
    }
    if (this.#acks.length > 0 && this.prove())
      this.ask({ kind: 'ack', seqs: this.#acks.splice(0) });
  }

  /** The application keeps messages: its row counts how often it did, in the same commit. */
  acknowledge(items: readonly InboxItem[]): void {
    for (const item of items) {
      const key = `chat/${item.messageId}`;
      const count = (this.log.data(key)?.[0] ?? 0) + 1;
      const line = `${item.sender}: ${new TextDecoder().decode(item.body)}`;
      const value = Uint8Array.of(count, ...encodeUtf8(line));
      this.run({ type: 'acknowledged', envelopeId: item.envelopeId, put: [[key, value]] });
    }
  }

  /** See {@link keptRows}. */
  kept(): ReturnType<typeof keptRows> {
    return keptRows(this.log);
  }

  tryAsk(request: RelayRequest): RelayOutcome {
    return this.world.tryAsk(request, this.world.crypto.exportSecret(this.own().token));
  }

  ask(request: RelayRequest): RelayAnswer {
    return this.world.ask(request, this.world.crypto.exportSecret(this.own().token));
  }

  register(): void {
    this.enrol();
    this.run({ type: 'registered' });
    this.#own = undefined;
  }

  /** Registers at the world's relay, without noting that it did. */
  enrol(): void {
    const request = registrationRequest(this.own(), uploadFor(this), this.world);
    invariant(request !== undefined, 'a new device has a registration');
    this.world.ask(request);
  }

  record(userId: UserId): UserRecord {
    const known = this.core.reader().value('user', userStream(userId));
    const empty = { userId, listVersion: 0, listHash: new Uint8Array(32), devices: new Map() };
    return known ?? empty;
  }

  ownListInput(): { own: OwnDevice; record: UserRecord } {
    return { own: this.own(), record: this.record(this.own().userId) };
  }

  learnOwnList(): void {
    const { userId } = this.own();
    const since = this.record(userId).listVersion;
    const answer = this.world.ask({ kind: 'getList', userId, since });
    if (answer.kind === 'getList' && answer.result.kind === 'list') {
      this.run({ type: 'listLearned', list: answer.result.list });
    }
  }
}
