/** Receipts: telling a sending device that its messages are durable, and taking what others tell. */

import type { DeviceId, MessageId, UserId } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import type { Input } from './input.ts';
import { RECEIPT_IDS_MAX } from './limits.ts';
import { noticeStreams, postNotice } from './notice.ts';
import { writeSend } from './send-round.ts';
import { isPosted, withRecipient } from './send-state.ts';
import { DEVICE_STREAM, sendStream, userStream } from './streams.ts';
import { needMore } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/** Encrypts receipts for one device. One that has no session to us any more gets none. */
export function decideSendReceipts(input: In<'sendReceipts'>, work: Workspace): DecideResult {
  const { userId, deviceId } = input;
  const first = work.missing([DEVICE_STREAM, userStream(userId)]);
  if (first.length > 0) return needMore(first);
  const missing = noticeStreams(work, work.user(userId), deviceId);
  if (missing.length > 0) return needMore(missing);
  for (let from = 0; from < input.messageIds.length; from += RECEIPT_IDS_MAX) {
    const messageIds = input.messageIds.slice(from, from + RECEIPT_IDS_MAX);
    if (!postNotice(work, input, { type: 'receipt', messageIds })) break;
  }
  return work.decided();
}

/** Takes receipts: only the device a copy was accepted for can receipt it (SES-78). */
export function decideReceipted(input: In<'receipted'>, work: Workspace): DecideResult {
  const live = input.messageIds.map(sendStream).filter((stream) => !work.isClosed(stream));
  const missing = work.missing([DEVICE_STREAM, ...live]);
  if (missing.length > 0) return needMore(missing);
  for (const messageId of new Set(input.messageIds)) takeReceipt(work, input, messageId);
  return work.decided();
}

function takeReceipt(
  work: Workspace,
  from: { userId: UserId; deviceId: DeviceId },
  messageId: MessageId,
): void {
  const stream = sendStream(messageId);
  if (work.isClosed(stream)) return;
  const state = work.value('send', stream);
  const recipient = state?.recipients.get(from.userId);
  const copy = recipient?.copies.get(from.deviceId);
  if (state === undefined || recipient === undefined) return;
  if (copy === undefined || copy.stage === 'receipted') return;
  const { userId, deviceId } = from;
  const stage = 'receipted';
  const copies = new Map(recipient.copies).set(deviceId, { ...copy, stage });
  if (work.isSabotaged('receipt-from-anyone')) {
    for (const [id, each] of copies) copies.set(id, { ...each, stage });
  }
  work.write(stream, { name: 'ReceiptTaken', fields: { userId, deviceId } });
  work.effect({ type: 'receipted', messageId, userId, deviceId });
  writeSend(work, withRecipient(state, { ...recipient, copies }), { posted: isPosted(state) });
}
