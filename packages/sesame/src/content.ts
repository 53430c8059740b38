/**
 * The codec of what travels inside a ciphertext.
 *
 * version u8 = 1 ‖ type u8 ‖ messageId 16 ‖ sentAt varint ‖ flags u8 ‖ [conversation] ‖ [resendOf 16]
 * ‖ type's own fields; then 0x80 and zeros up to a multiple of {@link PADDING_STEP_BYTES}. A type we
 * do not know is kept as `unknown`, so that an older device can acknowledge what a newer one sends.
 */

import { createReader, createWriter, err, newBytes, ok } from '@simsim/bytes';
import type { BinaryReader, Result } from '@simsim/bytes';
import {
  idToBytes,
  readDeviceHead,
  readRandomId,
  readUserId,
  writeDeviceHead,
} from '@simsim/relay-protocol';
import type { DeviceHead, EnvelopeId, MessageId, UserId } from '@simsim/relay-protocol';
import { readNamesTold, writeNamesTold } from './device-name.ts';
import type { NamesTold } from './device-name.ts';
import {
  BODY_BYTES_MAX,
  CONVERSATION_BYTES_MAX,
  PADDING_STEP_BYTES,
  RECEIPT_IDS_MAX,
  RECIPIENTS_MAX,
} from './limits.ts';

/** What a message is for. */
export type ContentKind =
  | { readonly type: 'app'; readonly body: Uint8Array }
  | { readonly type: 'syncSent'; readonly to: readonly UserId[]; readonly body: Uint8Array }
  | { readonly type: 'receipt'; readonly messageIds: readonly MessageId[] }
  | { readonly type: 'refresh' }
  /** To own devices: where the sender's log stands, and the newest head of the recipient's it saw. */
  | { readonly type: 'head'; readonly head: DeviceHead; readonly echo?: DeviceHead }
  /** The sender's device list is another one: who is written to, and under which key, is to be looked up. */
  | { readonly type: 'listMoved'; readonly version: number }
  /** To own devices: what they are called. */
  | ({ readonly type: 'deviceNames' } & NamesTold)
  | { readonly type: 'unknown'; readonly code: number; readonly bytes: Uint8Array };

/** One message as its sender wrote it. `sentAt` is the sender's wall clock in ms, for display only. */
export interface Content {
  readonly messageId: MessageId;
  readonly sentAt: number;
  readonly conversation?: string;
  /** The envelope that could not be read and that this one makes good. */
  readonly resendOf?: EnvelopeId;
  readonly kind: ContentKind;
}

/** Why bytes are no content. */
export interface ContentRejection {
  readonly code: 'MALFORMED_CONTENT';
}

const VERSION = 1;
/** How each version there ever was is read: one is added and none taken out. */
const READERS: ReadonlyMap<number, (reader: BinaryReader) => Content | undefined> = new Map([
  [1, readContent1],
]);

/** The versions of content that are read; the last is written. */
export const CONTENT_VERSIONS: readonly number[] = [...READERS.keys()];

const CODE_BY_TYPE = {
  app: 1,
  syncSent: 2,
  receipt: 3,
  refresh: 4,
  head: 5,
  listMoved: 6,
  deviceNames: 9,
} as const;
const HAS_CONVERSATION = 1;
const HAS_RESEND = 2;

/** Encodes and pads content. */
export function encodeContent(content: Content): Uint8Array {
  const { kind } = content;
  const flags =
    (content.conversation === undefined ? 0 : HAS_CONVERSATION) |
    (content.resendOf === undefined ? 0 : HAS_RESEND);
  const writer = createWriter(PADDING_STEP_BYTES)
    .u8(VERSION)
    .u8(kind.type === 'unknown' ? kind.code : CODE_BY_TYPE[kind.type])
    .raw(idToBytes(content.messageId))
    .varint(content.sentAt)
    .u8(flags);
  if (content.conversation !== undefined) writer.text(content.conversation);
  if (content.resendOf !== undefined) writer.raw(idToBytes(content.resendOf));
  switch (kind.type) {
    case 'app':
      writer.bytes(kind.body);
      break;
    case 'syncSent':
      writer.varint(kind.to.length);
      for (const user of kind.to) writer.text(user);
      writer.bytes(kind.body);
      break;
    case 'receipt':
      writer.varint(kind.messageIds.length);
      for (const id of kind.messageIds) writer.raw(idToBytes(id));
      break;
    case 'refresh':
      break;
    case 'head':
      writeDeviceHead(writer, kind.head);
      writer.u8(kind.echo === undefined ? 0 : 1);
      if (kind.echo !== undefined) writeDeviceHead(writer, kind.echo);
      break;
    case 'listMoved':
      writer.varint(kind.version);
      break;
    case 'deviceNames':
      writeNamesTold(writer, kind);
      break;
    case 'unknown':
      writer.raw(kind.bytes);
      break;
  }
  return pad(writer.finish());
}

/** Reads padded content. Total: malformed bytes are refused, an unknown type is kept. */
export function decodeContent(padded: Uint8Array): Result<Content, ContentRejection> {
  const bytes = unpad(padded);
  if (bytes === undefined) return err({ code: 'MALFORMED_CONTENT' });
  const reader = createReader(bytes);
  const content = READERS.get(reader.u8())?.(reader);
  return reader.isDone() && content !== undefined
    ? ok(content)
    : err({ code: 'MALFORMED_CONTENT' });
}

function readContent1(reader: BinaryReader): Content | undefined {
  const code = reader.u8();
  const messageId = readRandomId<MessageId>(reader);
  const sentAt = reader.varint();
  const flags = reader.u8();
  if (flags > (HAS_CONVERSATION | HAS_RESEND)) reader.fail();
  const conversation = flags & HAS_CONVERSATION ? reader.text(CONVERSATION_BYTES_MAX) : undefined;
  const resendOf = flags & HAS_RESEND ? readRandomId<EnvelopeId>(reader) : undefined;
  const kind = decodeKind(code, reader);
  if (kind === undefined) return undefined;
  return {
    messageId,
    sentAt,
    kind,
    ...(conversation === undefined ? {} : { conversation }),
    ...(resendOf === undefined ? {} : { resendOf }),
  };
}

function decodeKind(code: number, reader: BinaryReader): ContentKind | undefined {
  switch (code) {
    case CODE_BY_TYPE.app:
      return { type: 'app', body: reader.bytes(BODY_BYTES_MAX) };
    case CODE_BY_TYPE.syncSent: {
      const to = readList(reader, RECIPIENTS_MAX, () => readUserId(reader));
      const body = reader.bytes(BODY_BYTES_MAX);
      return to && { type: 'syncSent', to, body };
    }
    case CODE_BY_TYPE.receipt: {
      const messageIds = readList(reader, RECEIPT_IDS_MAX, () => readRandomId<MessageId>(reader));
      return messageIds && { type: 'receipt', messageIds };
    }
    case CODE_BY_TYPE.refresh:
      return { type: 'refresh' };
    case CODE_BY_TYPE.head:
      return readHeads(reader);
    case CODE_BY_TYPE.listMoved:
      return { type: 'listMoved', version: reader.varint() };
    case CODE_BY_TYPE.deviceNames:
      return { type: 'deviceNames', ...readNamesTold(reader) };
    default:
      return { type: 'unknown', code, bytes: reader.raw(reader.left()) };
  }
}

function readHeads(reader: BinaryReader): ContentKind | undefined {
  const head = readDeviceHead(reader);
  const flag = reader.u8();
  if (flag > 1) return undefined;
  return flag === 1 ? { type: 'head', head, echo: readDeviceHead(reader) } : { type: 'head', head };
}

function readList<T>(reader: BinaryReader, most: number, read: () => T): T[] | undefined {
  const count = reader.varint();
  if (count > most) return undefined;
  const items: T[] = [];
  for (let i = 0; i < count && reader.isIntact(); i++) {
    items.push(read());
  }
  return items;
}

function pad(bytes: Uint8Array): Uint8Array {
  const padded = newBytes(Math.ceil((bytes.length + 1) / PADDING_STEP_BYTES) * PADDING_STEP_BYTES);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  return padded;
}

function unpad(padded: Uint8Array): Uint8Array | undefined {
  if (padded.length === 0 || padded.length % PADDING_STEP_BYTES !== 0) return undefined;
  let end = padded.length - 1;
  while (end > 0 && padded[end] === 0) end--;
  const isCanonical = padded[end] === 0x80 && padded.length - end <= PADDING_STEP_BYTES;
  return isCanonical ? padded.subarray(0, end) : undefined;
}
