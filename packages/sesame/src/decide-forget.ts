/**
 * Forgetting a user: sessions and their keys end, sends to them are given up. What the log says of them
 * is the log's to forget afterwards; {@link mentionsUser} tells which events that are.
 */

import type { UserId } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import type { RecordedFact } from './fact-table-codec.ts';
import type { Input } from './input.ts';
import { changeUser } from './peer-session.ts';
import { TODAY } from './release.ts';
import type { Release } from './release.ts';
import { failRecipient, writeSend } from './send-round.ts';
import { isOpen, isPosted, withRecipient } from './send-state.ts';
import { DEVICE_STREAM, isStreamOf, SEND_PREFIX, sendStream, userStream } from './streams.ts';
import type { StreamId } from './streams.ts';
import { allSessionsOf } from './user-record.ts';
import type { UserChange } from './user-change.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

/** Gives a user up. Refuses `OWN_USER`; a user of whom nothing is known is forgotten already. */
export function decideForgetUser(
  { userId }: Extract<Input, { type: 'forgetUser' }>,
  work: Workspace,
): DecideResult {
  const sends = work.live(SEND_PREFIX);
  const missing = work.missing([DEVICE_STREAM, userStream(userId), ...sends]);
  if (missing.length > 0) return needMore(missing);
  if (work.self().userId === userId) return refused('OWN_USER');
  for (const stream of sends) giveUpRecipient(work, stream, userId);
  const record = work.user(userId);
  const ends = [...record.devices.values()].flatMap((device) =>
    allSessionsOf(device).map((session): UserChange => ({
      type: 'end',
      deviceId: device.deviceId,
      session,
    })),
  );
  changeUser(work, userId, ends);
  // Rounds went with their sends; receipts and what was encrypted again wait by themselves.
  for (const { postId, origin } of work.pendingPosts()) {
    if (origin.type !== 'round' && origin.userId === userId) work.postDone(postId);
  }
  return work.decided();
}

/**
 * Destroys the plaintext of a send: what has not left does not leave, and no resend follows. A send that
 * is over, or never was, is forgotten already.
 */
export function decideForgetSend(
  { messageId }: Extract<Input, { type: 'forgetSend' }>,
  work: Workspace,
): DecideResult {
  const stream = sendStream(messageId);
  const first = work.missing([DEVICE_STREAM, stream]);
  if (first.length > 0) return needMore(first);
  const recipients = [...(work.value('send', stream)?.recipients.values() ?? [])];
  const missing = work.missing(recipients.map(({ userId }) => userStream(userId)));
  if (missing.length > 0) return needMore(missing);
  for (const recipient of recipients) {
    if (isOpen(recipient)) giveUpRecipient(work, stream, recipient.userId);
  }
  for (const { postId, origin } of work.pendingPosts()) {
    if (origin.type === 'resend' && origin.messageId === messageId) work.postDone(postId);
  }
  const isLeft = !work.isClosed(stream) && work.value('send', stream) !== undefined;
  if (isLeft) work.close(stream, { name: 'SendClosed', fields: { reason: 'deleted' } });
  return work.decided();
}

function giveUpRecipient(work: Workspace, stream: StreamId, userId: UserId): void {
  const state = work.value('send', stream);
  const recipient = state?.recipients.get(userId);
  if (state === undefined || recipient === undefined) return;
  if (recipient.status === 'unknown' || recipient.status === 'failed') return;
  if (recipient.postId !== undefined) work.postDone(recipient.postId);
  const failed = failRecipient(work, state, { recipient, reason: 'FORGOTTEN' });
  writeSend(work, withRecipient(state, failed), { posted: isPosted(state) });
}

/** What an event must tell for {@link mentionsUser}. */
interface ToldEvent extends RecordedFact {
  readonly stream: StreamId;
}

/** Whether an event is about a user: by the name of its stream, or by what it says. */
export function mentionsUser(
  userId: UserId,
  release: Release = TODAY,
): (event: ToldEvent) => boolean {
  const isTheirs = isStreamOf(userId);
  return (event) => {
    if (isTheirs(event.stream)) return true;
    const fact = release.read(event);
    const { userId: told, to } = fact.ok ? fact.value.fields : {};
    return told === userId || (Array.isArray(to) && to.some((each) => each === userId));
  };
}
