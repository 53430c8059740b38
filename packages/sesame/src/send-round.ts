/**
 * One round of Sesame's sending loop for one user (SES-39…47): encrypt for every current device that
 * has a session, and post; or fetch keys first where a device has none.
 */

import type { DeviceId, MessageId, OutgoingEnvelope, UserId } from '@simsim/relay-protocol';
import type { HoldReason } from './hold-reason.ts';
import { CONTENT_BYTES_MAX, SEND_ROUNDS_MAX } from './limits.ts';
import type { RejectionCode, SendFailure } from './decision.ts';
import type { OwnDevice } from './own-device.ts';
import { changeUser, encryptWith, retireOld, sendingSession } from './peer-session.ts';
import { contentFor, isPosted, isSettled, withRecipient } from './send-state.ts';
import type { Recipient, SendState, SentCopy } from './send-state.ts';
import { sendStream } from './streams.ts';
import { heldSends, holdReason, tellHeld } from './trust.ts';
import { currentDevices } from './user-record.ts';
import type { DeviceRecord, UserRecord } from './user-record.ts';
import type { Workspace } from './workspace.ts';

/**
 * The devices a round must reach; of this very one there is no record. One that only a message told of
 * waits for the list that comes with the refusal: the identity key alone makes nobody a device.
 */
function targets(work: Workspace, record: UserRecord): readonly DeviceRecord[] {
  const isStaleToo = work.isSabotaged('send-to-stale');
  const devices = isStaleToo ? [...record.devices.values()] : currentDevices(record);
  const isUnlistedToo = work.isSabotaged('send-to-unlisted');
  return devices.filter((device) => device.deviceKey.length > 0 || isUnlistedToo);
}

/** What a message to be sent is. */
interface NewSend {
  readonly messageId: MessageId;
  readonly to: readonly UserId[];
  readonly body: Uint8Array;
  readonly conversation?: string;
}

/** Why this device sends nothing; `undefined` where it may. */
export function sendRefusal(own: OwnDevice | undefined): RejectionCode | undefined {
  if (own === undefined || own.status === 'registering') return 'NOT_REGISTERED';
  if (own.status === 'removed') return 'DEVICE_REVOKED';
  return own.status === 'replaced' ? 'DEVICE_REPLACED' : undefined;
}

/** Whose devices get a copy: the own user's too. */
export function sendUsers(work: Workspace, to: readonly UserId[]): readonly UserId[] {
  return work.isSabotaged('skip-own-devices') ? to : [...new Set([...to, work.self().userId])];
}

/**
 * Opens a send and starts its first rounds, whose streams must be loaded. `false` where it is too large:
 * nothing was written then.
 */
export function openSend(work: Workspace, send: NewSend): boolean {
  const { messageId, to, body, conversation } = send;
  const recipients = sendUsers(work, to).map((userId): Recipient => ({
    userId,
    status: 'posting',
    round: 0,
    listVersion: 0,
    copies: new Map(),
  }));
  const state: SendState = {
    messageId,
    sentAt: work.env.clock.wallMs,
    openedAt: work.nowMs(),
    to,
    body,
    recipients: byUser(recipients),
    ...(conversation === undefined ? {} : { conversation }),
  };
  // The copy for own devices also names the recipients: it is the longest.
  if (contentFor(state, { isOwn: true }).length > CONTENT_BYTES_MAX) return false;
  work.write(sendStream(messageId), { name: 'SendOpened', fields: { messageId, to } }, state);
  const started = recipients.map((recipient) => startRound(work, state, recipient));
  writeSend(work, { ...state, recipients: byUser(started) }, { posted: false });
  return true;
}

function byUser(recipients: readonly Recipient[]): SendState['recipients'] {
  return new Map(recipients.map((recipient) => [recipient.userId, recipient]));
}

/** Starts the next round for one recipient of a send. The round's streams must be loaded. */
export function startRound(work: Workspace, state: SendState, recipient: Recipient): Recipient {
  const { userId } = recipient;
  const hold = holdReason(work, work.user(userId));
  if (hold !== undefined) return holdRecipient(work, state, { recipient, reason: hold });
  if (recipient.round >= SEND_ROUNDS_MAX)
    return failRecipient(work, state, { recipient, reason: 'TOO_MANY_ROUNDS' });
  const record = retireOld(work, userId);
  const devices = targets(work, record);
  const lacking = devices
    .filter((device) => device.active === undefined || work.isSabotaged('claim-for-ever'))
    .map((device) => device.deviceId);
  if (lacking.length > 0) return claimFor(work, state, { recipient, devices: lacking });

  const isOwn = userId === work.self().userId;
  const content = contentFor(state, { isOwn });
  const envelopes: OutgoingEnvelope[] = [];
  const copies = new Map<DeviceId, SentCopy>();
  for (const device of [...devices].sort((a, b) => a.deviceId - b.deviceId)) {
    const at = sendingSession(work, record, device.deviceId);
    const envelopeId = work.newEnvelopeId();
    const ciphertext = at && encryptWith(work, at, { content, envelopeId });
    if (at === undefined || ciphertext === undefined) {
      changeUser(work, userId, [{ type: 'retire', deviceId: device.deviceId }]);
      return claimFor(work, state, { recipient, devices: [device.deviceId] });
    }
    const { deviceId, registrationId } = device;
    envelopes.push({ deviceId, registrationId, envelopeId, kind: 'message', content: ciphertext });
    copies.set(deviceId, {
      envelopeId,
      session: at.session,
      resends: 0,
      stage: 'sent',
    });
  }
  const round = recipient.round + 1;
  const postId = work.newPostId();
  work.post(
    { postId, recipient: userId, scope: 'all', envelopes },
    { type: 'round', messageId: state.messageId, userId },
  );
  // A first round without a claim is told by `SendOpened`: fewer events for the common send.
  if (round > 1 || recipient.status === 'claiming') {
    const fields = { userId, round, postId, devices: [...copies.keys()] };
    work.write(sendStream(state.messageId), { name: 'RoundPosted', fields });
  }
  return { ...recipient, status: 'posting', round, postId, copies };
}

/** Leaves the recipient waiting for keys of devices without a session. */
function claimFor(
  work: Workspace,
  state: SendState,
  { recipient, devices }: { recipient: Recipient; devices: readonly DeviceId[] },
): Recipient {
  const { userId } = recipient;
  work.effect({ type: 'claim', userId, devices, sends: [state.messageId], resends: [] });
  const { postId: _, ...rest } = recipient;
  const round = recipient.round + (work.isSabotaged('claim-for-ever') ? 0 : 1);
  return { ...rest, status: 'claiming', round, copies: new Map() };
}

/** Leaves the recipient waiting for word on the user's key; the plaintext stays until then. */
export function holdRecipient(
  work: Workspace,
  state: SendState,
  { recipient, reason }: { recipient: Recipient; reason: HoldReason },
): Recipient {
  const { userId } = recipient;
  const { messageId } = state;
  if (work.isSabotaged('drop-held-mail'))
    return failRecipient(work, state, { recipient, reason: 'IDENTITY_REFUSED' });
  const held = leaveHeld(work, state, { recipient, reason });
  tellHeld(work, { messageId, userId, reason });
  // The relay may have been mistaken: its next answer decides.
  if (reason === 'IDENTITY_CHANGED') work.effect({ type: 'fetchList', userId });
  return held;
}

/** The recipient as one who waits; whoever is to know it is told by the caller. */
export function leaveHeld(
  work: Workspace,
  state: SendState,
  { recipient, reason }: { recipient: Recipient; reason: HoldReason },
): Recipient {
  const { postId: _, ...rest } = recipient;
  const fields = { userId: recipient.userId, reason };
  work.write(sendStream(state.messageId), { name: 'SendHeld', fields });
  return { ...rest, status: 'held', copies: new Map() };
}

/**
 * Starts the rounds of everything that waited for a user's key. Its streams must be loaded. Where the
 * application has spoken the rounds count `anew`; where only the relay did they `goOn`, so that one
 * which changes its mind for ever comes to its end.
 */
export function releaseHeld(work: Workspace, userId: UserId, rounds: 'anew' | 'goOn'): void {
  if (work.isSabotaged('keep-held-mail')) return;
  for (const held of heldSends(work, userId)) {
    const { messageId } = held;
    work.write(sendStream(messageId), { name: 'SendReleased', fields: { userId } });
    work.effect({ type: 'recipientReleased', messageId, userId });
    const state = { ...held, openedAt: work.nowMs() };
    const recipient = state.recipients.get(userId);
    if (recipient === undefined) continue;
    const round = rounds === 'anew' ? 0 : recipient.round;
    const next = startRound(work, state, { ...recipient, status: 'claiming', round });
    writeSend(work, withRecipient(state, next), { posted: false });
  }
}

/** Gives up everything that waits for a user's key. The sends must be loaded. */
export function refuseHeld(work: Workspace, userId: UserId, reason: SendFailure): void {
  for (const state of heldSends(work, userId)) {
    const recipient = state.recipients.get(userId);
    if (recipient === undefined) continue;
    const failed = failRecipient(work, state, { recipient, reason });
    writeSend(work, withRecipient(state, failed), { posted: isPosted(state) });
  }
}

/** Ends a recipient without delivery; the rest of the send goes on (SES-38). */
export function failRecipient(
  work: Workspace,
  state: SendState,
  { recipient, reason }: { recipient: Recipient; reason: SendFailure },
): Recipient {
  const { userId } = recipient;
  work.write(sendStream(state.messageId), { name: 'SendFailed', fields: { userId, reason } });
  work.effect({
    type: 'recipientDone',
    messageId: state.messageId,
    userId,
    listVersion: recipient.listVersion,
    failure: reason,
  });
  const { postId: _, ...rest } = recipient;
  const status = reason === 'UNKNOWN_USER' ? 'unknown' : 'failed';
  return { ...rest, status, copies: new Map() };
}

/**
 * Writes a send's new state, or ends its stream when nothing is owed any more, which destroys the
 * key of its plaintext. `was` tells whether all recipients had been done before.
 */
export function writeSend(work: Workspace, state: SendState, was: { posted: boolean }): void {
  const stream = sendStream(state.messageId);
  if (!was.posted && isPosted(state)) work.effect({ type: 'sendDone', messageId: state.messageId });
  const isDone = isSettled(state) && !work.isSabotaged('keep-settled-send');
  if (isDone) work.close(stream, { name: 'SendClosed', fields: { reason: 'settled' } });
  else work.keep(stream, state);
}
