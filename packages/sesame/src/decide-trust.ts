/** Deciding about identity keys and device lists of users: what was learned, and what the owner says. */

import type { DeviceId, UserId } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import { listChanges, takeList } from './learn-list.ts';
import { releases } from './held-mail.ts';
import type { Input } from './input.ts';
import { isSameKey, modelOf, pinAt, placeOf, withdrawals } from './key-pin.ts';
import { changeUser } from './peer-session.ts';
import { serveWish, wishesOf } from './resend.ts';
import { refuseHeld, releaseHeld, startRound, writeSend } from './send-round.ts';
import { hasWish, isPosted, withRecipient } from './send-state.ts';
import { DEVICE_STREAM, SEND_PREFIX, sendStream, userStream } from './streams.ts';
import { heldStreams, holdReason } from './trust.ts';
import type { IdentityKey, UserChange } from './user-change.ts';
import type { UserRecord } from './user-record.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/**
 * Takes a device list that was fetched. A changed key is told and kept as an offer, not as a refusal,
 * which would swallow the telling (SES-89).
 */
export function decideListLearned(input: In<'listLearned'>, work: Workspace): DecideResult {
  const { userId } = input.list.list;
  const first = work.missing([DEVICE_STREAM, userStream(userId)]);
  if (first.length > 0) return needMore(first);
  const record = work.user(userId);
  const wasHeld = holdReason(work, record) !== undefined;
  // A newer list may have another incarnation of a device that asked for something again; the same one
  // brings back whom only the relay said to be gone.
  const isNews = input.list.list.version > record.listVersion || hasGone(record);
  const missing = wasHeld || isNews ? heldStreams(work, userId) : [];
  if (missing.length > 0) return needMore(missing);
  const checked = listChanges(work, userId, input.list);
  if (!checked.ok && checked.reason === 'BAD_LIST') return refused(checked.reason);
  takeList(work, userId, checked);
  if (!checked.ok) return work.decided();
  if (wasHeld) releaseByList(work, userId);
  if (holdReason(work, work.user(userId)) !== undefined) return work.decided();
  if (isNews) for (const wish of wishesOf(work, userId)) serveWish(work, userId, wish);
  return work.decided();
}

/** Whether there is anybody for a list to bring back. */
function hasGone({ staleAt, devices }: UserRecord): boolean {
  if (staleAt !== undefined) return true;
  return [...devices.values()].some((device) => device.staleAt !== undefined);
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
  const record = work.user(userId);
  const place = placeOf(record, identityKey);
  if (place === undefined) return refused('UNKNOWN_KEY');
  const whose = place.deviceId === undefined ? {} : { deviceId: place.deviceId };
  const { identityKey: pinned, offered, trust } = pinAt(record, place);
  const isKnown = isSameKey(pinned, identityKey);
  // A device that was removed may be listed again by whom nobody believed: with this word it is there.
  const isPinned = isKnown && !(isGone(record, place) && isSameKey(offered, identityKey));
  const changes: UserChange[] = [];
  // Nobody who is known stands for it: the list that names it may follow none that is known.
  if (!isPinned && place.deviceId !== undefined) changes.push({ type: 'forgetList' });
  if (!isPinned) changes.push({ type: 'identity', key: identityKey, ...whose });
  if (isKnown && offered !== undefined) changes.push({ type: 'withdraw', ...whose });
  if (isPinned) changes.push(...releases(record, ({ deviceId }) => covers(place, deviceId)));
  if (!isPinned || trust !== level) changes.push({ type: 'trust', level, ...whose });
  changeUser(work, userId, changes);
  if (!isPinned) {
    // The list tells its devices, and whom to ask for the mail that waited.
    if (modelOf(record) !== undefined) work.effect({ type: 'fetchList', userId });
    restartWished(work, userId);
  }
  if (isPinned) renewWished(work, userId);
  if (holdReason(work, work.user(userId)) === undefined) releaseHeld(work, userId, 'anew');
  return work.decided();
}

/** The application will not have the other key: what waits for it is given up, the pinned one stays. */
export function decideRefuseIdentity(input: In<'refuseIdentity'>, work: Workspace): DecideResult {
  const { userId, identityKey } = input;
  const first = work.missing([DEVICE_STREAM, userStream(userId), ...work.live(SEND_PREFIX)]);
  if (first.length > 0) return needMore(first);
  const record = work.user(userId);
  if (identityKey !== undefined && !isInQuestion(record, identityKey))
    return refused('UNKNOWN_KEY');
  changeUser(work, userId, [...withdrawals(record), ...releases(record, () => true)]);
  refuseHeld(work, userId, 'IDENTITY_REFUSED');
  renewWished(work, userId);
  return work.decided();
}

/**
 * Goes on with what waited for a user's key where a list has settled that: it took another key back, or
 * has no device any more whose key it was. The user's held streams must be loaded.
 */
export function releaseByList(work: Workspace, userId: UserId): void {
  if (holdReason(work, work.user(userId)) !== undefined) return;
  releaseHeld(work, userId, 'goOn');
  renewWished(work, userId);
}

/** Whether a key is offered for a user, or is the one that is used where no other is offered. */
function isInQuestion(record: UserRecord, key: Uint8Array): boolean {
  const place = placeOf(record, key);
  const { identityKey, offered } = place === undefined ? {} : pinAt(record, place);
  return isSameKey(offered ?? identityKey, key);
}

/** Whether the newest list leaves out the device that a key is pinned for. */
function isGone({ devicePins }: UserRecord, { deviceId }: IdentityKey): boolean {
  return deviceId !== undefined && devicePins?.get(deviceId)?.standing !== undefined;
}

/** Whether a key is one that a device uses. */
function covers(place: IdentityKey, deviceId: DeviceId): boolean {
  return place.deviceId === undefined || place.deviceId === deviceId;
}

/** What devices of before asked for again goes to those there are now: another round finds them. */
function restartWished(work: Workspace, userId: UserId): void {
  for (const stream of work.live(SEND_PREFIX)) {
    const state = work.value('send', stream);
    const recipient = state?.recipients.get(userId);
    if (state === undefined || recipient?.status !== 'accepted') continue;
    if (!hasWish(recipient)) continue;
    work.write(sendStream(state.messageId), { name: 'SendRestarted' });
    const anew = { ...state, openedAt: work.nowMs() };
    const started = startRound(work, anew, { ...recipient, round: 0 });
    writeSend(work, withRecipient(anew, started), { posted: isPosted(state) });
  }
}

/** What waited for a user's key to be asked for again has its time from here on. The sends must be loaded. */
function renewWished(work: Workspace, userId: UserId): void {
  for (const stream of work.live(SEND_PREFIX)) {
    const state = work.value('send', stream);
    const recipient = state?.recipients.get(userId);
    if (state === undefined || recipient === undefined || !hasWish(recipient)) continue;
    const event = { name: 'SendReleased', fields: { userId } } as const;
    work.write(stream, event, { ...state, openedAt: work.nowMs() });
  }
}
