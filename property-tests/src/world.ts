/**
 * Several devices and a relay in one process, driven step by step: real engines over real logs in
 * memory, the relay's real decisions over its memory store. Only the sockets are missing.
 */

import { encodeUtf8, invariant } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import type { Crypto, Entropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { DeviceCore } from '@simsim/device-core';
import type { CoreInput, OutboxItem, RunResult } from '@simsim/device-core';
import { createEventLog, createMemoryStore, createMemoryVault, openEventLog } from '@simsim/event-log';
import type { EventLog, MemoryStore, MemoryVault } from '@simsim/event-log';
import { decide, sliceFor } from '@simsim/relay/core';
import type { RelayEnv, RelayStore } from '@simsim/relay/core';
import { createMemoryStore as createRelayStore } from '@simsim/relay/memory';
import { claimIdFromBytes, messageIdFromBytes, parseUserId } from '@simsim/relay-protocol';
import type { IncomingEnvelope, MessageId, RelayAnswer, RelayRequest, UserId } from '@simsim/relay-protocol';
import {
  answerOffer,
  createLinkOffer,
  DEVICE_STREAM,
  listWithout,
  oneTimeStream,
  openProvision,
  PRE_KEYS_STREAM,
  registrationRequest,
  uploadOf,
  USER_PREFIX,
  userStream,
} from '@simsim/sesame';
import type {
  Effect,
  InboxItem,
  OneTimeBatch,
  OwnDevice,
  PreKeys,
  Sabotage,
  UserRecord,
} from '@simsim/sesame';

/** How a world is set up. */
export interface WorldOptions {
  readonly seed: number;
  readonly crypto?: Crypto;
  readonly sabotage?: readonly Sabotage[];
  readonly oneTimeKeys?: number;
}

/** A user id that is surely one. */
export function user(name: string): UserId {
  const parsed = parseUserId(name);
  invariant(parsed.ok, 'tests name users well');
  return parsed.value;
}

/** A relay and its devices. */
export class World {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly relay: RelayStore = createRelayStore();
  readonly devices: TestDevice[] = [];
  readonly options: WorldOptions;
  nowMs = 1_700_000_000_000;

  constructor(options: WorldOptions) {
    this.options = options;
    this.crypto = options.crypto ?? nodeCrypto;
    this.entropy = seededEntropy(encodeUtf8(`world ${options.seed}`), this.crypto);
  }

  /** Makes a user with one device. */
  create(name: string): TestDevice {
    const device = new TestDevice(this);
    device.run({ type: 'create', userId: user(name), oneTimeKeys: this.options.oneTimeKeys ?? 5 });
    device.register();
    this.devices.push(device);
    return device;
  }

  /** Links a further device through an existing one. */
  link(approver: TestDevice): TestDevice {
    const { keys, offer } = createLinkOffer(this);
    approver.learnOwnList();
    const answer = answerOffer(approver.ownListInput(), { offer, contacts: approver.contacts() }, this);
    invariant(answer.ok, 'an honest offer is answered');
    const provision = openProvision({ keys, offer, ciphertext: answer.value.ciphertext }, this.crypto);
    invariant(provision.ok, 'an honest answer opens');
    const device = new TestDevice(this);
    const { registrationId } = offer;
    device.run({
      type: 'linked',
      provision: provision.value,
      deviceKey: keys.deviceKey,
      registrationId,
      oneTimeKeys: this.options.oneTimeKeys ?? 5,
    });
    device.register();
    this.devices.push(device);
    return device;
  }

  /** Removes a device; its mailbox goes with it. */
  remove(remover: TestDevice, removed: TestDevice): void {
    remover.learnOwnList();
    const list = listWithout(remover.ownListInput(), removed.own().deviceId, this);
    invariant(list.ok, 'an own device can be removed');
    remover.ask({ kind: 'removeDevice', list: list.value });
    remover.run({ type: 'listLearned', list: list.value });
    this.devices.splice(this.devices.indexOf(removed), 1);
  }

  /** Asks the relay, as a device or as nobody. */
  ask(request: RelayRequest, token?: Uint8Array): RelayAnswer {
    const env: RelayEnv = {
      nowMs: this.nowMs,
      crypto: this.crypto,
      entropy: this.entropy,
      policy: { registration: 'open', mailboxCountMax: 100_000, mailboxBytesMax: 1 << 30 },
    };
    const call = token === undefined ? { request } : { request, tokenHash: this.crypto.digest([token]) };
    const outcome = this.relay.transact((transaction) => {
      const decision = decide(transaction.read(sliceFor(call)), call, env);
      transaction.apply(decision.changes);
      return decision.outcome;
    });
    invariant(outcome.ok, `the relay answers ${request.kind}: ${outcome.ok ? '' : outcome.error.code}`);
    return outcome.value;
  }

  /** Lets everybody post, fetch and answer until nothing moves; bounded. */
  settle(): void {
    for (let round = 0; round < 200; round++) {
      let isMoving = false;
      for (const device of this.devices) {
        if (device.work()) isMoving = true;
        if (device.receive(device.fetch())) isMoving = true;
      }
      if (!isMoving) return;
    }
    invariant(false, 'a world at peace settles');
  }
}

/** One device with its log in memory and its posts and mail under the test's control. */
export class TestDevice {
  readonly world: World;
  readonly store: MemoryStore;
  readonly vault: MemoryVault;
  log: EventLog;
  core: DeviceCore;
  /** Every message the application was given, once per delivery. */
  readonly delivered: InboxItem[] = [];
  readonly effects: Effect[] = [];
  #posts: OutboxItem[] = [];
  #claims: Extract<Effect, { type: 'claim' }>[] = [];
  #acks: number[] = [];

  constructor(world: World) {
    this.world = world;
    const { crypto, entropy } = world;
    this.store = createMemoryStore();
    this.vault = createMemoryVault({ crypto, entropy });
    const log = createEventLog({ store: this.store, vault: this.vault, crypto, entropy });
    invariant(log.ok, 'an empty store takes a log');
    this.log = log.value;
    this.core = this.#newCore();
  }

  #newCore(): DeviceCore {
    const { crypto, entropy, options } = this.world;
    return new DeviceCore({
      log: this.log,
      crypto,
      entropy,
      clock: () => ({ wallMs: this.world.nowMs++, elapsedMs: this.world.nowMs, bootId: 'test' }),
      sabotage: new Set(options.sabotage ?? []),
    });
  }

  /** Loses all memory and opens the same log again; posts in flight are sent again. */
  restart(): void {
    const { crypto, entropy } = this.world;
    const log = openEventLog({ store: this.store, vault: this.vault, crypto, entropy });
    invariant(log.ok, 'a log opens again');
    this.log = log.value;
    this.core = this.#newCore();
    this.#posts = [...this.core.outbox()];
    this.#claims = [];
    this.#acks = [];
    this.run({ type: 'started' });
  }

  /** Decides inputs in one commit and sorts the effects. */
  run(...inputs: CoreInput[]): RunResult {
    const result = this.core.run(inputs);
    for (const effect of result.effects) {
      this.effects.push(effect);
      if (effect.type === 'post') this.#posts.push(effect);
      if (effect.type === 'claim') this.#claims.push(effect);
      if (effect.type === 'acknowledge') this.#acks.push(effect.seq);
      if (effect.type === 'deliver') this.delivered.push(effect.item);
    }
    return result;
  }

  send(to: readonly string[], text: string): MessageId {
    const messageId = messageIdFromBytes(this.world.entropy(16));
    const body = new TextEncoder().encode(text);
    this.run({ type: 'send', messageId, to: to.map(user), body });
    return messageId;
  }

  /** Texts delivered so far, in order. */
  texts(): string[] {
    return this.delivered.map((item) => new TextDecoder().decode(item.body));
  }

  /** Posts and claims what is waiting. True if anything was. */
  work(): boolean {
    const posts = this.takePosts();
    const claims = this.#claims.splice(0);
    for (const item of posts) this.post(item);
    for (const claim of claims) this.claim(claim);
    return posts.length + claims.length > 0;
  }

  takePosts(): OutboxItem[] {
    return this.#posts.splice(0);
  }

  /** Hands one post to the relay and takes its answer in. */
  post(item: OutboxItem): void {
    const answer = this.ask({ kind: 'post', posts: [item.post] });
    const result = answer.kind === 'post' ? answer.results[0] : undefined;
    invariant(result !== undefined, 'a post has a result');
    this.run({ type: 'posted', postId: item.post.postId, origin: item.origin, result });
  }

  claim({ userId, devices, sends, resends }: Extract<Effect, { type: 'claim' }>): void {
    const claimId = claimIdFromBytes(this.world.entropy(16));
    const answer = this.ask({ kind: 'claimKeys', claimId, userId, devices: [...devices].sort((a, b) => a - b) });
    invariant(answer.kind === 'claimKeys', 'a claim is answered');
    this.run({ type: 'claimed', userId, results: answer.results, sends, resends });
  }

  /** What waits in the mailbox; nothing is removed. */
  fetch(): readonly IncomingEnvelope[] {
    const answer = this.ask({ kind: 'fetch', after: 0, limit: 64 });
    return answer.kind === 'fetch' ? answer.envelopes : [];
  }

  /** Takes envelopes in and acknowledges what is done with. True if there were any. */
  receive(envelopes: readonly IncomingEnvelope[]): boolean {
    if (envelopes.length > 0) {
      this.run(...envelopes.map((envelope) => ({ type: 'envelope', envelope }) as const));
    }
    if (this.#acks.length > 0) this.ask({ kind: 'ack', seqs: this.#acks.splice(0) });
    const pending = this.core.inbox();
    for (const item of pending) this.run({ type: 'acknowledged', envelopeId: item.envelopeId, put: [] });
    return envelopes.length > 0 || pending.length > 0;
  }

  ask(request: RelayRequest): RelayAnswer {
    return this.world.ask(request, this.world.crypto.exportSecret(this.own().token));
  }

  register(): void {
    const answer = this.world.ask({ kind: 'nonce' });
    invariant(answer.kind === 'nonce', 'a nonce is given');
    const preKeys = this.core.reader().load(PRE_KEYS_STREAM).value as PreKeys;
    const batches = preKeys.batches.map((id) => this.core.reader().load(oneTimeStream(id)).value as OneTimeBatch);
    const keys = uploadOf(preKeys, batches);
    const request = registrationRequest(this.own(), { nonce: answer.nonce, keys }, this.world);
    invariant(request !== undefined, 'a new device has a registration');
    this.world.ask(request);
    this.run({ type: 'registered' });
  }

  own(): OwnDevice {
    return this.core.reader().load(DEVICE_STREAM).value as OwnDevice;
  }

  record(name: string): UserRecord {
    return this.core.reader().load(userStream(user(name))).value as UserRecord;
  }

  ownListInput(): { own: OwnDevice; record: UserRecord } {
    return { own: this.own(), record: this.record(this.own().userId) };
  }

  contacts(): { userId: UserId; identityKey: Uint8Array }[] {
    return this.log.streamsWithPrefix(USER_PREFIX).flatMap((stream) => {
      const { userId, identityKey } = this.core.reader().load(stream).value as UserRecord;
      return identityKey === undefined ? [] : [{ userId, identityKey }];
    });
  }

  learnOwnList(): void {
    const { userId } = this.own();
    const answer = this.world.ask({ kind: 'getList', userId, since: this.record(userId).listVersion });
    if (answer.kind === 'getList' && answer.result.kind === 'list') {
      this.run({ type: 'listLearned', list: answer.result.list });
    }
  }
}
