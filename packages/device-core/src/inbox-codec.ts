/** The bodies of inbox rows: plaintext that waits for the application, sealed by the log. */

import { createReader, createWriter, invariant } from '@simsim/bytes';
import type { BinaryReader } from '@simsim/bytes';
import { idToBytes, readDeviceId, readRandomId, readUserId } from '@simsim/relay-protocol';
import type { EnvelopeId, MessageId, UserId } from '@simsim/relay-protocol';
import type { InboxItem } from '@simsim/sesame';

const VERSION = 1;
/** How each version there ever was is read: one is added and none taken out. */
const READERS: ReadonlyMap<number, (reader: BinaryReader) => InboxItem> = new Map([
  [1, readInboxItem1],
]);

/** The versions of inbox bodies that are read; the last is written. */
export const INBOX_VERSIONS: readonly number[] = [...READERS.keys()];

/** Encodes an inbox row's body. The bytes are secret; the caller wipes them. */
export function encodeInboxItem(item: InboxItem): Uint8Array {
  const writer = createWriter(256)
    .u8(VERSION)
    .raw(idToBytes(item.messageId))
    .raw(idToBytes(item.envelopeId))
    .text(item.sender)
    .u8(item.senderDevice)
    .varint(item.sentAt)
    .u8((item.conversation === undefined ? 0 : 1) | (item.to === undefined ? 0 : 2));
  if (item.conversation !== undefined) writer.text(item.conversation);
  if (item.to !== undefined) {
    writer.varint(item.to.length);
    for (const user of item.to) writer.text(user);
  }
  return writer.bytes(item.body).finish();
}

/** Decodes a row this device wrote; the log authenticated it, so a malformed one is a bug. */
export function decodeInboxItem(body: Uint8Array): InboxItem {
  const reader = createReader(body);
  const item = READERS.get(reader.u8())?.(reader);
  invariant(item !== undefined && reader.isDone(), 'an inbox row reads back as it was written');
  return item;
}

function readInboxItem1(reader: BinaryReader): InboxItem {
  const item = {
    messageId: readRandomId<MessageId>(reader),
    envelopeId: readRandomId<EnvelopeId>(reader),
    sender: readUserId(reader),
    senderDevice: readDeviceId(reader),
    sentAt: reader.varint(),
  };
  const flags = reader.u8();
  const conversation = flags & 1 ? { conversation: reader.text() } : {};
  const to: UserId[] = [];
  if (flags & 2)
    for (let left = reader.varint(); left > 0 && reader.isIntact(); left--)
      to.push(readUserId(reader));
  return { ...item, ...conversation, ...(flags & 2 ? { to } : {}), body: reader.bytes() };
}
