/**
 * Making good what a device could not read: retry requests out, and copies encrypted again for those
 * that come in (Sesame §4.1, SES-65…79).
 */

import type {
  DeviceId,
  EnvelopeId,
  IncomingEnvelope,
  PostResult,
  UserId,
} from '@simsim/relay-protocol';
import { envelopeIdFromBytes, idToBytes, RANDOM_ID_BYTES } from '@simsim/relay-protocol';
import type { CopyDeath, DecideResult } from './decision.ts';
import type { Input, PostOrigin, ResendRef } from './input.ts';
import { RESENDS_MAX } from './limits.ts';
import type { EventName, FactValue } from './fact-codec.ts';
import { spendHeal } from './heal-allowance.ts';
import { postNotice } from './notice.ts';
import { encryptWith, retireOld, roundStreams, sendingSession } from './peer-session.ts';
import { writeSend } from './send-round.ts';
import { contentFor, isFinal, isPosted, withCopy, withRecipient } from './send-state.ts';
import type { Recipient, SendState, SentCopy } from './send-state.ts';
import { DEVICE_STREAM, SEND_PREFIX, sendStream, userStream } from './streams.ts';
import type { SessionAddress, StreamId } from './streams.ts';
import { holdReason } from './trust.ts';
import { currentDevices, isLeftOut } from './user-record.ts';
import type { SessionId, UserRecord } from './user-record.ts';
import { needMore } from './workspace.ts';
import type { Workspace } from './workspace.ts';

/** Asks the sending device to encrypt again. Bug if its registration id is not known. */
export function requestResend(
  work: Workspace,
  envelope: Pick<IncomingEnvelope, 'sender' | 'senderDevice' | 'envelopeId'>,
  registrationId: number,
): void {
  const { sender, senderDevice, envelopeId } = envelope;
  work.post(
    {
      postId: work.newPostId(),
      recipient: sender,
      scope: 'device',
      envelopes: [
        {
          deviceId: senderDevice,
          registrationId,
          envelopeId: work.newEnvelopeId(),
          kind: 'retry',
          content: idToBytes(envelopeId),
        },
      ],
    },
    { type: 'notice', userId: sender, deviceId: senderDevice },
  );
}

/**
 * Takes a retry request. It is unauthenticated: it can cause nothing but another encryption of the
 * same message for the same user, a bounded number of times (SES-79).
 */
export function decideRetryRequest(input: EnvelopeInput, work: Workspace): DecideResult {
  const { envelope } = input;
  const { sender, senderDevice } = envelope;
  const isNamed = envelope.content.length === RANDOM_ID_BYTES;
  const wanted = isNamed ? envelopeIdFromBytes(envelope.content) : undefined;
  const sends = work.live(SEND_PREFIX);
  const first = work.missing([DEVICE_STREAM, userStream(sender), ...sends]);
  if (first.length > 0) return needMore(first);
  const found = wanted && findCopy(work, sends, { userId: sender, envelopeId: wanted });
  if (wanted === undefined || found === undefined || isFinal(found.copy)) {
    return refuseRetry(work, envelope);
  }
  if (isOfAnother(found, senderDevice) && !work.isSabotaged('resend-copies-of-others')) {
    return refuseRetry(work, envelope);
  }
  if (isSpent(work, found.copy)) {
    giveUp(work, found);
    return refuseRetry(work, envelope);
  }
  if (!isCurrent(work.user(sender), senderDevice)) {
    // A device linked since, or one that is gone: only the list can tell (SES-68, SES-71).
    if (input.isListFresh !== true) {
      work.effect({ type: 'fetchList', userId: sender, envelope });
      return work.decided();
    }
    if (!mayComeBack(work, found, senderDevice)) return refuseRetry(work, envelope);
    return takeWish(work, input, found);
  }
  const missing = roundStreams(work, sender);
  if (missing.length > 0) return needMore(missing);
  return takeWish(work, input, found);
}

/** What a device that is not there now asks for waits until a list has it again. */
function takeWish(work: Workspace, { envelope }: EnvelopeInput, found: FoundCopy): DecideResult {
  const { sender, senderDevice, seq, envelopeId } = envelope;
  noteWish(work, found, { deviceId: senderDevice, envelopeId: found.copy.envelopeId });
  serveWish(work, sender, { messageId: found.state.messageId, deviceId: senderDevice });
  work.effect({ type: 'acknowledge', seq, end: { state: 'taken' }, envelopeId });
  return work.decided();
}

/** Whether a device lacks its own copy, and nobody but the relay says that it is gone. */
function mayComeBack(
  work: Workspace,
  { recipient, deviceId }: FoundCopy,
  asking: DeviceId,
): boolean {
  const record = work.user(recipient.userId);
  const isListed = (record.devices.get(asking)?.deviceKey.length ?? 0) > 0;
  return deviceId === asking && isListed && !isLeftOut(record, asking, recipient.listVersion);
}

type EnvelopeInput = Extract<Input, { type: 'envelope' }>;

/**
 * Whether a device asks for another's copy and has one of its own. A relay that mixes mailboxes up can
 * cause that, and each of these resends would begin the count of the device's own copy anew.
 */
function isOfAnother({ recipient, deviceId }: FoundCopy, asking: DeviceId): boolean {
  return deviceId !== asking && recipient.copies.has(asking);
}

function isSpent(work: Workspace, copy: SentCopy): boolean {
  return copy.resends >= RESENDS_MAX && !work.isSabotaged('resend-without-limit');
}

/** Whether a device is one that may be sent to. */
export function isCurrent(record: UserRecord, deviceId: DeviceId): boolean {
  const device = currentDevices(record).find((each) => each.deviceId === deviceId);
  return device !== undefined && device.deviceKey.length > 0;
}

function refuseRetry(work: Workspace, { seq, envelopeId }: IncomingEnvelope): DecideResult {
  const end = { state: 'dead', reason: 'RESEND_REFUSED' } as const;
  work.effect({ type: 'acknowledge', seq, end, envelopeId });
  return work.decided();
}

/** The end of the ladder: the device has it not, and will not get it (SES-75). */
function giveUp(work: Workspace, found: FoundCopy): void {
  const next = withDeadCopy(work, found, 'RESENDS_SPENT');
  writeSend(work, next, { posted: isPosted(found.state) });
}

/** Says that a device does not get its copy; the send, which the caller writes. */
export function withDeadCopy(
  work: Workspace,
  { state, recipient, deviceId, copy }: FoundCopy,
  reason: CopyDeath,
): SendState {
  const { messageId } = state;
  const { userId } = recipient;
  work.write(sendStream(messageId), { name: 'CopyGivenUp', fields: { userId, deviceId, reason } });
  work.effect({ type: 'copyDead', messageId, userId, deviceId, reason });
  return withRecipient(state, withCopy(recipient, deviceId, { ...copy, stage: 'dead' }));
}

/**
 * A resend did not arrive: it waits for the next sweep, and what was spent on it stays spent, for the relay
 * may say so of every resend. One that is `gone` found nobody: the device that asked is not the one we
 * know, as one is that has taken another registration id since because its state was put back. The list
 * tells which there is now; what it asked for goes out to that.
 */
export function wantAgain(
  work: Workspace,
  { userId, messageId, deviceId }: ResendOrigin,
  why: PostResult['kind'],
): void {
  const state = work.value('send', sendStream(messageId));
  const recipient = state?.recipients.get(userId);
  const copy = recipient?.copies.get(deviceId);
  if (state === undefined || recipient?.status !== 'accepted') return;
  if (copy === undefined || isFinal(copy)) return;
  const found = { state, recipient, deviceId, copy };
  if (isSpent(work, copy)) return giveUp(work, found);
  const { envelopeId } = copy;
  noteWish(work, found, { deviceId, envelopeId });
  if (why === 'gone') work.effect({ type: 'fetchList', userId });
}

type ResendOrigin = Extract<PostOrigin, { type: 'resend' }>;

/** Keeps that a device wants a copy, once: what anybody can repeat fills no log. */
function noteWish(
  work: Workspace,
  { state, recipient, deviceId, copy }: FoundCopy,
  asked: { deviceId: DeviceId; envelopeId: EnvelopeId },
): void {
  if (copy.stage !== 'sent' && deviceId === asked.deviceId) return;
  const { userId } = recipient;
  const stream = sendStream(state.messageId);
  work.write(stream, { name: 'ResendAsked', fields: { userId, ...asked } });
  const copies = new Map(recipient.copies).set(asked.deviceId, { ...copy, stage: 'asked' });
  const isMoved = deviceId !== asked.deviceId && !isCurrent(work.user(userId), deviceId);
  if (isMoved) copies.delete(deviceId);
  work.keep(stream, withRecipient(state, { ...recipient, copies }));
}

interface FoundCopy extends Wish {
  readonly deviceId: DeviceId;
}

/** The user must be the one the copy went to; the device may be another that has none (SES-68). */
function findCopy(
  work: Workspace,
  sends: readonly StreamId[],
  wanted: { userId: UserId; envelopeId: EnvelopeId },
): FoundCopy | undefined {
  for (const stream of sends) {
    const state = work.value('send', stream);
    if (state === undefined) continue;
    for (const recipient of state.recipients.values()) {
      const isTheirs = recipient.userId === wanted.userId;
      if (!isTheirs && !work.isSabotaged('resend-to-anyone')) continue;
      for (const [deviceId, copy] of recipient.copies) {
        if (copy.envelopeId !== wanted.envelopeId) continue;
        return { state, recipient: { ...recipient, userId: wanted.userId }, deviceId, copy };
      }
    }
  }
  return undefined;
}

/** The copy that a resend is about, where there is one. */
function wishOf(work: Workspace, userId: UserId, resend: ResendRef): Wish | undefined {
  const state = work.value('send', sendStream(resend.messageId));
  const recipient = state?.recipients.get(userId);
  const copy = recipient?.copies.get(resend.deviceId);
  if (state === undefined || recipient === undefined || copy === undefined) return undefined;
  return { state, recipient, copy };
}

interface Wish {
  readonly state: SendState;
  readonly recipient: Recipient;
  readonly copy: SentCopy;
}

/**
 * Does what a wish is due: the ladder of SES-69…75. The first resend goes out on the session there is,
 * for damage on the way is no fault of a session. A later one never goes out on the session that
 * failed it, or an orphan would be used for ever (SES-73). New sessions are rationed; a wish that gets
 * none waits. The user's streams must be loaded.
 */
export function serveWish(work: Workspace, userId: UserId, resend: ResendRef): void {
  const wish = wishOf(work, userId, resend);
  const record = work.user(userId);
  if (wish === undefined || !isCurrent(record, resend.deviceId)) return;
  // Never to a key that nobody accepted (SES-79).
  if (holdReason(work, record) !== undefined) return;
  if (isSpent(work, wish.copy)) {
    giveUp(work, { ...wish, deviceId: resend.deviceId });
    return;
  }
  const at = sendingSession(work, retireOld(work, userId), resend.deviceId);
  if (at !== undefined && !hasFailed(work, wish.copy, at.session)) {
    sendResend(work, userId, { wish, at });
    return;
  }
  const isHealing = isFetching(work, userId, resend.deviceId);
  if (isHealing || !spendHeal(work, userId, resend.deviceId)) return;
  heal(work, userId, { wish, resend });
}

/** Whether the session a copy would go out on is the one that could not be read before. */
function hasFailed(work: Workspace, copy: SentCopy, session: SessionId): boolean {
  if (work.isSabotaged('resend-on-same-session')) return false;
  return copy.session === session && copy.resends > 0;
}

/** One new session a device at a time: whatever else waits for that device goes out on it. */
function isFetching(work: Workspace, userId: UserId, deviceId: DeviceId): boolean {
  return work.live(SEND_PREFIX).some((stream) => {
    const copy = work.value('send', stream)?.recipients.get(userId)?.copies.get(deviceId);
    return copy?.stage === 'healing';
  });
}

function heal(
  work: Workspace,
  userId: UserId,
  { wish, resend }: { wish: Wish; resend: ResendRef },
): void {
  const { messageId, deviceId } = resend;
  const fields = { userId, deviceId };
  setStage(work, wish, { deviceId, stage: 'healing', event: { name: 'HealBegun', fields } });
  // The last rung looks at the device anew as well.
  if (wish.copy.resends + 1 === RESENDS_MAX) work.effect({ type: 'fetchList', userId });
  const resends = [{ messageId, deviceId }];
  work.effect({ type: 'claim', userId, devices: [deviceId], sends: [], resends });
}

function setStage(
  work: Workspace,
  { state, recipient, copy }: Wish,
  to: {
    deviceId: DeviceId;
    stage: SentCopy['stage'];
    event: { name: EventName; fields: Readonly<Record<string, FactValue>> };
  },
): void {
  const stream = sendStream(state.messageId);
  work.write(stream, to.event);
  const next = withCopy(recipient, to.deviceId, { ...copy, stage: to.stage });
  work.keep(stream, withRecipient(state, next));
}

/** Whether a claimed device is to get a new session beside the one it has: that one failed. */
export function needsRenewal(work: Workspace, userId: UserId, resend: ResendRef): boolean {
  const wish = wishOf(work, userId, resend);
  const at = sendingSession(work, work.user(userId), resend.deviceId);
  if (wish?.copy.stage !== 'healing') return false;
  return at === undefined || hasFailed(work, wish.copy, at.session);
}

/**
 * Goes on after a claim for resends: everything that waits for these devices is served. A claim that
 * brought no session counts as another resend, unless it waits for a key, and is not repeated at once.
 */
export function continueResends(
  work: Workspace,
  userId: UserId,
  resends: readonly ResendRef[],
): void {
  for (const resend of resends) {
    const wish = wishOf(work, userId, resend);
    if (wish?.copy.stage !== 'healing') continue;
    const { deviceId } = resend;
    const isHeld = holdReason(work, work.user(userId)) !== undefined;
    const isMade = isHeld || !needsRenewal(work, userId, resend);
    const counted = isMade ? wish.copy : { ...wish.copy, resends: wish.copy.resends + 1 };
    const event = { name: 'KeysClaimed', fields: { userId, devices: [deviceId] } } as const;
    setStage(work, { ...wish, copy: counted }, { deviceId, stage: 'asked', event });
  }
  // A first contact has none, and the sends that others wait for are not loaded for it.
  if (resends.length === 0) return;
  const devices = new Set(resends.map(({ deviceId }) => deviceId));
  for (const wish of wishesOf(work, userId)) {
    if (devices.has(wish.deviceId)) serveAfterClaim(work, userId, wish);
  }
}

/** Only on a session that can carry it: what still lacks one waits for the next sweep. */
function serveAfterClaim(work: Workspace, userId: UserId, resend: ResendRef): void {
  const wish = wishOf(work, userId, resend);
  const at = sendingSession(work, work.user(userId), resend.deviceId);
  if (wish === undefined || at === undefined || hasFailed(work, wish.copy, at.session)) return;
  serveWish(work, userId, resend);
}

/** Every copy of a user's that waits for a resend. The sends must be loaded. */
export function wishesOf(work: Workspace, userId: UserId): readonly ResendRef[] {
  return work.live(SEND_PREFIX).flatMap((stream) => {
    const state = work.value('send', stream);
    const copies = state?.recipients.get(userId)?.copies ?? [];
    return [...copies].flatMap(([deviceId, { stage }]) =>
      state !== undefined && stage === 'asked' ? [{ messageId: state.messageId, deviceId }] : [],
    );
  });
}

/** Encrypts a message again for one device, and posts it to that device. */
function sendResend(
  work: Workspace,
  userId: UserId,
  { wish, at }: { wish: Wish; at: SessionAddress },
): void {
  const { state, recipient, copy } = wish;
  const { deviceId } = at;
  const device = work.user(userId).devices.get(deviceId);
  if (device === undefined) return;
  const isOwn = userId === work.self().userId;
  const envelopeId = work.newEnvelopeId();
  const content = contentFor(state, { isOwn, resendOf: copy.envelopeId });
  const ciphertext = encryptWith(work, at, { content, envelopeId });
  if (ciphertext === undefined) return;
  const { registrationId } = device;
  work.post(
    {
      postId: work.newPostId(),
      recipient: userId,
      scope: 'device',
      envelopes: [{ deviceId, registrationId, envelopeId, kind: 'message', content: ciphertext }],
    },
    { type: 'resend', messageId: state.messageId, userId, deviceId },
  );
  const stream = sendStream(state.messageId);
  const resends = copy.resends + 1;
  work.write(stream, { name: 'Resent', fields: { userId, deviceId, envelopeId, count: resends } });
  const { session } = at;
  const sent: SentCopy = { envelopeId, session, resends, stage: 'sent' };
  work.keep(stream, withRecipient(state, withCopy(recipient, deviceId, sent)));
  // The last rung moves the device on to the session even where the message is what it cannot read.
  if (resends === RESENDS_MAX) postNotice(work, { userId, deviceId }, { type: 'refresh' });
}
