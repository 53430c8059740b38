/**
 * Making good what a device could not read: retry requests out, and copies encrypted again for those
 * that come in (Sesame §4.1, SES-65…79).
 */

import type { DeviceId, EnvelopeId, IncomingEnvelope, UserId } from '@simsim/relay-protocol';
import { envelopeIdFromBytes, idToBytes, RANDOM_ID_BYTES } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import type { ResendRef } from './input.ts';
import { RESENDS_MAX } from './limits.ts';
import { activeSession, encryptWith, sessionStreams } from './peer-session.ts';
import { contentFor, withRecipient } from './send-state.ts';
import type { Recipient, SendState, SentCopy } from './send-state.ts';
import { DEVICE_STREAM, SEND_PREFIX, sendStream, userStream } from './streams.ts';
import type { StreamId } from './streams.ts';
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
export function decideRetryRequest(envelope: IncomingEnvelope, work: Workspace): DecideResult {
  const { sender, senderDevice, seq, envelopeId } = envelope;
  const isNamed = envelope.content.length === RANDOM_ID_BYTES;
  const wanted = isNamed ? envelopeIdFromBytes(envelope.content) : undefined;
  const sends = work.live(SEND_PREFIX);
  const first = work.missing([DEVICE_STREAM, userStream(sender), ...sends]);
  if (first.length > 0) return needMore(first);
  const found = wanted && findCopy(work, sends, { userId: sender, envelopeId: wanted });
  if (wanted === undefined || found === undefined || found.copy.resends >= RESENDS_MAX) {
    const end = { state: 'dead', reason: 'RESEND_REFUSED' } as const;
    work.effect({ type: 'acknowledge', seq, end, envelopeId });
    return work.decided();
  }
  const missing = resendStreams(work, sender, [{ deviceId: senderDevice }]);
  if (missing.length > 0) return needMore(missing);

  const { messageId } = found.state;
  const active = activeSession(work.user(sender), senderDevice);
  const isUsable = active !== undefined && active.session !== found.copy.session;
  work.write(sendStream(messageId), {
    name: 'ResendAsked',
    fields: { userId: sender, deviceId: senderDevice, envelopeId: wanted },
  });
  const copies = new Map(found.recipient.copies);
  if (found.deviceId !== senderDevice) copies.delete(found.deviceId);
  copies.set(senderDevice, { ...found.copy, wantsResend: true });
  work.keep(sendStream(messageId), withRecipient(found.state, { ...found.recipient, copies }));
  if (isUsable || work.isSabotaged('resend-same-ciphertext')) {
    sendResend(work, sender, { messageId, deviceId: senderDevice });
  } else {
    const resends = [{ messageId, deviceId: senderDevice }];
    work.effect({ type: 'claim', userId: sender, devices: [senderDevice], sends: [], resends });
  }
  work.effect({ type: 'acknowledge', seq, end: { state: 'taken' }, envelopeId });
  return work.decided();
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
    const recipient = state?.recipients.get(wanted.userId);
    if (state === undefined || recipient === undefined) continue;
    for (const [deviceId, copy] of recipient.copies) {
      if (copy.envelopeId === wanted.envelopeId) return { state, recipient, deviceId, copy };
    }
  }
  return undefined;
}

/** Encrypts a message again for one device with its active session, and posts it to that device. */
export function sendResend(work: Workspace, userId: UserId, resend: ResendRef): void {
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
