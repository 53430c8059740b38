/** Deciding about mail: Sesame's receiving algorithm (§3.4, SES-53…62) and what the content asks for. */

import { bytesToHex, concatBytes, encodeUtf8, equalBytes } from '@simsim/bytes';
import { idToBytes } from '@simsim/relay-protocol';
import type { IncomingEnvelope, MessageId, UserId } from '@simsim/relay-protocol';
import {
  blocksFor,
  decrypt,
  isBehind,
  parseMessage,
  sessionIdOf,
  walkLength,
  withBlocks,
} from '@simsim/session';
import type { ParsedMessage, Session, SkippedBlock } from '@simsim/session';
import { acceptInitiation } from './accept-initiation.ts';
import type { Attempt, Opened } from './accept-initiation.ts';
import { decodeContent } from './content.ts';
import type { Content } from './content.ts';
import type { DecideResult, EnvelopeState, InboxItem } from './decision.ts';
import type { EventName, FactValue } from './fact-codec.ts';
import type { Input } from './input.ts';
import { HEARTBEAT_COUNTER, SKIPPED_KEY_BYTES } from './limits.ts';
import { holdName } from './held-mail.ts';
import { modelOf, offersOf } from './key-pin.ts';
import { postNotice } from './notice.ts';
import {
  changeUser,
  isTooOld,
  loadedSession,
  sendingSession,
  sessionStreams,
  writeSession,
} from './peer-session.ts';
import { decideRetryRequest, requestResend } from './resend.ts';
import { DEVICE_STREAM, sessionStream, skipStream, userStream } from './streams.ts';
import type { SessionAddress, StreamId } from './streams.ts';
import { allSessionsOf } from './user-record.ts';
import type { UserChange } from './user-change.ts';
import type { SessionId } from './user-record.ts';
import { needMore } from './workspace.ts';
import type { Workspace } from './workspace.ts';

/** Takes one envelope from the mailbox to its named end. */
export function decideEnvelope(
  input: Extract<Input, { type: 'envelope' }>,
  work: Workspace,
): DecideResult {
  const { envelope } = input;
  const first = work.missing([DEVICE_STREAM, userStream(envelope.sender)]);
  if (first.length > 0) return needMore(first);
  const own = work.self();
  if (envelope.sender === own.userId && envelope.senderDevice === own.deviceId) {
    return ended(work, envelope, { state: 'dead', reason: 'FROM_SELF' });
  }
  if (envelope.kind === 'retry') return decideRetryRequest(input, work);

  const digest = envelopeDigest(work, envelope);
  if (work.isSeen(digest)) return ended(work, envelope, { state: 'duplicate' });
  const parsed = parseMessage(envelope.content);
  if (!parsed.ok) return askAgain(work, input, 'MALFORMED');
  // A first message may be for another identity key than ours: then the own record has a say.
  const ours = parsed.value.kind === 'initiation' ? work.missing([userStream(own.userId)]) : [];
  if (ours.length > 0) return needMore(ours);

  const attempt = tryOpen(work, input, { message: parsed.value, digest });
  switch (attempt.kind) {
    case 'needMore':
      return needMore(attempt.streams);
    case 'failed':
      if (attempt.isForAnother === true && !isAsked(input) && sharesKey(work))
        return awaitOwnKey(work, envelope);
      return attempt.offered === undefined
        ? askAgain(work, input, attempt.reason)
        : holdMail(work, input, attempt.offered);
    case 'opened':
      return take(work, input, { opened: attempt.opened, digest });
  }
}

function tryOpen(
  work: Workspace,
  input: Extract<Input, { type: 'envelope' }>,
  { message, digest }: { message: ParsedMessage; digest: Uint8Array },
): Attempt {
  const { envelope } = input;
  const { sender: userId, senderDevice: deviceId } = envelope;
  const device = work.user(userId).devices.get(deviceId);
  const known = device === undefined ? [] : allSessionsOf(device);
  const { crypto } = work.env;
  if (message.kind === 'initiation') {
    const session = sessionIdOf(message.baseKey, crypto);
    const isKnown = known.includes(session) && !work.isSabotaged('new-session-each-initiation');
    // What was learned meanwhile may have it open: that is another try.
    const learned = `${input.isListFresh ? ' list' : ''}${input.isFollowed ? ' key' : ''}`;
    const name = `${bytesToHex(digest)}${learned}`;
    if (!isKnown) return acceptInitiation(work, envelope, { message, name });
    return openWith(work, [{ userId, deviceId, session }], message);
  }
  const candidates = known.map((session: SessionId) => ({ userId, deviceId, session }));
  return openWith(work, candidates, message);
}

/** Why a message does not open that a session knows, and the key is gone: it was used, or given up as too old. */
const KEY_GONE = 'KEY_GONE';

/** Tries sessions in order, the active one first (SES-54); a failed try changes nothing (SES-55). */
function openWith(
  work: Workspace,
  candidates: readonly SessionAddress[],
  message: ParsedMessage,
): Attempt {
  const missing = work.missing(candidates.flatMap(sessionStreams));
  if (missing.length > 0) return { kind: 'needMore', streams: missing };
  const blocks = work.missing(candidates.flatMap((at) => blockStreams(work, at, message)));
  if (blocks.length > 0) return { kind: 'needMore', streams: blocks };
  let reason = 'NO_SESSION';
  let isKeyGone = false;
  for (const at of candidates) {
    const before = withLoadedBlocks(work, at, message);
    if (before === undefined) continue;
    const steps = walkLength(before, message);
    if (!work.mayWalk(at, steps)) {
      reason = 'SKIPPED_TOO_MUCH';
      continue;
    }
    const result = decrypt(before, message, work.env);
    if (!result.ok) {
      work.walked(at, steps);
      reason = result.error.code;
      if (reason === 'DUPLICATE' && isBehind(before, message)) isKeyGone = true;
      continue;
    }
    const { session: after, plaintext, consumed } = result.value;
    const bytes = newSkippedBytes(before, after);
    if (bytes > work.skipBytesLeft(at) && !work.isSabotaged('skip-without-limit')) {
      work.walked(at, steps);
      return { kind: 'failed', reason: 'SKIPPED_TOO_MUCH' };
    }
    work.skipped(at, bytes);
    work.consume(consumed);
    const changes = activation(work, at);
    return { kind: 'opened', opened: { at, before, after, plaintext, changes } };
  }
  return { kind: 'failed', reason: isKeyGone ? KEY_GONE : reason };
}

/** The session that opened a message becomes the active one, where it may send (SES-30). */
function activation(work: Workspace, at: SessionAddress): readonly UserChange[] {
  const device = work.user(at.userId).devices.get(at.deviceId);
  const isActive = device?.active === at.session;
  // A session of before a quarantine stays as it is: active, it would send.
  const isFrozen = device?.frozen?.includes(at.session) === true;
  // Nor does one that is too old to send become the one that sends (SES-83).
  const mayNotSend = isFrozen || (device !== undefined && isTooOld(work, device, at.session));
  return isActive || mayNotSend || work.isSabotaged('ignore-session-activation')
    ? []
    : [{ type: 'activate', deviceId: at.deviceId, session: at.session }];
}

/** What a step added to the skipped keys; keys that were used up do not count against it. */
function newSkippedBytes(before: Session, after: Session): number {
  let keys = 0;
  for (const [id, { seeds }] of after.blocks) {
    const had = before.blocks.get(id)?.seeds.length ?? 0;
    keys += Math.max(0, seeds.length - had);
  }
  return keys * SKIPPED_KEY_BYTES;
}

function blockStreams(
  work: Workspace,
  at: SessionAddress,
  message: ParsedMessage,
): readonly StreamId[] {
  const session = loadedSession(work, at);
  return session === undefined
    ? []
    : blocksFor(session, message).map((block) => skipStream(at, block));
}

function withLoadedBlocks(
  work: Workspace,
  at: SessionAddress,
  message: ParsedMessage,
): Session | undefined {
  const session = loadedSession(work, at);
  if (session === undefined) return undefined;
  const blocks: SkippedBlock[] = [];
  for (const id of blocksFor(session, message)) {
    const block = work.value('skip', skipStream(at, id));
    if (block !== undefined) blocks.push(block);
  }
  return blocks.length === 0 ? session : withBlocks(session, blocks);
}

/** Commits an opened message: session, records, and what its content asks for. */
function take(
  work: Workspace,
  input: Extract<Input, { type: 'envelope' }>,
  { opened, digest }: { opened: Opened; digest: Uint8Array },
): DecideResult {
  const { envelope } = input;
  const { at, before, after, plaintext } = opened;
  const content = decodeContent(plaintext);
  if (content.ok && tellsOfList(work, envelope, content.value) && input.isListFresh !== true)
    return awaitList(work, envelope);
  const seen = [digest];
  const end: EnvelopeState = content.ok
    ? takeContent(work, envelope, { content: content.value, seen })
    : { state: 'dead', reason: 'MALFORMED_CONTENT' };
  changeUser(work, at.userId, opened.changes);
  const messageId = content.ok ? content.value.messageId : '0'.repeat(32);
  const fields: Record<string, FactValue> = {
    envelopeId: envelope.envelopeId,
    messageId,
    outcome: 'reason' in end ? end.reason : end.state,
  };
  const name: EventName = 'MessageReceived';
  if (before === undefined) {
    const started = { name: 'SessionStarted', fields: { role: 'responder' } } as const;
    writeSession(work, at, { before, after, event: started });
    work.write(sessionStream(at), { name, fields, seen });
  } else {
    writeSession(work, at, { before, after, event: { name, fields, seen } });
  }
  if (owesTurn(after)) beatHeart(work, at);
  return ended(work, envelope, end);
}

/** Whether a message says that its sender's list is newer than the one that is known. */
function tellsOfList(work: Workspace, { sender }: IncomingEnvelope, { kind }: Content): boolean {
  return kind.type === 'listMoved' && kind.version > work.user(sender).listVersion;
}

/**
 * The list first: it is told once, and whoever only reads hears of it from nobody else. Until the relay has
 * answered it is as if the message had not come, and it comes again.
 */
function awaitList(work: Workspace, envelope: IncomingEnvelope): DecideResult {
  const anew = work.begunAnew();
  anew.effect({ type: 'fetchList', userId: envelope.sender, envelope });
  return anew.decided();
}

/**
 * A peer that hears nothing keeps to one chain, and what leaks of that chain stays useful. Past so many
 * messages it gets an empty one, again after as many where that was lost.
 */
function owesTurn({ hot }: Session): boolean {
  const counter = hot.receiving?.counter ?? 0;
  if (counter < HEARTBEAT_COUNTER) return false;
  return hot.sending.kind === 'owed' || counter % HEARTBEAT_COUNTER === 0;
}

function beatHeart(work: Workspace, at: SessionAddress): void {
  const sending = sendingSession(work, work.user(at.userId), at.deviceId);
  if (work.isSabotaged('never-turn') || sending?.session !== at.session) return;
  postNotice(work, at, { type: 'refresh' });
}

function takeContent(
  work: Workspace,
  envelope: IncomingEnvelope,
  { content, seen }: { content: Content; seen: Uint8Array[] },
): EnvelopeState {
  const { sender, senderDevice, envelopeId } = envelope;
  const { kind } = content;
  switch (kind.type) {
    case 'app':
    case 'syncSent': {
      if (kind.type === 'syncSent' && sender !== work.self().userId)
        return { state: 'dead', reason: 'FORGED_SYNC' };
      const digest = messageDigest(work, sender, content.messageId);
      if (work.isSeen(digest)) {
        // The sender still waits, or it would not have sent again: its receipt was lost on the way.
        sendReceipt(work, envelope, content.messageId);
        return { state: 'duplicate' };
      }
      seen.push(digest);
      const whose = work.isSabotaged('misattribute-copy') && kind.type === 'syncSent';
      const item: InboxItem = {
        messageId: content.messageId,
        envelopeId,
        sender: whose ? (kind.to[0] ?? sender) : sender,
        senderDevice,
        sentAt: content.sentAt,
        body: kind.body,
        ...(content.conversation === undefined ? {} : { conversation: content.conversation }),
        ...(kind.type === 'syncSent' ? { to: kind.to } : {}),
      };
      work.deliver(item);
      return { state: content.resendOf === undefined ? 'delivered' : 'healed' };
    }
    case 'receipt':
      work.andThen({
        type: 'receipted',
        userId: sender,
        deviceId: senderDevice,
        messageIds: kind.messageIds,
      });
      return { state: 'taken' };
    case 'refresh':
    case 'listMoved':
      return { state: 'taken' };
    case 'head': {
      if (sender !== work.self().userId) return { state: 'dead', reason: 'FORGED_SYNC' };
      const { head, echo } = kind;
      work.andThen({ type: 'headsTold', deviceId: senderDevice, head, ...(echo && { echo }) });
      return { state: 'taken' };
    }
    case 'deviceNames': {
      if (sender !== work.self().userId) return { state: 'dead', reason: 'FORGED_SYNC' };
      const { type: _, ...told } = kind;
      work.andThen({ type: 'namesTold', ...told });
      // What comes twice is harmless; whoever tells keeps it until it knows that it came.
      sendReceipt(work, envelope, content.messageId);
      return { state: 'taken' };
    }
    case 'unknown':
      return { state: 'dead', reason: 'UNKNOWN_CONTENT' };
  }
}

function sendReceipt(work: Workspace, envelope: IncomingEnvelope, messageId: MessageId): void {
  work.andThen({
    type: 'sendReceipts',
    userId: envelope.sender,
    deviceId: envelope.senderDevice,
    messageIds: [messageId],
  });
}

/**
 * Nothing opened it: undo all, keep the session, ask for it again (SES-56, SES-66). Also what a
 * header calls a repeat: no tag was checked, and damage may look like one.
 */
function askAgain(
  work: Workspace,
  input: Extract<Input, { type: 'envelope' }>,
  reason: string,
): DecideResult {
  const { envelope } = input;
  if (work.isSabotaged('drop-damaged-mail')) return ended(work, envelope, { state: 'duplicate' });
  const record = work.user(envelope.sender);
  const registrationId = record.devices.get(envelope.senderDevice)?.registrationId ?? 0;
  const isOther = namesOther(envelope, registrationId) && input.isListFresh !== true;
  if (registrationId === 0 || isOther) {
    if (input.isListFresh !== true || work.isSabotaged('ask-lists-for-ever')) {
      work.effect({ type: 'fetchList', userId: envelope.sender, envelope });
      return work.decided();
    }
    return ended(work, envelope, { state: 'dead', reason: 'UNKNOWN_DEVICE' });
  }
  const { sender: userId, senderDevice: deviceId, envelopeId } = envelope;
  if (reason === KEY_GONE) work.effect({ type: 'keyRepeated', userId, deviceId, envelopeId });
  requestResend(work, envelope, registrationId);
  return ended(work, envelope, { state: 'resend-requested', reason });
}

/**
 * Whether a first message names another incarnation of its sender than the known one, which a request
 * would not reach. Nothing vouches for that number: the list does.
 */
function namesOther({ content }: IncomingEnvelope, registrationId: number): boolean {
  const parsed = parseMessage(content);
  const isFirst = parsed.ok && parsed.value.kind === 'initiation';
  return isFirst && parsed.value.registrationId !== registrationId;
}

function isAsked({ isListFresh, isFollowed }: Extract<Input, { type: 'envelope' }>): boolean {
  return isListFresh === true || isFollowed === true;
}

/** Whether the own devices share an identity key, which another one may follow. */
function sharesKey(work: Workspace): boolean {
  return modelOf(work.user(work.self().userId)) === 'per-user';
}

/** It may be for an identity key that this device has yet to learn of: it is decided again then. */
function awaitOwnKey(work: Workspace, envelope: IncomingEnvelope): DecideResult {
  work.effect({ type: 'succeed', envelope });
  return work.decided();
}

/**
 * It came under a key that is not the pinned one. Only the list can tell whether the user has that key
 * now; where it says so the mail waits for the application, and is asked for again then (SES-89).
 */
function holdMail(
  work: Workspace,
  input: Extract<Input, { type: 'envelope' }>,
  key: Uint8Array,
): DecideResult {
  const { envelope } = input;
  const { sender: userId, senderDevice: deviceId, envelopeId } = envelope;
  const isOwn = userId === work.self().userId && sharesKey(work);
  if (isOwn && !isAsked(input)) return awaitOwnKey(work, envelope);
  const isKnown = input.isListFresh === true && !work.isSabotaged('ask-lists-for-ever');
  if (!isOwn && !isKnown) {
    work.effect({ type: 'fetchList', userId, envelope });
    return work.decided();
  }
  const record = work.user(userId);
  const reason = 'IDENTITY_CHANGED';
  const isOffered = offersOf(record).some(
    (offer) => (offer.deviceId ?? deviceId) === deviceId && equalBytes(offer.key, key),
  );
  if (!isOffered) {
    work.effect({ type: 'foreignKey', userId, deviceId, identityKey: key });
    return askAgain(work, input, reason);
  }
  if (!holdName(work, userId, { deviceId, envelopeId }))
    return ended(work, envelope, { state: 'dead', reason: 'TOO_MUCH_HELD' });
  return ended(work, envelope, { state: 'resend-requested', reason });
}

function ended(work: Workspace, envelope: IncomingEnvelope, end: EnvelopeState): DecideResult {
  work.effect({ type: 'acknowledge', seq: envelope.seq, end, envelopeId: envelope.envelopeId });
  return work.decided();
}

/** Names an envelope as received, so that its verbatim repeat is known before any decryption. */
function envelopeDigest(work: Workspace, envelope: IncomingEnvelope): Uint8Array {
  const from = encodeUtf8(`envelope/${envelope.sender}.${envelope.senderDevice}/`);
  return work.env.crypto.digest([from, envelope.content]);
}

/** Names a message once its plaintext is stored: (authenticated sender, messageId). */
function messageDigest(work: Workspace, sender: UserId, messageId: MessageId): Uint8Array {
  return work.env.crypto.digest([
    concatBytes([encodeUtf8(`message/${sender}/`), idToBytes(messageId)]),
  ]);
}
