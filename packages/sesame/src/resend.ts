/**
 * Making good what a device could not read: retry requests out, and copies encrypted again for those
 * that come in (Sesame §4.1, SES-65…79).
 */

import type { DeviceId, EnvelopeId, IncomingEnvelope, UserId } from '@simsim/relay-protocol';
import { envelopeIdFromBytes, idToBytes, RANDOM_ID_BYTES } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import type { Input, ResendRef } from './input.ts';
import { RESENDS_MAX } from './limits.ts';
import { activeSession, encryptWith, sessionStreams } from './peer-session.ts';
import { contentFor, withRecipient } from './send-state.ts';
import type { Recipient, SendState, SentCopy } from './send-state.ts';
import { DEVICE_STREAM, SEND_PREFIX, sendStream, userStream } from './streams.ts';
import type { StreamId } from './streams.ts';
import { currentDevices } from './user-record.ts';
import type { UserRecord } from './user-record.ts';
import { needMore } from './workspace.ts';
import type { Workspace } from './workspace.ts';

/** Asks the sending device to encrypt again. Bug if its registration id is not known. */
export function requestResend(
  work: Workspace,
  envelope: IncomingEnvelope,
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

/** The streams that resending to a user reads, as far as its record is loaded. */
export function resendStreams(
  work: Workspace,
  userId: UserId,
  resends: readonly { deviceId: DeviceId }[],
): readonly StreamId[] {
  const record = work.user(userId);
  const sessions = resends.flatMap(({ deviceId }) => {
    const at = activeSession(record, deviceId);
    return at === undefined ? [] : sessionStreams(at);
  });
  return work.missing(sessions);
}

/**
 * Takes a retry request. It is unauthenticated: it can cause nothing but another encryption of the
 * same message for the same user, a bounded number of times (SES-79).
 */
export function decideRetryRequest(input: EnvelopeInput, work: Workspace): DecideResult {
  const { envelope } = input;
  const { sender, senderDevice, seq, envelopeId } = envelope;
  const isNamed = envelope.content.length === RANDOM_ID_BYTES;
  const wanted = isNamed ? envelopeIdFromBytes(envelope.content) : undefined;
  const sends = work.live(SEND_PREFIX);
  const first = work.missing([DEVICE_STREAM, userStream(sender), ...sends]);
  if (first.length > 0) return needMore(first);
  const found = wanted && findCopy(work, sends, { userId: sender, envelopeId: wanted });
  if (wanted === undefined || found === undefined || isRefused(work, found.copy)) {
    return refuseRetry(work, envelope);
  }
  if (!isCurrent(work.user(sender), senderDevice)) {
    // A device linked since, or one that is gone: only the list can tell (SES-68, SES-71).
    if (input.isListFresh === true) return refuseRetry(work, envelope);
    work.effect({ type: 'fetchList', userId: sender, envelope });
    return work.decided();
  }
  const missing = resendStreams(work, sender, [{ deviceId: senderDevice }]);
  if (missing.length > 0) return needMore(missing);
  noteWish(work, found, { deviceId: senderDevice, envelopeId: wanted });
  const resend = { messageId: found.state.messageId, deviceId: senderDevice };
  if (needsRenewal(work, sender, resend)) claimFor(work, sender, resend);
  else sendResend(work, sender, resend);
  work.effect({ type: 'acknowledge', seq, end: { state: 'taken' }, envelopeId });
  return work.decided();
}

type EnvelopeInput = Extract<Input, { type: 'envelope' }>;

function isRefused(work: Workspace, copy: SentCopy): boolean {
  const isSpent = copy.resends >= RESENDS_MAX && !work.isSabotaged('resend-without-limit');
  return isSpent || copy.isReceipted;
}

function isCurrent(record: UserRecord, deviceId: DeviceId): boolean {
  const device = currentDevices(record).find((each) => each.deviceId === deviceId);
  return device !== undefined && device.registrationId !== 0;
}

function refuseRetry(work: Workspace, { seq, envelopeId }: IncomingEnvelope): DecideResult {
  const end = { state: 'dead', reason: 'RESEND_REFUSED' } as const;
  work.effect({ type: 'acknowledge', seq, end, envelopeId });
  return work.decided();
}

/** Keeps that a device wants a copy, once: what anybody can repeat fills no log. */
function noteWish(
  work: Workspace,
  { state, recipient, deviceId, copy }: FoundCopy,
  asked: { deviceId: DeviceId; envelopeId: EnvelopeId },
): void {
  if (copy.wantsResend && deviceId === asked.deviceId) return;
  const { userId } = recipient;
  const stream = sendStream(state.messageId);
  work.write(stream, { name: 'ResendAsked', fields: { userId, ...asked } });
  const copies = new Map(recipient.copies).set(asked.deviceId, { ...copy, wantsResend: true });
  const isMoved = deviceId !== asked.deviceId && !isCurrent(work.user(userId), deviceId);
  if (isMoved) copies.delete(deviceId);
  work.keep(stream, withRecipient(state, { ...recipient, copies }));
}

interface FoundCopy {
  readonly state: SendState;
  readonly recipient: Recipient;
  readonly deviceId: DeviceId;
  readonly copy: SentCopy;
}

/** The user must be the one the copy went to; the device may be another (SES-68). */
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

/**
 * True for a resend whose device has no session but the one that failed it: to encrypt with that
 * again would use an orphan for ever (SES-69, SES-73).
 */
export function needsRenewal(work: Workspace, userId: UserId, resend: ResendRef): boolean {
  const state = work.value('send', sendStream(resend.messageId));
  const copy = state?.recipients.get(userId)?.copies.get(resend.deviceId);
  const at = activeSession(work.user(userId), resend.deviceId);
  if (copy?.wantsResend !== true) return false;
  if (at !== undefined && work.isSabotaged('resend-on-same-session')) return false;
  return at === undefined || at.session === copy.session;
}

/** Goes on with a resend whose keys were claimed; another claim counts as another resend. */
export function continueResend(work: Workspace, userId: UserId, resend: ResendRef): void {
  if (!needsRenewal(work, userId, resend)) {
    sendResend(work, userId, resend);
    return;
  }
  const stream = sendStream(resend.messageId);
  const state = work.value('send', stream);
  const recipient = state?.recipients.get(userId);
  const copy = recipient?.copies.get(resend.deviceId);
  if (state === undefined || recipient === undefined || copy === undefined) return;
  if (!isCurrent(work.user(userId), resend.deviceId) || copy.resends >= RESENDS_MAX) return;
  const { deviceId } = resend;
  const copies = new Map(recipient.copies).set(deviceId, { ...copy, resends: copy.resends + 1 });
  work.write(stream, { name: 'KeysClaimed', fields: { userId, devices: [deviceId] } });
  work.keep(stream, withRecipient(state, { ...recipient, copies }));
  claimFor(work, userId, resend);
}

function claimFor(work: Workspace, userId: UserId, resend: ResendRef): void {
  const devices = [resend.deviceId];
  work.effect({ type: 'claim', userId, devices, sends: [], resends: [resend] });
}

/** Encrypts a message again for one device with its active session, and posts it to that device. */
function sendResend(work: Workspace, userId: UserId, resend: ResendRef): void {
  const stream = sendStream(resend.messageId);
  const state = work.value('send', stream);
  const recipient = state?.recipients.get(userId);
  const copy = recipient?.copies.get(resend.deviceId);
  const record = work.user(userId);
  const device = record.devices.get(resend.deviceId);
  const at = activeSession(record, resend.deviceId);
  if (state === undefined || recipient === undefined || copy?.wantsResend !== true) return;
  if (device === undefined || device.staleAt !== undefined || at === undefined) return;
  const isOwn = userId === work.self().userId;
  const envelopeId = work.newEnvelopeId();
  const content = contentFor(state, { isOwn, resendOf: copy.envelopeId });
  const ciphertext = encryptWith(work, at, { content, envelopeId });
  if (ciphertext === undefined) return;
  const { deviceId, registrationId } = device;
  work.post(
    {
      postId: work.newPostId(),
      recipient: userId,
      scope: 'device',
      envelopes: [{ deviceId, registrationId, envelopeId, kind: 'message', content: ciphertext }],
    },
    { type: 'resend', messageId: resend.messageId, userId, deviceId },
  );
  const resends = copy.resends + 1;
  work.write(stream, { name: 'Resent', fields: { userId, deviceId, envelopeId, count: resends } });
  const copies = new Map(recipient.copies).set(deviceId, {
    envelopeId,
    session: at.session,
    resends,
    isReceipted: false,
    wantsResend: false,
  });
  work.keep(stream, withRecipient(state, { ...recipient, copies }));
}
