/**
 * The `send/<messageId>` stream: one message on its way, which *is* Sesame's MessageRecord (SES-65).
 * Sealed, because it holds the plaintext until every accepted device has receipted.
 */

import { bytesToHex, hexToBytes, invariant } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import type { Crypto, Part } from '@simsim/crypto';
import {
  idToBytes,
  postIdFromBytes,
  readDeviceId,
  readRandomId,
  readUserId,
} from '@simsim/relay-protocol';
import type { DeviceId, EnvelopeId, MessageId, PostId, UserId } from '@simsim/relay-protocol';
import { encodeContent } from './content.ts';
import type { ContentKind } from './content.ts';
import { decodeNamesTold } from './device-name.ts';
import { RECIPIENTS_MAX } from './limits.ts';
import { createStateReader, createStateWriter } from './sealed-state.ts';
import type { SessionId } from './user-record.ts';

/**
 * Where one device's copy stands. `asked`: the device could not read it, and a resend waits for its
 * turn. `healing`: keys for a new session to resend it on are being fetched. Final: `receipted`, and
 * `dead`, where it was resent as often as it may be and still could not be read.
 */
export type CopyStage = 'sent' | 'asked' | 'healing' | 'receipted' | 'dead';

/** One ciphertext of a send: to which device, in which session, under which envelope id. */
export interface SentCopy {
  readonly envelopeId: EnvelopeId;
  readonly session: SessionId;
  /** How often this device's copy was encrypted again (SES-75). */
  readonly resends: number;
  readonly stage: CopyStage;
}

/**
 * Where one recipient user stands. `posting`: a round is in the outbox. `claiming`: keys for new
 * devices are being fetched. `held`: the application has to say something of the user's key first.
 * The other three are final.
 */
export type RecipientStatus = 'posting' | 'claiming' | 'held' | 'accepted' | 'unknown' | 'failed';

/** One recipient user of a send. */
export interface Recipient {
  readonly userId: UserId;
  readonly status: RecipientStatus;
  /** Posts and claims made so far. */
  readonly round: number;
  /** The post of the round in flight. */
  readonly postId?: PostId;
  /** The device list version the relay accepted against. */
  readonly listVersion: number;
  /** The round in flight, or the accepted one. */
  readonly copies: ReadonlyMap<DeviceId, SentCopy>;
}

/**
 * One message on its way. One to nobody is for own devices alone: its body holds their names.
 */
export interface SendState {
  readonly messageId: MessageId;
  /** The sender's wall clock, ms; for display only. */
  readonly sentAt: number;
  /** When the record began, ms of device time. */
  readonly openedAt: number;
  readonly conversation?: string;
  readonly to: readonly UserId[];
  readonly body: Uint8Array;
  readonly recipients: ReadonlyMap<UserId, Recipient>;
}

/** True when no copy is owed a receipt and no round is in flight: the plaintext may go. */
export function isSettled(state: SendState): boolean {
  for (const recipient of state.recipients.values()) {
    if (isOpen(recipient)) return false;
    if (recipient.status !== 'accepted') continue;
    for (const copy of recipient.copies.values()) if (!isFinal(copy)) return false;
  }
  return true;
}

/** True for a recipient that is still owed a round. */
export function isOpen({ status }: Recipient): boolean {
  return status === 'posting' || status === 'claiming' || status === 'held';
}

/** True for a copy that nothing more is owed to. */
export function isFinal({ stage }: SentCopy): boolean {
  return stage === 'receipted' || stage === 'dead';
}

/** True once the relay has taken, or refused for good, every copy that may leave. */
export function isPosted(state: SendState): boolean {
  return [...state.recipients.values()].every(
    ({ status }) => status !== 'posting' && status !== 'claiming',
  );
}

/**
 * The recipients whose round is with the relay or on its way there: its post is in the outbox. One that
 * went to no device has no ciphertext, and is told by the send alone.
 */
export function roundsInFlight(
  state: SendState,
): readonly { readonly recipient: Recipient; readonly postId: PostId }[] {
  return [...state.recipients.values()].flatMap((recipient) => {
    const { status, postId, copies } = recipient;
    const isInFlight = status === 'posting' && copies.size > 0;
    return isInFlight && postId !== undefined ? [{ recipient, postId }] : [];
  });
}

/** The padded content for one recipient: own devices get a sync copy that names whom it went to. */
export function contentFor(
  state: SendState,
  { isOwn, resendOf }: { isOwn: boolean; resendOf?: EnvelopeId },
): Uint8Array {
  const kind = kindFor(state, isOwn ? 'ownDevices' : 'others');
  return encodeContent({
    messageId: state.messageId,
    sentAt: state.sentAt,
    kind,
    ...(state.conversation === undefined ? {} : { conversation: state.conversation }),
    ...(resendOf === undefined ? {} : { resendOf }),
  });
}

function kindFor({ to, body }: SendState, whom: 'ownDevices' | 'others'): ContentKind {
  if (whom === 'others') return { type: 'app', body };
  if (to.length === 0) return { type: 'deviceNames', ...decodeNamesTold(body) };
  return { type: 'syncSent', to, body };
}

/** The send with one recipient replaced. */
export function withRecipient(state: SendState, recipient: Recipient): SendState {
  return { ...state, recipients: new Map(state.recipients).set(recipient.userId, recipient) };
}

/** The recipient with one device's copy replaced. */
export function withCopy(recipient: Recipient, deviceId: DeviceId, copy: SentCopy): Recipient {
  return { ...recipient, copies: new Map(recipient.copies).set(deviceId, copy) };
}

/** Whether its device asked for a copy again, and has not been sent it. */
export function isWished({ stage }: SentCopy): boolean {
  return stage === 'asked' || stage === 'healing';
}

/** Whether any device of a user asked for its copy again, and has not been sent it. */
export function hasWish({ copies }: Recipient): boolean {
  return [...copies.values()].some(isWished);
}

/** The newest form of a send. */
export const SEND_VERSION = 2;
const STATUSES: readonly RecipientStatus[] = [
  'posting',
  'claiming',
  'accepted',
  'unknown',
  'failed',
  'held',
];
/** In encoding order. */
const STAGES: readonly CopyStage[] = ['sent', 'receipted', 'asked', 'healing', 'dead'];
/** Version 1 had two bits for it: receipted, and asked for. */
const STAGES_1: readonly CopyStage[] = ['sent', 'receipted', 'asked', 'receipted'];

/** The state as parts to be sealed. */
export function encodeSendState(state: SendState): readonly Part[] {
  return createStateWriter(SEND_VERSION)
    .fields((fields) => {
      fields.raw(idToBytes(state.messageId)).varint(state.sentAt).varint(state.openedAt);
      fields.u8(state.conversation === undefined ? 0 : 1).text(state.conversation ?? '');
      fields.varint(state.to.length);
      for (const user of state.to) fields.text(user);
      fields.bytes(state.body).varint(state.recipients.size);
      for (const recipient of state.recipients.values()) writeRecipient(fields, recipient);
    })
    .finish();
}

function writeRecipient(fields: BinaryWriter, recipient: Recipient): void {
  fields.text(recipient.userId).u8(STATUSES.indexOf(recipient.status)).varint(recipient.round);
  fields.bytes(recipient.postId === undefined ? new Uint8Array(0) : idToBytes(recipient.postId));
  fields.varint(recipient.listVersion).varint(recipient.copies.size);
  for (const [deviceId, copy] of recipient.copies) {
    fields.u8(deviceId).raw(idToBytes(copy.envelopeId)).raw(hexBytes(copy.session));
    fields.varint(copy.resends).u8(STAGES.indexOf(copy.stage));
  }
}

/** Reads a sealed state; `undefined` where it is malformed. */
export function decodeSendState(bytes: Uint8Array, crypto: Crypto): SendState | undefined {
  const { fields, version } = createStateReader(bytes, SEND_VERSION, crypto);
  const messageId = readRandomId<MessageId>(fields);
  const sentAt = fields.varint();
  const openedAt = version === 1 ? sentAt : fields.varint();
  const hasConversation = fields.u8() === 1;
  const conversation = fields.text();
  const to: UserId[] = [];
  for (let left = fields.varint(); left > 0 && fields.isIntact(); left--) {
    to.push(readUserId(fields));
  }
  const body = fields.bytes();
  const recipients = new Map<UserId, Recipient>();
  const count = fields.varint();
  if (count > RECIPIENTS_MAX + 1) return undefined;
  for (let i = 0; i < count; i++) {
    const recipient = readRecipient(fields, version === 1 ? STAGES_1 : STAGES);
    if (recipient === undefined) return undefined;
    recipients.set(recipient.userId, recipient);
  }
  if (!fields.isDone()) return undefined;
  const more = hasConversation ? { conversation } : {};
  return { messageId, sentAt, openedAt, to, body, recipients, ...more };
}

function hexBytes(session: SessionId): Uint8Array {
  const bytes = hexToBytes(session);
  invariant(bytes?.length === 16, 'a session id is 32 hex characters');
  return bytes;
}

function readRecipient(fields: BinaryReader, stages: readonly CopyStage[]): Recipient | undefined {
  const userId = readUserId(fields);
  const status = STATUSES[fields.u8()];
  const round = fields.varint();
  const post = fields.bytes(16);
  const listVersion = fields.varint();
  const copies = new Map<DeviceId, SentCopy>();
  for (let left = fields.varint(); left > 0 && fields.isIntact(); left--) {
    const deviceId = readDeviceId(fields);
    const envelopeId = readRandomId<EnvelopeId>(fields);
    const session = bytesToHex(fields.raw(16));
    const resends = fields.varint();
    const stage = stages[fields.u8()];
    if (stage === undefined) return undefined;
    copies.set(deviceId, { envelopeId, session, resends, stage });
  }
  if (status === undefined || !fields.isIntact()) return undefined;
  const postId = post.length === 16 ? postIdFromBytes(post) : undefined;
  return {
    userId,
    status,
    round,
    listVersion,
    copies,
    ...(postId === undefined ? {} : { postId }),
  };
}
