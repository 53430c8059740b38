/**
 * One round of Sesame's sending loop for one user (SES-39…47): encrypt for every current device that
 * has a session, and post; or fetch keys first where a device has none.
 */

import type { DeviceId, OutgoingEnvelope } from '@simsim/relay-protocol';
import { SEND_ROUNDS_MAX } from './limits.ts';
import type { SendFailure } from './decision.ts';
import { activeSession, changeUser, encryptWith, sessionStreams } from './peer-session.ts';
import { contentFor, isPosted, isSettled, withRecipient } from './send-state.ts';
import type { Recipient, SendState, SentCopy } from './send-state.ts';
import { sendStream, userStream } from './streams.ts';
import type { StreamId } from './streams.ts';
import { currentDevices } from './user-record.ts';
import type { DeviceRecord, UserRecord } from './user-record.ts';
import type { Workspace } from './workspace.ts';

/**
 * The streams a round to a user reads, as far as its record is loaded. Those of a stale user count
 * too: the list that comes with the answer may bring the user back.
 */
export function roundStreams(work: Workspace, recipient: Recipient['userId']): readonly StreamId[] {
  const missing = work.missing([userStream(recipient)]);
  if (missing.length > 0) return missing;
  const record = work.user(recipient);
  const sessions = [...record.devices.keys()].flatMap((deviceId) => {
    const at = activeSession(record, deviceId);
    return at === undefined ? [] : sessionStreams(at);
  });
  return work.missing(sessions);
}

/**
 * The devices a round must reach; of this very one there is no record. One whose registration id is
 * not known waits for the list that comes with the refusal.
 */
function targets(work: Workspace, record: UserRecord): readonly DeviceRecord[] {
  const isStaleToo = work.isSabotaged('send-to-stale');
  const devices = isStaleToo ? [...record.devices.values()] : currentDevices(record);
  return devices.filter((device) => device.registrationId !== 0);
}

/** Starts the next round for one recipient. The round's streams must be loaded. */
export function startRound(work: Workspace, state: SendState, recipient: Recipient): SendState {
  const { userId } = recipient;
  const record = work.user(userId);
  if (recipient.round >= SEND_ROUNDS_MAX)
    return failRecipient(work, state, { recipient, reason: 'TOO_MANY_ROUNDS' });
  const devices = targets(work, record);
  const lacking = devices
    .filter((device) => device.active === undefined)
    .map((device) => device.deviceId);
  if (lacking.length > 0) return claimFor(work, state, { recipient, devices: lacking });

  const isOwn = userId === work.self().userId;
  const content = contentFor(state, { isOwn });
  const envelopes: OutgoingEnvelope[] = [];
  const copies = new Map<DeviceId, SentCopy>();
  for (const device of [...devices].sort((a, b) => a.deviceId - b.deviceId)) {
    const at = activeSession(record, device.deviceId);
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
      isReceipted: false,
      wantsResend: false,
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
  return withRecipient(state, { ...recipient, status: 'posting', round, postId, copies });
}

/** Leaves the recipient waiting for keys of devices without a session. */
function claimFor(
  work: Workspace,
  state: SendState,
  { recipient, devices }: { recipient: Recipient; devices: readonly DeviceId[] },
): SendState {
  const { userId } = recipient;
  work.effect({ type: 'claim', userId, devices, sends: [state.messageId], resends: [] });
  const { postId: _, ...rest } = recipient;
  const round = recipient.round + 1;
  return withRecipient(state, { ...rest, status: 'claiming', round, copies: new Map() });
}

/** Ends a recipient without delivery; the rest of the send goes on (SES-38). */
export function failRecipient(
  work: Workspace,
  state: SendState,
  { recipient, reason }: { recipient: Recipient; reason: SendFailure },
): SendState {
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
  return withRecipient(state, { ...rest, status, copies: new Map() });
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
