/** Deciding what the application sends, and what the relay and the key server answer to it. */

import { encodeUtf8 } from '@simsim/bytes';
import type { DeviceId, MessageId, PostId, PostResult, UserId } from '@simsim/relay-protocol';
import { freshSecrets, sessionId } from '@simsim/session';
import type { Session } from '@simsim/session';
import { releaseByList } from './decide-trust.ts';
import type { DecideResult } from './decision.ts';
import type { ClaimResult, Input, PostOrigin, ResendRef } from './input.ts';
import { spendHeal } from './heal-allowance.ts';
import { holdName } from './held-mail.ts';
import { BODY_BYTES_MAX, CONVERSATION_BYTES_MAX, RECIPIENTS_MAX } from './limits.ts';
import { keyOfDevice, modelOf, standingOf } from './key-pin.ts';
import { listChanges, takeList } from './learn-list.ts';
import { changeUser, roundStreams, sendingSession, writeSession } from './peer-session.ts';
import { sessionOf } from './prepared-session.ts';
import { continueResends, needsRenewal, wantAgain } from './resend.ts';
import {
  failRecipient,
  holdRecipient,
  openSend,
  sendRefusal,
  sendUsers,
  startRound,
  writeSend,
} from './send-round.ts';
import { isPosted, withRecipient } from './send-state.ts';
import type { Recipient, SendState } from './send-state.ts';
import { DEVICE_STREAM, SEND_PREFIX, sendStream, userStream } from './streams.ts';
import type { StreamId } from './streams.ts';
import { awaitSuccession } from './own-identity.ts';
import { heldStreams, holdReason, offerKey } from './trust.ts';
import type { UserChange } from './user-change.ts';
import type { UserRecord } from './user-record.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/** Opens a send: durable with the commit, its first rounds in the outbox. */
export function decideSend(input: In<'send'>, work: Workspace): DecideResult {
  const stream = sendStream(input.messageId);
  const first = work.missing([DEVICE_STREAM, stream]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  const refusal = sendRefusal(own);
  if (own === undefined || refusal !== undefined) return refused(refusal ?? 'NOT_REGISTERED');
  if (work.isClosed(stream) || work.value('send', stream) !== undefined)
    return refused('ALREADY_SENT');
  if (input.body.length > BODY_BYTES_MAX) return refused('MESSAGE_TOO_LARGE');
  const { conversation } = input;
  if (conversation !== undefined && encodeUtf8(conversation).length > CONVERSATION_BYTES_MAX) {
    return refused('CONVERSATION_TOO_LONG');
  }
  const to = [...new Set(input.to)];
  if (to.length === 0) return refused('NO_RECIPIENT');
  if (to.length > RECIPIENTS_MAX) return refused('TOO_MANY_RECIPIENTS');

  const missing = sendUsers(work, to).flatMap((userId) => roundStreams(work, userId));
  if (missing.length > 0) return needMore([...new Set(missing)]);

  const isFit = openSend(work, { ...input, to });
  return isFit ? work.decided() : refused('MESSAGE_TOO_LARGE');
}

/** Takes the relay's answer to a post. */
export function decidePosted(input: In<'posted'>, work: Workspace): DecideResult {
  const { origin } = input;
  switch (origin.type) {
    case 'round':
      return decideRoundPosted(input, origin, work);
    case 'resend':
    case 'notice':
      return decideDirectPosted(input, origin, work);
  }
}

function decideRoundPosted(
  input: In<'posted'>,
  origin: Extract<PostOrigin, { type: 'round' }>,
  work: Workspace,
): DecideResult {
  const stream = sendStream(origin.messageId);
  const first = work.missing([DEVICE_STREAM, stream, userStream(origin.userId)]);
  if (first.length > 0) return needMore(first);
  const state = work.value('send', stream);
  const recipient = state?.recipients.get(origin.userId);
  if (state === undefined || recipient === undefined || recipient.postId !== input.postId) {
    work.postDone(input.postId);
    return work.decided();
  }
  const wasHeld = holdReason(work, work.user(origin.userId)) !== undefined;
  const isMismatch = input.result.kind === 'mismatch';
  if (isMismatch) {
    const missing = (wasHeld ? heldStreams : roundStreams)(work, origin.userId);
    if (missing.length > 0) return needMore(missing);
  }
  const posted = isPosted(state);
  const next = afterRound(work, state, { recipient, result: input.result });
  work.postDone(input.postId);
  writeSend(work, withRecipient(state, next), { posted });
  // Its list may settle what other messages wait for.
  if (isMismatch && wasHeld) releaseByList(work, origin.userId);
  return work.decided();
}

function afterRound(
  work: Workspace,
  state: SendState,
  round: { recipient: Recipient; result: PostResult },
): Recipient {
  const { recipient, result } = round;
  const { userId } = recipient;
  switch (result.kind) {
    case 'accepted': {
      const { listVersion } = result;
      work.write(sendStream(state.messageId), {
        name: 'RoundAccepted',
        fields: { userId, listVersion, devices: [...recipient.copies.keys()] },
      });
      work.effect({ type: 'recipientDone', messageId: state.messageId, userId, listVersion });
      const { postId: _, ...rest } = recipient;
      return { ...rest, status: 'accepted', listVersion };
    }
    case 'mismatch':
      return afterMismatch(work, state, { recipient, result });
    case 'unknownUser':
      markGone(work, userId);
      return failRecipient(work, state, { recipient, reason: 'UNKNOWN_USER' });
    case 'conflict':
    case 'gone':
      return failRecipient(work, state, { recipient, reason: 'POST_CONFLICT' });
    case 'tooLarge':
      return failRecipient(work, state, { recipient, reason: 'TOO_LARGE' });
    case 'mailboxFull':
      return failRecipient(work, state, { recipient, reason: 'MAILBOX_FULL' });
  }
}

/** The relay says that there is no such user (SES-44). Of the own one it can only lie. */
function markGone(work: Workspace, userId: UserId): void {
  if (userId === work.self().userId) return;
  changeUser(work, userId, [{ type: 'gone', at: work.nowMs() }]);
}

/**
 * The relay says that there is no such device (SES-45). Of an own one only a list tells: the next list that
 * this device signs names those that are current, and would remove it on the relay's word.
 */
function deviceGone(work: Workspace, userId: UserId, deviceId: DeviceId): readonly UserChange[] {
  const isOwn = userId === work.self().userId;
  return isOwn ? [] : [{ type: 'deviceGone', deviceId, at: work.nowMs() }];
}

/** The round is void, its chain advances stay (SES-49), and the next round begins. */
function afterMismatch(
  work: Workspace,
  state: SendState,
  round: { recipient: Recipient; result: Extract<PostResult, { kind: 'mismatch' }> },
): Recipient {
  const { recipient, result } = round;
  const { userId } = recipient;
  work.write(sendStream(state.messageId), {
    name: 'RoundRejected',
    fields: {
      userId,
      round: recipient.round,
      missing: result.missing,
      extra: result.extra,
      stale: result.stale,
    },
  });
  const checked = listChanges(work, userId, result.list);
  if (!checked.ok && checked.reason === 'BAD_LIST')
    return failRecipient(work, state, { recipient, reason: checked.reason });
  if (!checked.ok && checked.reason === 'OWN_IDENTITY_CHANGED')
    return awaitSuccession(work, state, recipient);
  takeList(work, userId, checked);
  if (work.isSabotaged('drop-rejected-round')) {
    return { ...recipient, status: 'accepted' };
  }
  return startRound(work, state, recipient);
}

/** A post to one device: nothing waits for it but its own record. */
function decideDirectPosted(
  input: In<'posted'>,
  origin: Exclude<PostOrigin, { type: 'round' }>,
  work: Workspace,
): DecideResult {
  const first = work.missing([DEVICE_STREAM, userStream(origin.userId)]);
  if (first.length > 0) return needMore(first);
  const { kind } = input.result;
  if (origin.type === 'resend' && kind !== 'accepted') {
    const missing = work.missing([sendStream(origin.messageId)]);
    if (missing.length > 0) return needMore(missing);
    wantAgain(work, origin, kind);
  } else if (kind === 'gone') {
    foundNobody(work, input.postId, origin);
  }
  work.postDone(input.postId);
  return work.decided();
}

/**
 * A post to one device found nobody. What it asked for again is asked for when a list comes; one that has
 * the device all the same is fetched at once while a heal is left, else by a sweep: a relay may say both
 * without end.
 */
function foundNobody(
  work: Workspace,
  postId: PostId,
  { userId, deviceId }: Exclude<PostOrigin, { type: 'round' }>,
): void {
  const record = work.user(userId);
  const device = record.devices.get(deviceId);
  if (device === undefined) return;
  const retryOf = work.pendingPosts().find((post) => post.postId === postId)?.retryOf;
  const isHeld = retryOf !== undefined && holdName(work, userId, { deviceId, envelopeId: retryOf });
  if (device.staleAt !== undefined) return;
  changeUser(work, userId, deviceGone(work, userId, deviceId));
  // A relay's word alone: the list says whether it is so, before anything owed to the device is let go.
  if (!isHeld || spendHeal(work, userId, deviceId)) work.effect({ type: 'fetchList', userId });
}

/** Takes claimed bundles: prep for encrypting (SES-34, SES-46), then the rounds that waited. */
export function decideClaimed(input: In<'claimed'>, work: Workspace): DecideResult {
  const sends = input.sends.map(sendStream);
  const waiting = waitingSends(work, input.resends);
  const first = work.missing([DEVICE_STREAM, userStream(input.userId), ...sends, ...waiting]);
  if (first.length > 0) return needMore(first);
  const missing = roundStreams(work, input.userId);
  if (missing.length > 0) return needMore(missing);

  const failure = prepare(work, input);
  if (failure === 'OWN_IDENTITY_CHANGED') work.effect({ type: 'succeed' });
  const devices = input.results.map((result) => result.deviceId);
  for (const messageId of input.sends)
    continueSend(work, messageId, { userId: input.userId, devices, failure });
  continueResends(work, input.userId, input.resends);
  return work.decided();
}

/** A new session serves whatever waits for its device; what was asked for may be over by now. */
function waitingSends(work: Workspace, resends: readonly ResendRef[]): readonly StreamId[] {
  if (resends.length === 0) return [];
  const asked = resends.map(({ messageId }) => sendStream(messageId));
  return [...new Set([...work.live(SEND_PREFIX), ...asked])];
}

/** A session that a bundle became, and the device it is with. */
interface MadeSession {
  readonly deviceId: DeviceId;
  readonly session: Session;
}

/** Every bundle becomes a session, or none does (SES-48); what was made for nothing is wiped. */
function prepare(work: Workspace, input: In<'claimed'>): KeyFailure | undefined {
  const made: MadeSession[] = [];
  const changes = begin(work, input, made);
  const isFailure = typeof changes === 'string';
  const unused = new Set([...made.map(({ session }) => session), ...madeAhead(input.results)]);
  if (!isFailure) for (const { session } of made) unused.delete(session);
  for (const session of unused) work.consume(freshSecrets(session));
  if (isFailure) return changes;
  for (const { deviceId, session } of made) {
    const at = { userId: input.userId, deviceId, session: sessionId(session) };
    changes.push({ type: 'insert', deviceId, session: at.session, at: work.nowMs() });
    const event = { name: 'SessionStarted', fields: { role: 'initiator' } } as const;
    writeSession(work, at, { before: undefined, after: session, event });
  }
  changeUser(work, input.userId, changes);
  return undefined;
}

/** Begins a session with each device that lacks one. Answers what else is to be changed, or what is wrong. */
function begin(
  work: Workspace,
  input: In<'claimed'>,
  made: MadeSession[],
): UserChange[] | KeyFailure {
  const record = work.user(input.userId);
  const own = work.self();
  const renewing = input.resends.filter((resend) => needsRenewal(work, input.userId, resend));
  const renewed = new Set(renewing.map((resend) => resend.deviceId));
  const changes: UserChange[] = [];
  for (const result of input.results) {
    const { deviceId } = result;
    const device = record.devices.get(deviceId);
    // Without a current record a session would belong to nobody; another beside the first one, to nothing.
    const isAgain =
      made.some((one) => one.deviceId === deviceId) && !work.isSabotaged('take-keys-again');
    if (isAgain) continue;
    if (device === undefined || device.staleAt !== undefined) continue;
    if ('gone' in result) {
      changes.push(...deviceGone(work, input.userId, deviceId));
      if (input.userId === own.userId) work.effect({ type: 'fetchList', userId: own.userId });
      continue;
    }
    const isGood = sendingSession(work, record, deviceId) !== undefined;
    if (isGood && !renewed.has(deviceId)) continue;
    const { identityKey } = result.bundle;
    if (standingOf(record, deviceId, identityKey) !== 'pinned') {
      if (own.userId === input.userId) return foreignOwnKey(record);
      offerKey(work, input.userId, keyOfDevice(record, deviceId, identityKey));
      return 'IDENTITY_CHANGED';
    }
    const initiated = sessionOf(result, own, work.env);
    if (!initiated.ok) return 'BAD_BUNDLE';
    work.consume(initiated.value.consumed);
    made.push({ deviceId, session: initiated.value.session });
  }
  return changes;
}

/** Sessions that came with an answer. Not all are used: a device may be gone, or have one by now. */
function madeAhead(results: readonly ClaimResult[]): readonly Session[] {
  return results.flatMap((result) => {
    const made = 'bundle' in result ? result.prepared?.made : undefined;
    return made?.ok === true ? [made.value.session] : [];
  });
}

/** Keys of an own device that are not the pinned ones: forged, or of a key that followed the one there is. */
function foreignOwnKey(record: UserRecord): 'BAD_BUNDLE' | 'OWN_IDENTITY_CHANGED' {
  return modelOf(record) === 'per-user' ? 'OWN_IDENTITY_CHANGED' : 'BAD_BUNDLE';
}

/** What may come of bundles instead of sessions, and of a claim. */
type KeyFailure = 'BAD_BUNDLE' | 'IDENTITY_CHANGED' | 'OWN_IDENTITY_CHANGED';
type ClaimFailure = KeyFailure | 'UNKNOWN_USER';

function continueSend(
  work: Workspace,
  messageId: MessageId,
  {
    userId,
    devices,
    failure,
  }: {
    userId: UserId;
    devices: readonly DeviceId[];
    failure: ClaimFailure | undefined;
  },
): void {
  const state = work.value('send', sendStream(messageId));
  const recipient = state?.recipients.get(userId);
  if (state === undefined || recipient?.status !== 'claiming') return;
  work.write(sendStream(messageId), {
    name: 'KeysClaimed',
    fields: { userId, devices },
  });
  const next = afterClaim(work, state, { recipient, failure });
  writeSend(work, withRecipient(state, next), { posted: isPosted(state) });
}

function afterClaim(
  work: Workspace,
  state: SendState,
  { recipient, failure }: { recipient: Recipient; failure: ClaimFailure | undefined },
): Recipient {
  if (failure === 'IDENTITY_CHANGED')
    return holdRecipient(work, state, { recipient, reason: failure });
  if (failure === 'OWN_IDENTITY_CHANGED') return awaitSuccession(work, state, recipient);
  return failure === undefined
    ? startRound(work, state, recipient)
    : failRecipient(work, state, { recipient, reason: failure });
}

/** The relay does not know the user whose keys were claimed. */
export function decideClaimFailed(input: In<'claimFailed'>, work: Workspace): DecideResult {
  const waiting = waitingSends(work, input.resends);
  const sends = input.sends.map(sendStream);
  const first = work.missing([DEVICE_STREAM, userStream(input.userId), ...sends, ...waiting]);
  if (first.length > 0) return needMore(first);
  markGone(work, input.userId);
  for (const messageId of input.sends)
    continueSend(work, messageId, {
      userId: input.userId,
      devices: [],
      failure: 'UNKNOWN_USER',
    });
  continueResends(work, input.userId, input.resends);
  return work.decided();
}
