/**
 * Tells the model what a device did: the durable events of its log, in order, and what it offered to
 * the relay. Events say that something happened; what follows from it the model works out by itself.
 */

import { bytesToHex, invariant } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { CoreInput, OutboxItem, RunResult } from '@simsim/device-core';
import { LATENCY_MAX_MS } from '@simsim/relay-protocol';
import type {
  EnvelopeId,
  IncomingEnvelope,
  MessageId,
  OutgoingEnvelope,
  PostResult,
  UserId,
} from '@simsim/relay-protocol';
import {
  chainsStream,
  decodeFact,
  factNumber,
  factText,
  PRE_KEY_LIFE_MS,
  USER_PREFIX,
} from '@simsim/sesame';
import type { EnvelopeState, Fact, PostOrigin, UserChange } from '@simsim/sesame';
import { parseMessage, sessionIdOf } from '@simsim/session';
import type { Watcher } from '../device-options.ts';
import type { TestDevice } from '../test-device.ts';
import { checkResend, debtOf, excuse, isAt, lose } from './debts.ts';
import { addressOf, say } from './model-state.ts';
import { envelopeIdOf, isUserChange, messageIdOf, peerOf, userOf } from './names.ts';
import type { Address, Copy, Debt, Model, ModelDevice, Peer } from './model-state.ts';
import {
  accept,
  acceptList,
  begin,
  beginAnew,
  drop,
  encrypt,
  freeze,
  retire,
  markStale,
  meet,
  mustOpen,
  open,
  userRow,
} from './sesame-model.ts';
import type { Use } from './sesame-model.ts';
import type { Situations } from './sometimes.ts';
import { mustWait, offer, pin, vouch, withdraw } from './trust-model.ts';

/** Positions in the mailbox from which on mail is forged: the relay counts no further than it has mail. */
export const FORGED_SEQ = 1_000_000;

/** How long a send waits for receipts (decision 011). */
const RECORD_MS = 14 * 24 * 3600 * 1000;

/** What surrounds an observer: see `town.ts`. */
export interface Surroundings {
  readonly world: { readonly nowMs: number; readonly crypto: Crypto };
  readonly model: Model;
  readonly situations: Situations;
  readonly spoilt: WeakSet<IncomingEnvelope>;
  listed(
    userId: UserId,
    list: { version: number; hash: Uint8Array },
  ): Pick<Parameters<typeof acceptList>[1], 'listed' | 'former'> | undefined;
  forget(address: Address): void;
  modelOf(device: TestDevice): ModelDevice | undefined;
}

/** Watches one device. */
export class Observer implements Watcher {
  readonly #town: Surroundings;
  readonly #device: TestDevice;
  #next = 1;
  readonly #opened = new Map<MessageId, number>();
  /** When it was last put back. */
  #frozenAt = 0;
  /** Envelopes for which a list was fetched, and how often they came. */
  readonly fetches = new Map<EnvelopeId, number>();
  readonly arrivals = new Map<EnvelopeId, number>();
  readonly requests = new Map<EnvelopeId, number>();
  /** Rounds of a send to one user, since it last began anew. */
  readonly rounds = new Map<string, number>();

  constructor(town: Surroundings, device: TestDevice) {
    this.#town = town;
    this.#device = device;
    device.watcher = this;
  }

  get me(): ModelDevice {
    const me = this.#town.modelOf(this.#device);
    invariant(me !== undefined, 'every device has a model');
    return me;
  }

  /** The log ends earlier now, or was seen up to here before. */
  rewind(seq: number, whither: 'back' | 'onward' = 'back'): void {
    this.#next = whither === 'back' ? Math.min(this.#next, seq + 1) : seq + 1;
  }

  ran(inputs: readonly CoreInput[], result: RunResult | undefined): void {
    const mail = inputs.flatMap((input) => (input.type === 'envelope' ? [input.envelope] : []));
    for (const { envelopeId } of mail) count(this.arrivals, envelopeId);
    if (result === undefined) {
      // What the killed process committed shows in what it does next.
      const { store, log } = this.#device;
      const isDurable = store.tip().seq > log.tip().seq;
      this.#town.situations.met(isDurable ? 'killed after a commit' : 'killed before a commit');
      return;
    }
    const could = new Set(mail.filter((envelope) => this.#mustOpen(envelope)));
    const seen = new Set(mail.filter(({ envelopeId }) => this.me.opened.has(envelopeId)));
    this.look();
    for (const effect of result.effects) {
      if (effect.type === 'fetchList' && effect.envelope !== undefined) {
        count(this.fetches, effect.envelope.envelopeId);
      }
      const isForeign = effect.type === 'identityChanged' || effect.type === 'foreignKey';
      if (isForeign) this.#town.situations.met('identity refused');
      if (effect.type === 'rolledBack' && effect.isQuarantined) {
        this.#town.situations.met('quarantine');
      }
      if (effect.type !== 'acknowledge') continue;
      const envelope = mail.find((each) => each.envelopeId === effect.envelopeId);
      if (envelope === undefined) continue;
      const wasSeen = seen.has(envelope);
      this.#ended(envelope, effect.end, { wasSeen, couldOpen: could.has(envelope) });
    }
  }

  #mustOpen(envelope: IncomingEnvelope): boolean {
    const { model, spoilt, world } = this.#town;
    const copy = model.copies.get(envelope.envelopeId);
    if (copy === undefined || spoilt.has(envelope)) return false;
    const from = { userId: envelope.sender, deviceId: envelope.senderDevice };
    const arrival = { copy, from, at: world.nowMs, prekeysMs: PRE_KEY_LIFE_MS };
    return mustOpen(model, this.me, arrival);
  }

  #ended(
    envelope: IncomingEnvelope,
    end: EnvelopeState,
    { wasSeen, couldOpen }: { wasSeen: boolean; couldOpen: boolean },
  ): void {
    const { model, situations, spoilt } = this.#town;
    const { address } = this.#device;
    const { envelopeId } = envelope;
    const copy = model.copies.get(envelopeId);
    const isOpened = this.me.opened.has(envelopeId);
    if (end.state === 'duplicate' && wasSeen) situations.met('repeat told as duplicate');
    if (end.state === 'healed') situations.met('a resend healed');
    if (end.state === 'dead') situations.met('mail came to a dead end');
    const isHeld = mustWait(this.me, envelope.sender) !== undefined;
    if (isHeld && envelope.kind === 'retry' && end.state === 'taken')
      situations.met('a resend waited for a key');
    if (end.state === 'resend-requested') {
      count(this.requests, envelopeId);
      situations.met('asked to send again');
      if (!spoilt.has(envelope)) situations.met('asked for an undamaged message');
      if (couldOpen && this.#mustOpen(envelope) && !isOpened) {
        say(model, 'S9', `${address} could open ${envelopeId}, but: ${end.reason}`);
      }
    }
    const isReal = envelope.seq < FORGED_SEQ;
    if (copy === undefined || copy.to !== address || copy.fate !== 'posted' || !isReal) return;
    copy.fate = end.state === 'resend-requested' ? 'asked' : 'ended';
    const from = { userId: envelope.sender, deviceId: envelope.senderDevice };
    const row = this.me.rows.get(from.userId)?.devices.get(from.deviceId);
    const isRefused = end.state === 'dead' && row?.staleAt !== undefined;
    if (isRefused && copy.asksFor !== undefined) lose(model, copy);
    if (end.state === 'resend-requested' && copy.messageId === undefined) this.#silence(copy);
    const debt = copy.messageId && debtOf(model, copy.messageId, address);
    if (debt && debt.resends >= model.limits.resends) debt.excuse ??= 'asked for too often';
  }

  /** No receipt comes again. */
  #silence({ from, to }: { from: string; to: string }): void {
    this.#town.model.silenced.add(`${from} ${to}`);
  }

  offered({ post, origin }: OutboxItem, result: PostResult): void {
    const { model, situations } = this.#town;
    this.#stands();
    if (result.kind === 'mismatch') situations.met('rejected round');
    if (result.kind === 'gone') situations.met('a post to a device that was gone');
    if (result.kind === 'mismatch' && result.stale.length > 0) situations.met('stale incarnation');
    for (const envelope of post.envelopes) {
      const to = addressOf({ userId: post.recipient, deviceId: envelope.deviceId });
      const copy = model.copies.get(envelope.envelopeId) ?? this.#requested(envelope, to);
      if (copy?.fate !== 'written') continue;
      copy.fate = result.kind === 'accepted' ? 'posted' : 'ended';
      if (origin.type !== 'notice') copy.messageId = origin.messageId;
      if (copy.session !== undefined) this.#posted(copy, envelope, origin);
      if (origin.type === 'resend') checkResend(model, copy);
      // A notice is posted once, also where it was made for an incarnation of before.
      if (result.kind !== 'accepted' && origin.type === 'notice') lose(model, copy);
      if (result.kind !== 'accepted' || origin.type !== 'round') continue;
      const debts = model.debts.get(origin.messageId) ?? new Map<string, Debt>();
      if (!debts.has(to)) debts.set(to, { excuse: undefined, resends: 0 });
      model.debts.set(origin.messageId, debts);
    }
  }

  /**
   * S13: what the relay takes comes from a log that has what it took before of the same incarnation. A
   * device that was put back, or a copy of one, has noticed by then.
   */
  #stands(): void {
    const { model } = this.#town;
    const { core, log, address } = this.#device;
    const { seq, hash, incarnation } = core.head();
    const key = `${address} ${incarnation}`;
    const before = model.heads.get(key);
    if (before !== undefined) {
      const [event] = before.seq > seq ? [] : [...log.events(before.seq, before.seq)];
      const isThere = event !== undefined && bytesToHex(event.hash) === before.hash;
      if (!isThere) say(model, 'S13', `${address} posted as if ${before.seq} had never been`);
    }
    model.heads.set(key, { seq, hash: bytesToHex(hash) });
  }

  /** A retry request: nothing was encrypted for it. */
  #requested({ envelopeId, content, kind }: OutgoingEnvelope, to: string): Copy | undefined {
    if (kind !== 'retry') return undefined;
    const from = this.#device.address;
    const plain = {
      session: undefined,
      hold: undefined,
      key: undefined,
      isInitiation: false,
      isListed: true,
      isLate: false,
      fate: 'written',
    } as const;
    const copy: Copy = { from, to, ...plain, asksFor: envelopeIdOf(bytesToHex(content)) };
    this.#town.model.copies.set(envelopeId, copy);
    return copy;
  }

  #posted(copy: Copy, { content }: OutgoingEnvelope, origin: PostOrigin): void {
    const { model, situations, world } = this.#town;
    const { from, to } = copy;
    if (copy.hold !== undefined && origin.type !== 'notice')
      say(model, 'S11', `${from} sent to ${to}, though ${copy.hold}`);
    if (copy.isLate) say(model, 'S10', `${from} sent to stale ${to}`);
    // A device that only a message told of gets receipts for what it wrote, and nothing else.
    if (!copy.isListed && origin.type !== 'notice')
      say(model, 'S11', `${from} sent to ${to}, which no list names`);
    const parsed = parseMessage(content);
    copy.isInitiation = parsed.ok && parsed.value.kind === 'initiation';
    if (!parsed.ok || parsed.value.kind === 'regular') return;
    const session = sessionIdOf(parsed.value.baseKey, world.crypto);
    if (copy.session !== session) say(model, 'S9', `${from} posted on another session`);
    situations.met(parsed.value.oneTimePreKeyId === undefined ? 'last resort' : 'one-time prekey');
  }

  /** Takes in the events since the last look. */
  look(): void {
    const { log } = this.#device;
    const upto = log.tip().seq;
    if (upto < this.#next) return;
    for (const event of log.events(this.#next, upto)) {
      const fact = decodeFact(event);
      invariant(fact !== undefined, 'every event can be read');
      this.#take(fact, event.stream);
    }
    this.#next = upto + 1;
  }

  #take(fact: Fact, stream: string): void {
    const [kind, at = '', session = ''] = stream.split('/');
    if (kind === 'user') return this.#userChanged(fact, stream.slice(USER_PREFIX.length));
    const { model, situations, world } = this.#town;
    if (kind === 'session')
      return this.#inSession(fact, { peer: peerOf(at), session, at: world.nowMs });
    if (kind === 'send') return this.#inSend(fact, messageIdOf(at));
    if (fact.name === 'DeviceQuarantined') {
      this.#frozenAt = world.nowMs;
      freeze(model, this.me);
      this.#town.forget(this.#device.address);
      this.me.preKeysSince = world.nowMs;
    }
    if (fact.name !== 'QuarantineEnded') return;
    situations.met('sessions of before a quarantine ended');
    const age = world.nowMs - this.#frozenAt;
    if (age < LATENCY_MAX_MS) say(model, 'S10', `${this.#device.address} thawed after ${age} ms`);
    for (const { devices } of this.me.rows.values()) {
      for (const row of devices.values()) row.frozen = [];
    }
  }

  #userChanged(fact: Fact, name: string): void {
    const userId = userOf(name);
    const changes = fact.fields['changes'];
    invariant(Array.isArray(changes), 'changes are listed');
    for (const change of changes) if (isUserChange(change)) this.#change(change, { userId });
  }

  #change(change: UserChange, { userId }: Pick<Peer, 'userId'>): void {
    const { model, situations } = this.#town;
    const row = userRow(this.me, userId);
    this.#ofKey(change, userId);
    if (change.type === 'device')
      meet(this.me, { userId, deviceId: change.deviceId }, change.registrationId);
    if (change.type === 'gone') {
      situations.met('user marked stale');
      markStale(this.me, { userId }, change.at);
      // No receipt goes to them either, and where a relay lied they wait for one.
      for (const { userId: other, deviceId } of model.devices.values()) {
        if (other !== userId) continue;
        model.silenced.add(`${this.#device.address} ${addressOf({ userId, deviceId })}`);
      }
    }
    if (change.type === 'deviceGone') this.#gone({ userId, deviceId: change.deviceId }, change.at);
    if (change.type === 'end')
      this.#end({ peer: { userId, deviceId: change.deviceId }, session: change.session });
    if (change.type === 'drop') {
      situations.met('the record of a stale device was dropped');
      const at = this.#town.world.nowMs;
      for (const deviceId of change.devices) drop(model, this.me, { userId, deviceId }, at);
    }
    if (change.type === 'retire') {
      situations.met('a session was too old to send');
      retire(model, this.me, { userId, deviceId: change.deviceId }, this.#town.world.nowMs);
    }
    // The application has accepted a key that no known device stands for.
    if (change.type === 'forgetList') row.version = 0;
    if (change.type !== 'list') return;
    const { version, at } = change;
    const list = this.#town.listed(userId, change);
    const what = `version ${version} of ${userId}'s list at ${this.#device.address}`;
    if (list === undefined) return say(model, 'S11', `nobody made ${what}`);
    if (version < row.version) say(model, 'S11', `older than ${row.version}: ${what}`);
    // A new device hears of the list, and not what is in it.
    const isHearsay = change.devices.length === 0 && userId !== this.me.userId;
    if (isHearsay) row.version = version;
    else acceptList(this.me, { userId, version, ...list }, at);
  }

  #ofKey(change: UserChange, userId: UserId): void {
    const { model, situations } = this.#town;
    const whose = 'deviceId' in change ? { userId, deviceId: change.deviceId } : { userId };
    if (change.type === 'identity') {
      const anew = pin(model, this.me, { ...whose, key: bytesToHex(change.key) });
      if (anew !== undefined) beginAnew(this.me, anew);
    }
    if (change.type === 'offer') offer(model, this.me, { ...whose, key: bytesToHex(change.key) });
    if (change.type === 'trust') vouch(model, this.me, { ...whose, level: change.level });
    if (change.type === 'trust' && change.level === 'verified')
      situations.met('a key was verified');
    if (change.type === 'holdMail') situations.met('mail waited for a key');
    if (change.type !== 'withdraw') return;
    situations.met('a key that was shown was off the table');
    withdraw(this.me, whose);
  }

  /** What it asked for, in this incarnation of it or the one before, is not sent again (SES-71). */
  #gone(peer: Peer, at: number): void {
    const { model, situations } = this.#town;
    situations.met('device marked stale');
    markStale(this.me, peer, at);
    const { sends } = this.me;
    const gone = addressOf(peer);
    for (const { messageId, to, fate } of model.copies.values()) {
      if (messageId === undefined || to !== gone || fate !== 'asked') continue;
      if (sends.has(messageId)) excuse(model, 'said to be gone', isAt(messageId, gone));
    }
  }

  #restarted(messageId: MessageId): void {
    for (const debt of this.#town.model.debts.get(messageId)?.values() ?? []) debt.resends = 0;
    for (const key of this.rounds.keys()) if (key.startsWith(messageId)) this.rounds.delete(key);
  }

  #end({ peer, session }: Pick<Use, 'peer' | 'session'>): void {
    const row = userRow(this.me, peer.userId).devices.get(peer.deviceId);
    if (row === undefined) return;
    if (row.active === session) row.active = undefined;
    row.inactive = row.inactive.filter((each) => each !== session);
    row.frozen = row.frozen.filter((each) => each !== session);
  }

  #inSession(fact: Fact, use: Use): void {
    const { model, situations, world } = this.#town;
    const envelopeId = envelopeIdOf(factText(fact, 'envelopeId'));
    const row = userRow(this.me, use.peer.userId).devices.get(use.peer.deviceId);
    if (fact.name === 'SessionStarted') {
      const isOwn = factText(fact, 'role') === 'initiator';
      if (!isOwn && row?.active !== undefined) {
        const isMine = !this.me.accepted.has(row.active);
        situations.met(isMine ? 'simultaneous initiation' : 'a first message beside a session');
      }
      if (isOwn) model.begun.set(use.session, world.nowMs);
      const { userId, deviceId } = use.peer;
      const chains = chainsStream({ userId, deviceId, session: use.session });
      const cold = this.#device.core.reader().value('chains', chains);
      if (cold !== undefined) this.me.keyOf.set(use.session, bytesToHex(cold.remoteIdentity));
      (isOwn ? begin : accept)(model, this.me, use);
    }
    if (envelopeId === undefined) return;
    if (fact.name === 'MessageSent') encrypt(model, this.me, { ...use, envelopeId });
    if (fact.name !== 'MessageReceived') return;
    if (row?.inactive.includes(use.session)) situations.met('opened on an inactive session');
    if (row?.frozen.includes(use.session)) situations.met('opened on a session of before');
    if (row?.staleAt !== undefined) {
      situations.met('late mail of a stale device was read');
      // No receipt goes to it, and where a relay lied it waits for one.
      model.silenced.add(`${this.#device.address} ${addressOf(use.peer)}`);
    }
    if (factText(fact, 'outcome') === 'duplicate') situations.met('the same message came resent');
    open(model, this.me, { ...use, envelopeId });
  }

  /** Whether a send to a user waits for word of the user's key. */
  #inHold(fact: Fact, send: string): void {
    const { situations } = this.#town;
    if (fact.name === 'SendHeld') {
      situations.met('a send waited for a key');
      this.me.held.add(send);
    }
    if (fact.name === 'SendFailed') this.me.held.delete(send);
    if (fact.name !== 'SendReleased') return;
    situations.met('what waited for a key left');
    this.me.held.delete(send);
    this.rounds.delete(send);
  }

  #inSend(fact: Fact, messageId: MessageId): void {
    const { model, situations, world } = this.#town;
    const userId = factText(fact, 'userId');
    if (fact.name === 'SendOpened') {
      this.me.sends.add(messageId);
      this.me.said.add(messageId);
      this.#opened.set(messageId, world.nowMs);
    }
    if (fact.name === 'RoundRejected' && factNumber(fact, 'round') > 2) {
      situations.met('a list changed in the middle of a send');
    }
    if (fact.name === 'RoundPosted') count(this.rounds, `${messageId} ${userId}`);
    if (fact.name === 'SendRestarted') this.#restarted(messageId);
    this.#inHold(fact, `${messageId} ${userId}`);
    if (fact.name === 'Resent') {
      situations.met('sent again');
      const to = `${userId}.${factNumber(fact, 'deviceId')}`;
      const debt = debtOf(model, messageId, to);
      if (debt) debt.resends += 1;
      const key = `${this.#device.address} ${to}`;
      const surplus = model.surplus.get(key) ?? 0;
      if (surplus > 0) model.surplus.set(key, surplus - 1);
    }
    if (fact.name === 'SendFailed') {
      situations.met('a send failed');
      const reason = factText(fact, 'reason');
      const isLiedTo = model.lies.has(`${messageId} ${userId}`) || reason === 'EXPIRED';
      if (!isLiedTo) say(model, 'L1', `${this.#device.address} gave up on ${userId}: ${reason}`);
      if (reason === 'EXPIRED') {
        model.lies.add(`${messageId} ${userId}`);
        this.#outlived(messageId, (to) => to.startsWith(`${userId}.`));
      }
    }
    if (fact.name !== 'SendClosed') return;
    this.me.sends.delete(messageId);
    forgetAll(this.me.held, messageId);
    const reason = factText(fact, 'reason');
    if (reason === 'settled') return;
    // Else for whom it waited was removed, or what it held was lost with a file that was put back.
    if (reason === 'expired') this.#outlived(messageId, () => true);
    model.lies.add(`${messageId} *`);
    excuse(model, `kept no longer at ${world.nowMs}`, (each) => each === messageId);
  }

  /** A send, or what of it goes to some, came to its time limit, and not before. */
  #outlived(messageId: MessageId, isFor: (to: Address) => boolean): void {
    const { model, situations, world } = this.#town;
    situations.met('a send came to its time limit');
    const age = world.nowMs - (this.#opened.get(messageId) ?? 0);
    if (age < RECORD_MS) say(model, 'L1', `${this.#device.address} forgot a send after ${age} ms`);
    const isMeant = (each: MessageId, to: Address): boolean => each === messageId && isFor(to);
    excuse(model, `kept no longer at ${world.nowMs}`, isMeant);
  }
}

function forgetAll(names: Set<string>, prefix: string): void {
  for (const name of names) if (name.startsWith(prefix)) names.delete(name);
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
