/**
 * A device: sends to users, hands over what arrives, and keeps itself in order.
 *
 * Getters look; `send`, `approveLink`, `remove` and `close` are the application's verbs; mail and
 * events come through `messages()`, `messages$` and `health$`.
 */

import { setMaxListeners } from 'node:events';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import { err, invariant, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { CoreInput, OutboxItem } from '@simsim/device-core';
import type { MessageId, PostResult } from '@simsim/relay-protocol';
import type { Effect, InboxItem, OwnDevice } from '@simsim/sesame';
import { carryOut } from './carry-out.ts';
import type { Desks } from './carry-out.ts';
import { checkedIdentityKey, checkedRows } from './checked-arguments.ts';
import { checkedDeviceId, checkedMessageId, checkedUserId } from './checked-ids.ts';
import { ClaimDesk } from './claim-desk.ts';
import { CommitQueue } from './commit-queue.ts';
import { Drainer } from './drainer.ts';
import { examine } from './doctor.ts';
import type { DoctorReport } from './doctor.ts';
import { forgetUser } from './forget-user.ts';
import type { Forgotten } from './forget-user.ts';
import { FrameDesk } from './frame-desk.ts';
import { HeadTeller } from './head-teller.ts';
import type { CloseReason, DeviceStats, HealthEvent, RollbackNotice } from './health.ts';
import { inspectPeer } from './inspect.ts';
import type { PeerReport } from './inspect.ts';
import { openedRecord, recordOf, tellLogger } from './logger.ts';
import { toMessage } from './message.ts';
import type { AckOptions, Message } from './message.ts';
import { MessageStream } from './message-stream.ts';
import type { MessageHandler } from './message-stream.ts';
import type { DeviceParts } from './device-parts.ts';
import { OwnList, ownDevice } from './own-devices.ts';
import type { ApproveOptions, DeviceInfo, RemoveOptions } from './own-devices.ts';
import { PostPump } from './post-pump.ts';
import { Registrar } from './registrar.ts';
import { RelaySocket } from './relay-socket.ts';
import { SendDesk } from './send-desk.ts';
import type { SendOptions, SendReport } from './send-desk.ts';
import { failureError, refusalError, SessionError } from './session-error.ts';
import { Stats } from './stats.ts';
import { Standing } from './standing.ts';
import { endBy, letGo } from './store-end.ts';
import { sweepUntil } from './sweeper.ts';
import { TrustDesk } from './trust-desk.ts';
import type { Identity, ShownIdentity } from './trust.ts';
import { VaultKeeper } from './vault-keeper.ts';

/** An open device. */
export class Device {
  readonly user: string;
  readonly deviceId: number;
  /** Resolves when the device has stopped, whatever the reason. */
  readonly closed: Promise<CloseReason>;
  readonly #parts: DeviceParts;
  readonly #queue: CommitQueue;
  readonly #pump: PostPump;
  readonly #claims: ClaimDesk;
  readonly #sends: SendDesk;
  readonly #messages = new MessageStream();
  readonly #health = new Subject<HealthEvent>();
  readonly #socket: RelaySocket;
  readonly #vault: VaultKeeper;
  readonly #ownList: OwnList;
  readonly #registrar: Registrar;
  readonly #standing: Standing;
  readonly #heads: HeadTeller;
  readonly #abort = new AbortController();
  readonly #stats = new Stats();
  readonly #frames: FrameDesk;
  readonly #trust: TrustDesk;
  readonly #desks: Desks;
  readonly #storeFailed = (cause: unknown): void => void this.#stop(endBy(cause), cause);
  #resolveClosed: (reason: CloseReason) => void = () => undefined;
  #closing: Promise<void> | undefined;
  /** Thrown by whatever is asked of a device that has stopped. */
  #end: SessionError | undefined;

  /** Bug if the core holds no device; use `openDevice`. */
  constructor(parts: DeviceParts, own: OwnDevice) {
    this.#parts = parts;
    this.user = own.userId;
    this.deviceId = own.deviceId;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    const { core, client } = parts;
    const { signal } = this.#abort;
    // Whatever waits listens to it, for a relay that is away a thousand at once.
    setMaxListeners(0, signal);
    this.#health.subscribe((event) => tellLogger(parts.logger, () => recordOf(event)));
    const health = (event: HealthEvent): void => this.#health.next(event);
    this.#vault = new VaultKeeper(core.log, parts.retention, {
      failed: this.#storeFailed,
      hindered: ({ code, detail }) => health({ type: 'rotationHindered', code, detail }),
    });
    this.#queue = new CommitQueue(core, {
      release: (effects) => this.#release(effects),
      fail: this.#storeFailed,
    });
    const failed = (): void => health({ type: 'relayUnavailable' });
    const post = (input: CoreInput): void => this.#queue.post(input);
    this.#claims = new ClaimDesk(parts, { claimed: post, failed, signal });
    this.#sends = new SendDesk(parts, {
      put: (input) => this.#queue.put(input),
      listenerFailed: (messageId, cause) => health({ type: 'handlerFailed', messageId, cause }),
    });
    const drainer = new Drainer({ reconnect: () => this.#socket.drop(), drained: post });
    this.#frames = new FrameDesk(core, this.#queue, {
      queueEmpty: () => {
        drainer.emptied();
        health({ type: 'queueEmpty' });
      },
      keysLow: () => void this.#registrar.checkKeys().catch(() => undefined),
      overrun: () => this.#socket.drop(),
    });
    const put = (input: CoreInput): Promise<void> => this.#put(input);
    this.#trust = new TrustDesk(parts, { put, health });
    this.#ownList = new OwnList(parts, { userId: own.userId, put, signal });
    const follow = (): Promise<void> => this.#ownList.succession.settle();
    this.#registrar = new Registrar(parts, { put, follow, signal });
    this.#heads = new HeadTeller(signal, () => this.#queue.post({ type: 'shareHeads' }));
    this.#standing = new Standing(parts, {
      registrar: this.#registrar,
      pump: () => this.#pump,
      socket: () => this.#socket,
      put,
      health,
      stop: (reason, cause) => void setImmediate(() => void this.#stop(reason, cause)),
      signal,
    });
    this.#pump = new PostPump(client, this.#standing.freshness, {
      result: (item, result) => this.#posted(item, result),
      isOwed: (item) => core.isOwed(item),
      failure: failed,
      headMoved: () => this.#standing.prove(),
      signal,
    });
    this.#socket = this.#line(drainer);
    this.#desks = this.#hands(drainer);
  }

  /**
   * Registers if the relay has not taken the device yet, carries out what is owed, and connects as soon
   * as the relay has said that no newer state of this device is known to it.
   *
   * Throws: what the relay refuses for good, such as `USER_EXISTS`.
   */
  async start(): Promise<void> {
    tellLogger(this.#parts.logger, () => openedRecord(this.#parts.core, this));
    for (const item of this.#parts.core.inbox()) this.#deliver(item);
    for (const item of this.#parts.core.outbox()) this.#pump.put(item);
    await this.#standing.settleOpening();
    await this.#put({ type: 'started' });
    this.#trust.askAgain(this.#abort.signal).catch(this.#storeFailed);
    await this.#registrar.registered();
    this.#vault.start();
    sweepUntil(this.#abort.signal, () => this.#queue.post({ type: 'swept' }));
    this.#standing.prove();
  }

  /**
   * Everything that arrives, for `for await`; at most 64 unacknowledged at a time. Of several loops each
   * message goes to one; where somebody subscribes or handles, loops get only what that one leaves.
   */
  messages(): AsyncIterableIterator<Message> {
    return this.#messages.iterate();
  }

  /** Everything that arrives, to every subscriber; at most 64 unacknowledged at a time. */
  get messages$(): Observable<Message> {
    return this.#messages.messages$;
  }

  /** What was found put back, in this opening; `health$` told it too, maybe before anybody listened. */
  rollback(): RollbackNotice | undefined {
    return this.#standing.notice();
  }

  /** When the relay last said that it knows no newer state, wall ms; `undefined`: posts wait for it. */
  provenAt(): number | undefined {
    return this.#standing.freshness.provenAt();
  }

  /** What happens to the device itself. */
  get health$(): Observable<HealthEvent> {
    return this.#health.asObservable();
  }

  /**
   * Runs a handler for each message. When it returns the message is acknowledged with what it
   * returned; when it throws, `health$` tells, and the message comes again.
   */
  handle(handler: MessageHandler): { stop(): void } {
    return this.#messages.handle(handler, (message, cause) =>
      this.#health.next({ type: 'handlerFailed', messageId: message.id, cause }),
    );
  }

  /**
   * Sends to users; each of their devices, and the own other ones, gets a copy. Resolves when the
   * relay has taken the copies of every recipient user.
   *
   * Throws: {@link SessionError}; `SEND_FAILED` or `UNKNOWN_USER` where nobody but us got it.
   */
  async send(
    to: string | readonly string[],
    body: string | Uint8Array,
    options: SendOptions = {},
  ): Promise<SendReport> {
    const { posted } = await this.#sends.open({ to, body, options });
    const report = await posted;
    const others = report.recipients.filter(({ user }) => user !== this.user);
    const failed = others.filter(({ failure }) => failure !== undefined);
    if (failed.length > 0 && failed.length === others.length) {
      const code = failed[0]?.failure === 'UNKNOWN_USER' ? 'UNKNOWN_USER' : 'SEND_FAILED';
      throw new SessionError(code, { detail: `${failed[0]?.failure} for ${failed.length}` });
    }
    return report;
  }

  /** Like {@link Device.send}, with the error as a value. */
  async trySend(
    to: string | readonly string[],
    body: string | Uint8Array,
    options: SendOptions = {},
  ): Promise<Result<SendReport, SessionError>> {
    try {
      return ok(await this.send(to, body, options));
    } catch (cause) {
      if (cause instanceof SessionError) return err(cause);
      throw cause;
    }
  }

  /** Like {@link Device.send}, but resolves with the message id as soon as the send is durable. */
  async sendLater(
    to: string | readonly string[],
    body: string | Uint8Array,
    options: SendOptions = {},
  ): Promise<MessageId> {
    const { messageId } = await this.#sends.open({ to, body, options });
    return messageId;
  }

  /**
   * Approves the new device that shows this link code; with `replaces`, in the place of one that is lost,
   * which is removed by the same change of the list; with `name`, under that name. It gets an id of its
   * own.
   */
  async approveLink(code: string, options: ApproveOptions = {}): Promise<{ deviceId: number }> {
    return this.#ownList.approve(code, options);
  }

  /** The user's devices, as last seen. */
  async devices(): Promise<readonly DeviceInfo[]> {
    return this.#whileOpen().#ownList.devices();
  }

  /**
   * Names a device of this user; an empty name takes the name back. Resolves when that is durable here;
   * the other devices learn it, and nobody else does. Of two names given at once all keep the same one.
   *
   * Throws: {@link SessionError} `BAD_DEVICE_NAME`, `UNKNOWN_DEVICE`.
   */
  async rename(deviceId: number, name: string): Promise<void> {
    await this.#ownList.rename(deviceId, name);
  }

  /**
   * Removes a device of this user: it gets no more mail, and what it has not fetched is gone. With
   * `compromised` the devices that stay get another identity key, which contacts have to accept.
   *
   * Throws: {@link SessionError} `LIST_MOVED` where another device changed the list first.
   */
  async remove(deviceId: number, options: RemoveOptions = {}): Promise<{ listVersion: number }> {
    return this.#ownList.remove(checkedDeviceId(deviceId), options);
  }

  /** Version of the user's device list, as last seen. */
  listVersion(): number {
    return this.#whileOpen().#ownList.version();
  }

  /** What is known of the key that a user's devices share; `undefined` where nothing is. */
  identityOf(user: string): Identity | undefined {
    return this.#whileOpen().#trust.identityOf(checkedUserId(user));
  }

  /**
   * Every identity key that was shown for a user, to be compared by another channel (SES-88): one in the
   * per-user model, one for each device in the per-device model, and those that wait for an answer.
   */
  identitiesOf(user: string): readonly ShownIdentity[] {
    return this.#whileOpen().#trust.identitiesOf(checkedUserId(user));
  }

  /**
   * Accepts a user's identity key, `verified` where it was compared by another channel. What waited for
   * it leaves, and what came under it meanwhile is asked for again.
   *
   * Throws: {@link SessionError} `OWN_USER`; `UNKNOWN_KEY` where it belongs to no device that was shown.
   */
  async trustIdentity(
    user: string,
    identityKey: Uint8Array,
    options: { readonly verified?: true } = {},
  ): Promise<void> {
    await this.#trust.accept(checkedUserId(user), checkedIdentityKey(identityKey), options);
  }

  /**
   * Will not have what was offered for a user: messages that wait for it are given up. Of a key, only while
   * it is in question. Throws: {@link SessionError} `UNKNOWN_KEY` where it is not.
   */
  async refuseIdentity(user: string, key?: Uint8Array): Promise<void> {
    await this.#trust.refuse(checkedUserId(user), key && checkedIdentityKey(key));
  }

  /**
   * Forgets a user: sessions end, messages on their way to them are given up, and the log's facts about
   * them give way to digests, part by part while the device goes on; after a close in between call it
   * again. Messages that other users still owe a receipt for mention this user until then: `sends` says
   * how many; call it again later. The application's own rows are its own.
   *
   * Throws: {@link SessionError} `OWN_USER`, `USER_BUSY`.
   */
  async forget(user: string): Promise<Forgotten> {
    return forgetUser(checkedUserId(user), {
      put: (input) => this.#put(input),
      core: () => this.#whileOpen().#parts.core,
      failed: this.#storeFailed,
    });
  }

  /**
   * What is known of a user: trust, devices, sessions with their ages and chain lengths, what waits. Holds
   * no secret.
   */
  inspect(user: string): PeerReport {
    return inspectPeer(this.#whileOpen().#parts.core, checkedUserId(user));
  }

  /** How this device fares as a whole, and what somebody should do about it. Holds no secret. */
  doctor(): DoctorReport {
    const { core } = this.#whileOpen().#parts;
    const own = ownDevice(core);
    invariant(own !== undefined, 'an open device is one');
    const doubt = this.#ownList.succession.doubt();
    return examine(core, own, { provenAt: this.provenAt(), doubt });
  }

  /**
   * Destroys what this device keeps of a message it sent, for the application has deleted it: whoever has
   * not got it by now does not get it any more. Devices that have it keep it.
   */
  async forgetMessage(messageId: string): Promise<void> {
    await this.#put({ type: 'forgetSend', messageId: checkedMessageId(messageId) });
  }

  /** The application's row under a key. */
  data(key: string): Uint8Array | undefined {
    return this.#whileOpen().#parts.core.log.data(key);
  }

  /** Counters since the device was opened. */
  stats(): DeviceStats {
    return this.#stats.seen();
  }

  /** True when nothing is on its way in or out. */
  idle(): boolean {
    const { core } = this.#parts;
    const waiting = [this.#queue.size(), this.#pump.size(), this.#claims.size()];
    const kept = core.outbox().length + core.inbox().length;
    return this.#frames.isEmpty() && kept === 0 && waiting.every((count) => count === 0);
  }

  /** Erases superseded keys now instead of by policy. */
  flush(): void {
    this.#whileOpen().#vault.flush();
  }

  /** Breaks the connection to the relay; it comes back by itself. */
  dropConnection(): void {
    this.#socket.drop();
  }

  /**
   * Commits what waits, erases what is superseded, and lets go of everything.
   *
   * Throws: {@link SessionError} where the last flush fails; what was committed is there at the next opening.
   */
  close(): Promise<void> {
    return this.#stop('closed');
  }

  /** This device. Throws: {@link SessionError} `CLOSED` once it has stopped: its store is let go. */
  #whileOpen(): this {
    if (this.#end !== undefined) throw this.#end;
    return this;
  }

  async #put(input: CoreInput): Promise<void> {
    const outcome = await this.#queue.put(input);
    if (outcome.kind === 'refused') throw refusalError(outcome.rejection.code);
  }

  /** The live line to the relay. */
  #line(drainer: Drainer): RelaySocket {
    return new RelaySocket(this.#parts.client, {
      onFrame: (frame) => this.#frames.put(frame),
      onUp: () => {
        drainer.connected();
        this.#health.next({ type: 'connected' });
      },
      onDown: () => {
        this.#frames.reset();
        this.#health.next({ type: 'disconnected' });
      },
      onShutOut: () => this.#standing.prove(),
      onEnd: (end) => this.#standing.socketEnded(end),
    });
  }

  /** Who carries out what the engine wants. */
  #hands(drainer: Drainer): Desks {
    return {
      pump: this.#pump,
      claims: this.#claims,
      sends: this.#sends,
      heads: this.#heads,
      frames: this.#frames,
      lists: this.#ownList,
      registrar: this.#registrar,
      standing: this.#standing,
      trust: this.#trust,
      drainer,
      stats: this.#stats,
      acknowledge: (seq) => this.#socket.acknowledge(seq),
      deliver: (item) => this.#deliver(item),
      health: (event) => this.#health.next(event),
      post: (input) => this.#queue.post(input),
    };
  }

  #release(effects: readonly Effect[]): void {
    this.#stats.committed();
    for (const effect of effects) carryOut(effect, this.#desks);
    this.#frames.takeHeld();
    this.#vault.committed();
  }

  #posted(item: OutboxItem, result: PostResult): void {
    if (result.kind === 'accepted') this.#stats.sent(item.post.envelopes.length);
    this.#queue.post({ type: 'posted', postId: item.post.postId, origin: item.origin, result });
  }

  #deliver(item: InboxItem): void {
    const ack = async (options: AckOptions = {}): Promise<void> => {
      const put = checkedRows(options.put);
      await this.#put({ type: 'acknowledged', envelopeId: item.envelopeId, put });
      this.#messages.acknowledged(item.envelopeId);
    };
    this.#messages.put(item.envelopeId, toMessage(item, ack));
  }

  #stop(reason: CloseReason, cause?: unknown): Promise<void> {
    const failure = cause === undefined ? undefined : failureError(cause);
    this.#closing ??= this.#shutDown(reason, failure);
    // Whoever closes hears of a last flush that failed; whoever did not is told by `health$`.
    this.#closing.catch(() => undefined);
    return this.#closing;
  }

  async #shutDown(given: CloseReason, cause: SessionError | undefined): Promise<void> {
    if (given !== 'storeFailed' && given !== 'takenOver') this.#queue.drain();
    this.#end = new SessionError('CLOSED', { ...(cause && { detail: cause.code, cause }) });
    this.#queue.close(this.#end);
    this.#abort.abort();
    this.#socket.close();
    this.#parts.client.close();
    this.#vault.stop();
    this.#messages.close();
    this.#sends.close(this.#end);
    const failure = letGo(this.#parts.core.log);
    const reason = failure === undefined ? given : endBy(failure);
    const why = cause ?? failure;
    this.#health.next({ type: 'closed', reason, ...(why && { cause: why }) });
    this.#health.complete();
    this.#resolveClosed(reason);
    // What was committed is with whoever took over, and nothing was to be written here any more.
    if (reason !== 'takenOver' && failure !== undefined) throw failure;
  }
}
