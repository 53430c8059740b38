/** Deciding about identity keys and device lists of users: what was learned, and what the owner says. */

import { equalBytes } from '@simsim/bytes';
import type { UserId } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import { listChanges } from './decide-send.ts';
import type { Input } from './input.ts';
import { changeUser } from './peer-session.ts';
import { requestResend } from './resend.ts';
import { refuseHeld, releaseHeld, startRound, writeSend } from './send-round.ts';
import { isPosted, isWished } from './send-state.ts';
import { DEVICE_STREAM, SEND_PREFIX, sendStream, userStream } from './streams.ts';
import { heldStreams, holdReason, offerKey } from './trust.ts';
import type { UserChange } from './user-change.ts';
import { currentDevices } from './user-record.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/**
 * Takes a device list that was fetched. A changed key is told and kept as an offer, not as a refusal,
 * which would swallow the telling (SES-89).
 */
export function decideListLearned(input: In<'listLearned'>, work: Workspace): DecideResult {
  const { userId, identityKey } = input.list.list;
  const first = work.missing([DEVICE_STREAM, userStream(userId)]);
  if (first.length > 0) return needMore(first);
  const wasOffered = work.user(userId).offered !== undefined;
  const missing = wasOffered ? heldStreams(work, userId) : [];
  if (missing.length > 0) return needMore(missing);
  const checked = listChanges(work, userId, input.list);
  if (!checked.ok) {
    if (checked.reason !== 'IDENTITY_CHANGED') return refused(checked.reason);
    offerKey(work, userId, identityKey);
    return work.decided();
  }
  changeUser(work, userId, checked.changes);
  askHeldMail(work, userId);
  if (wasOffered && holdReason(work, work.user(userId)) === undefined) {
    releaseHeld(work, userId, 'goOn');
  }
  return work.decided();
}

/**
 * The application vouches for an identity key, having compared it or not. Where it is another one than
 * before the old record goes as a whole (SES-31); what waited for it leaves.
 */
export function decideTrustIdentity(input: In<'trustIdentity'>, work: Workspace): DecideResult {
  const { userId, identityKey, level = 'accepted' } = input;
  const first = work.missing([DEVICE_STREAM, userStream(userId)]);
  if (first.length > 0) return needMore(first);
  if (work.value('device', DEVICE_STREAM)?.userId === userId) return refused('OWN_USER');
  const missing = heldStreams(work, userId);
  if (missing.length > 0) return needMore(missing);
  const { identityKey: pinned, offered, trust, held } = work.user(userId);
  const isPinned = pinned !== undefined && equalBytes(pinned, identityKey);
  const changes: UserChange[] = [];
  if (!isPinned) changes.push({ type: 'identity', key: identityKey });
  else if (offered !== undefined) changes.push({ type: 'withdraw' });
  if (isPinned && held !== undefined) changes.push({ type: 'releaseMail' });
  if (!isPinned || trust !== level) changes.push({ type: 'trust', level });
  changeUser(work, userId, changes);
  if (!isPinned) {
    // The list tells its devices, and whom to ask for the mail that waited.
    if (pinned !== undefined) work.effect({ type: 'fetchList', userId });
    restartWished(work, userId);
  }
  if (holdReason(work, work.user(userId)) === undefined) releaseHeld(work, userId, 'anew');
  return work.decided();
}

/** The application will not have the other key: what waits for it is given up, the pinned one stays. */
export function decideRefuseIdentity(input: In<'refuseIdentity'>, work: Workspace): DecideResult {
  const { userId } = input;
  const first = work.missing([DEVICE_STREAM, userStream(userId), ...work.live(SEND_PREFIX)]);
  if (first.length > 0) return needMore(first);
  const { offered, held } = work.user(userId);
  const changes: UserChange[] = [];
  if (offered !== undefined) changes.push({ type: 'withdraw' });
  if (held !== undefined) changes.push({ type: 'releaseMail' });
  changeUser(work, userId, changes);
  refuseHeld(work, userId);
  return work.decided();
}

/** Mail that came under the key that is now accepted: its senders encrypt it again. */
function askHeldMail(work: Workspace, userId: UserId): void {
  const record = work.user(userId);
  if (record.held === undefined || record.offered !== undefined) return;
  for (const { deviceId, envelopeId } of record.held) {
    const device = currentDevices(record).find((each) => each.deviceId === deviceId);
    if (device === undefined || device.registrationId === 0) continue;
    const mail = { sender: userId, senderDevice: deviceId, envelopeId };
    requestResend(work, mail, device.registrationId);
  }
  changeUser(work, userId, [{ type: 'releaseMail' }]);
}

/** What devices of before asked for again goes to those there are now: another round finds them. */
function restartWished(work: Workspace, userId: UserId): void {
  for (const stream of work.live(SEND_PREFIX)) {
    const state = work.value('send', stream);
    const recipient = state?.recipients.get(userId);
    if (state === undefined || recipient?.status !== 'accepted') continue;
    if (![...recipient.copies.values()].some(isWished)) continue;
    work.write(sendStream(state.messageId), { name: 'SendRestarted' });
    writeSend(work, startRound(work, state, { ...recipient, round: 0 }), {
      posted: isPosted(state),
    });
  }
}
