/** A device core whose posts, claims and mail pass through the bench instead of a relay. */

import { invariant } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { DeviceCore } from '@simsim/device-core';
import type { CoreInput } from '@simsim/device-core';
import type { EventLog } from '@simsim/event-log';
import { messageIdFromBytes, parseDeviceId, parseUserId } from '@simsim/relay-protocol';
import type {
  DeviceId,
  IncomingEnvelope,
  MessageId,
  PreKeyBundle,
  SignedDeviceList,
  UserId,
} from '@simsim/relay-protocol';
import { DEVICE_STREAM, PRE_KEYS_STREAM, registrationRequest, uploadOf } from '@simsim/sesame';
import type { Effect, OwnDevice } from '@simsim/sesame';

/** A device that is registered. */
export interface Party {
  readonly core: DeviceCore;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** Its user's device list. */
  readonly list: SignedDeviceList;
  /** What a claim gives of it: no one-time prekeys, the last resort. */
  readonly bundle: PreKeyBundle;
}

const ENV = { crypto: nodeCrypto, entropy: nodeEntropy };

/** Makes the first device of a user in an empty log. */
export function createParty(name: string, log: EventLog): Party {
  const clock = (): { wallMs: number; elapsedMs: number; bootId: string } => ({
    wallMs: Date.now(),
    elapsedMs: 0,
    bootId: 'bench',
  });
  const core = new DeviceCore({ log, ...ENV, clock });
  const userId = userNamed(name);
  const one = parseDeviceId(1);
  invariant(one.ok, '1 is a device id');
  const deviceId = one.value;
  core.run([{ type: 'create', userId, deviceId, oneTimeKeys: 0, oneTimeKemKeys: 0 }]);
  const own = core.reader().value('device', DEVICE_STREAM);
  const preKeys = core.reader().value('prekeys', PRE_KEYS_STREAM);
  invariant(own !== undefined && preKeys !== undefined, 'a created device has its keys');
  const keys = uploadOf(preKeys, { oneTime: [], kem: [] }, nodeCrypto);
  const request = registrationRequest(own, { nonce: new Uint8Array(32), keys }, ENV);
  invariant(request !== undefined, 'a new device has a registration');
  core.run([{ type: 'registered' }]);
  return { core, userId, deviceId, list: request.list, bundle: bundleOf(own, keys) };
}

function bundleOf(own: OwnDevice, keys: ReturnType<typeof uploadOf>): PreKeyBundle {
  return {
    deviceId: own.deviceId,
    registrationId: own.registrationId,
    identityKey: own.identity.publicKey.bytes,
    signedPreKey: keys.signedPreKey,
    kemPreKey: keys.lastResortKemPreKey,
  };
}

function userNamed(name: string): UserId {
  const parsed = parseUserId(name);
  invariant(parsed.ok, 'users of a bench have good names');
  return parsed.value;
}

/** Mail for one party, and what the sender has still to be told. */
export interface Sent {
  readonly messageId: MessageId;
  readonly mail: readonly IncomingEnvelope[];
  /** The relay's answers. */
  readonly answers: readonly CoreInput[];
}

/** Encrypts a message in one commit; begins a session where there is none, in some more. */
export function send(from: Party, to: Party, body: Uint8Array): Sent {
  const messageId = messageIdFromBytes(nodeEntropy(16));
  const { effects } = from.core.run([{ type: 'send', messageId, to: [to.userId], body }]);
  return { messageId, ...carry(from, to, effects) };
}

/** Takes posts to the other party, and asks the sender to go on where it lacks a session. */
function carry(
  from: Party,
  to: Party,
  effects: readonly Effect[],
): { readonly mail: readonly IncomingEnvelope[]; readonly answers: readonly CoreInput[] } {
  const mail: IncomingEnvelope[] = [];
  const answers: CoreInput[] = [];
  for (const effect of effects) {
    const next = effect.type === 'post' ? afterPost(from, to, effect) : undefined;
    if (next?.mail !== undefined) mail.push(next.mail);
    if (next?.answer !== undefined) answers.push(next.answer);
    const claim = effect.type === 'claim' || next?.begins !== undefined ? effect : undefined;
    if (claim === undefined) continue;
    const inputs = next?.begins ?? claimed(to, claim);
    const more = carry(from, to, from.core.run([inputs]).effects);
    mail.push(...more.mail);
    answers.push(...more.answers);
  }
  return { mail, answers };
}

interface AfterPost {
  readonly mail?: IncomingEnvelope;
  readonly answer?: CoreInput;
  /** The sender does not know the recipient's device yet. */
  readonly begins?: CoreInput;
}

let seq = 0;

function afterPost(
  from: Party,
  to: Party,
  { post, origin }: Extract<Effect, { type: 'post' }>,
): AfterPost {
  const { postId } = post;
  const [envelope] = post.envelopes;
  const isToOthers = post.recipient === to.userId;
  if (isToOthers && envelope === undefined) {
    const result = {
      kind: 'mismatch',
      missing: [to.deviceId],
      extra: [],
      stale: [],
      list: to.list,
    } as const;
    return { begins: { type: 'posted', postId, origin, result } };
  }
  const answer: CoreInput = {
    type: 'posted',
    postId,
    origin,
    result: { kind: 'accepted', listVersion: 1 },
  };
  if (envelope === undefined) return { answer };
  seq++;
  const mail = { ...envelope, seq, sender: from.userId, senderDevice: from.deviceId, waitedMs: 0 };
  return { answer, mail };
}

function claimed(to: Party, effect: Effect): CoreInput {
  invariant(effect.type === 'claim', 'a claim is answered');
  const { userId, sends, resends } = effect;
  const results = [{ deviceId: to.deviceId, bundle: to.bundle }];
  return { type: 'claimed', userId, results, sends, resends };
}

/** Takes mail in with one commit, then acknowledges it with another; answers the receipts' mail. */
function receive(
  to: Party,
  from: Party,
  mail: readonly IncomingEnvelope[],
): readonly IncomingEnvelope[] {
  if (mail.length === 0) return [];
  const { effects } = to.core.run(mail.map((envelope) => ({ type: 'envelope', envelope })));
  for (const effect of effects) {
    const envelope = effect.type === 'fetchList' ? effect.envelope : undefined;
    if (envelope === undefined) continue;
    to.core.run([
      { type: 'listLearned', list: from.list },
      { type: 'envelope', envelope, isListFresh: true },
    ]);
  }
  const receipts = carry(to, from, acknowledgeAll(to));
  to.core.run(receipts.answers);
  return receipts.mail;
}

/** The application is done with all it was given. Answers the effects: receipts. */
export function acknowledgeAll({ core }: Party): readonly Effect[] {
  const done = core.inbox().map(({ envelopeId }): CoreInput => {
    return { type: 'acknowledged', envelopeId, put: [] };
  });
  return core.run(done).effects;
}

/** A message there, its receipt back, and every answer told: nothing of it is pending afterwards. */
export function converse(from: Party, to: Party, body: Uint8Array): void {
  const { mail, answers } = send(from, to, body);
  from.core.run(answers);
  let [incoming, at, other] = [mail, to, from];
  while (incoming.length > 0) {
    incoming = receive(at, other, incoming);
    [at, other] = [other, at];
  }
}
