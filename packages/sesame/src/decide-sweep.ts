/**
 * Deciding that time passed: prekeys that are due, sends nobody will receipt, sessions and records that
 * are over. Those last are deleted in two steps (SES-25, SES-84): a sweep finds what is old enough and
 * asks for a whole fetch of the mailbox; only when that is through and decided are they gone.
 */

import type { UserId } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import { isThawDue, thaw, thawedStreams } from './decide-quarantine.ts';
import { dueAnchor } from './device-time.ts';
import type { Input } from './input.ts';
import { offersOf } from './key-pin.ts';
import { SEND_RECORD_MS, SWEPT_USERS_MAX } from './limits.ts';
import { changeUser, roundStreams } from './peer-session.ts';
import { tendPreKeys } from './pre-key-age.ts';
import { isCurrent, serveWish, wishesOf, withDeadCopy } from './resend.ts';
import { failRecipient, releaseHeld } from './send-round.ts';
import { hasWish, isFinal, isOpen, isPosted, isWished, withRecipient } from './send-state.ts';
import type { Recipient, SendState } from './send-state.ts';
import type { SessionExpiry } from './session-expiry.ts';
import {
  DEVICE_STREAM,
  PRE_KEYS_STREAM,
  SEND_PREFIX,
  USER_PREFIX,
  sendStream,
  userStream,
} from './streams.ts';
import type { StreamId } from './streams.ts';
import { heldSends, holdReason } from './trust.ts';
import type { UserChange } from './user-change.ts';
import { allSessionsOf, isLeftOut } from './user-record.ts';
import type { DeviceRecord, UserRecord } from './user-record.ts';
import { needMore } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/** Tends what time does. Looks at some users at a time, and says where to go on. */
export function decideSwept({ after }: In<'swept'>, work: Workspace): DecideResult {
  const isFirst = after === undefined;
  const sends = isFirst ? work.live(SEND_PREFIX) : [];
  const all = work.live(USER_PREFIX).toSorted();
  const from = isFirst ? 0 : all.findIndex((stream) => stream > after);
  const users = from < 0 ? [] : all.slice(from, from + SWEPT_USERS_MAX);
  const missing = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM, ...sends, ...users]);
  if (missing.length > 0) return needMore(missing);
  if (isFirst) {
    const recipients = recipientsOf(work, sends);
    const records = work.missing(recipients.map(userStream));
    if (records.length > 0) return needMore(records);
    const wishers = recipients.filter((id) => wishesOf(work, id).length > 0);
    const waiting = recipients.filter((id) => heldSends(work, id).length > 0);
    const rounds = [...wishers, ...waiting].flatMap((id) => roundStreams(work, id));
    if (rounds.length > 0) return needMore(rounds);
    keepTime(work);
    tendPreKeys(work);
    for (const stream of sends) tendSend(work, stream);
    for (const id of wishers) for (const wish of wishesOf(work, id)) serveWish(work, id, wish);
    for (const id of new Set([...wishers, ...waiting])) tendHeld(work, id);
    for (const id of wishers) tendGone(work, id);
  }
  askForLists(work, users);
  askForFetch(work, users);
  const last = users.at(-1);
  if (last !== undefined && from + users.length < all.length) {
    work.effect({ type: 'sweepOn', after: last });
  }
  return work.decided();
}

/** Deletes what was old enough before the mailbox was fetched and decided as a whole. */
export function decideDrained(input: In<'drained'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, ...input.users.map(userStream)]);
  if (first.length > 0) return needMore(first);
  const dueMs = Math.min(input.dueMs, work.nowMs());
  const frozen = thawedStreams(work, dueMs);
  if (frozen.length > 0) return needMore(frozen);
  for (const userId of input.users) {
    changeUser(work, userId, overdue(work.user(userId), dueMs, work.expiry()));
  }
  thaw(work, dueMs);
  return work.decided();
}

/**
 * Asks anew for the list of a user whose key mail waits for: nothing is posted to them meanwhile, so that no
 * answer would tell that the device in question is gone, or that the relay was mistaken. What waits for
 * nothing any more goes on; copies for own devices wait for something else.
 */
function tendHeld(work: Workspace, userId: UserId): void {
  if (holdReason(work, work.user(userId)) !== undefined) work.effect({ type: 'fetchList', userId });
  else if (userId !== work.self().userId) releaseHeld(work, userId, 'goOn');
}

/** Asks anew for the list of a user who has a device that asked for something, and was gone by the relay's word. */
function tendGone(work: Workspace, userId: UserId): void {
  const record = work.user(userId);
  const isWaiting = wishesOf(work, userId).some(({ messageId, deviceId }) => {
    const send = work.value('send', sendStream(messageId));
    const listVersion = send?.recipients.get(userId)?.listVersion ?? 0;
    return !isCurrent(record, deviceId) && !isLeftOut(record, deviceId, listVersion);
  });
  if (isWaiting) work.effect({ type: 'fetchList', userId });
}

/** Writes device time down where that is due. A start does not: the sweep that follows it does. */
function keepTime(work: Workspace): void {
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined) return;
  const time = dueAnchor(own.time, work.env.clock);
  if (time === undefined) return;
  work.write(DEVICE_STREAM, { name: 'TimeKept', fields: { atMs: time.atMs } }, { ...own, time });
}

/**
 * Mail waits for a key that is accepted by now, and the list that says whom to ask for it has not come: the
 * relay was away, or the process died.
 */
function askForLists(work: Workspace, streams: readonly StreamId[]): void {
  for (const stream of streams) {
    const record = work.value('user', stream);
    if (record?.held === undefined || offersOf(record).length > 0) continue;
    work.effect({ type: 'fetchList', userId: record.userId });
  }
}

function askForFetch(work: Workspace, streams: readonly StreamId[]): void {
  const nowMs = work.nowMs();
  const expiry = work.expiry();
  const users: UserId[] = [];
  for (const stream of streams) {
    const record = work.value('user', stream);
    if (record === undefined) continue;
    const changes = work.isSabotaged('keep-stale') ? [] : overdue(record, nowMs, expiry);
    if (changes.length === 0) continue;
    if (work.isSabotaged('delete-before-fetch')) changeUser(work, record.userId, changes);
    users.push(record.userId);
  }
  if (users.length > 0 || isThawDue(work, nowMs)) {
    work.effect({ type: 'drain', dueMs: nowMs, users });
  }
}

/** What of a record is over at a moment: sessions past MAXRECV, stale devices past MAXLATENCY. */
function overdue(record: UserRecord, atMs: number, expiry: SessionExpiry): readonly UserChange[] {
  const ends: UserChange[] = [];
  const drops: DeviceRecord['deviceId'][] = [];
  for (const device of record.devices.values()) {
    const { deviceId } = device;
    const staleAt = device.staleAt ?? record.staleAt;
    if (staleAt !== undefined && atMs - staleAt > expiry.latencyMs) {
      drops.push(deviceId);
      continue;
    }
    const sessions = allSessionsOf(device);
    const over = sessions.filter(
      (id) => atMs - (device.began?.get(id) ?? atMs) >= expiry.receiveMs,
    );
    for (const session of over) ends.push({ type: 'end', deviceId, session });
    // Without sessions nothing says that there is such a device, unless a list does (SES-28).
    const isUnlisted = device.deviceKey.length === 0;
    if (isUnlisted && over.length === sessions.length) drops.push(deviceId);
  }
  return drops.length === 0 ? ends : [...ends, { type: 'drop', devices: drops }];
}

function recipientsOf(work: Workspace, sends: readonly StreamId[]): readonly UserId[] {
  const users = new Set<UserId>();
  for (const stream of sends) {
    for (const userId of work.value('send', stream)?.recipients.keys() ?? []) users.add(userId);
  }
  return [...users];
}

/** Ends a send that is over its limit, or whose receipts are owed by removed devices only. */
function tendSend(work: Workspace, stream: StreamId): void {
  const state = work.value('send', stream);
  if (state === undefined) return;
  const isOld = work.nowMs() - state.openedAt > SEND_RECORD_MS;
  const isOver = isOld && !work.isSabotaged('keep-expired-send');
  const left = isOver ? withoutOverdue(work, state) : state;
  // What waits for a key waits for as long as it takes.
  const isExpired = isOver && ![...left.recipients.values()].some((each) => isHeld(work, each));
  const reason = isExpired ? 'expired' : 'devices removed';
  if (isExpired || isMoot(work, left))
    work.close(stream, { name: 'SendClosed', fields: { reason } });
  else if (left !== state) work.keep(stream, left);
}

/** Whether a recipient's key is what it waits for: a round, or a copy that was asked for again. */
function isHeld(work: Workspace, recipient: Recipient): boolean {
  if (recipient.status === 'held') return true;
  return hasWish(recipient) && holdReason(work, work.user(recipient.userId)) !== undefined;
}

/**
 * Says of whom the relay never answered, keeping back what has not left, since it was told to have failed;
 * and which devices asked again for what they will not get.
 */
function withoutOverdue(work: Workspace, before: SendState): SendState {
  let state = before;
  for (const { userId } of before.recipients.values()) {
    const recipient = state.recipients.get(userId);
    if (recipient === undefined || isHeld(work, recipient)) continue;
    if (isOpen(recipient)) {
      if (recipient.postId !== undefined) work.postDone(recipient.postId);
      const failed = failRecipient(work, state, { recipient, reason: 'EXPIRED' });
      state = withRecipient(state, failed);
      continue;
    }
    for (const [deviceId, copy] of recipient.copies) {
      const now = state.recipients.get(userId) ?? recipient;
      if (!isWished(copy)) continue;
      state = withDeadCopy(work, { state, recipient: now, deviceId, copy }, 'EXPIRED');
    }
  }
  if (!isPosted(before) && isPosted(state))
    work.effect({ type: 'sendDone', messageId: state.messageId });
  return state;
}

/** Whether nobody who is there is owed anything. */
function isMoot(work: Workspace, state: SendState): boolean {
  return [...state.recipients.values()].every((recipient) => {
    if (isOpen(recipient)) return false;
    const record = work.user(recipient.userId);
    return [...recipient.copies].every(([deviceId, copy]) => {
      if (isLeftOut(record, deviceId, recipient.listVersion)) return true;
      return isFinal(copy);
    });
  });
}
