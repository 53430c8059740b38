/** The bodies of outbox rows: why a post was made, then the post, verbatim until it is accepted. */

import { createReader, createWriter, invariant } from '@simsim/bytes';
import type { BinaryReader } from '@simsim/bytes';
import {
  idToBytes,
  readDeviceId,
  readPost,
  readRandomId,
  readUserId,
  writePost,
} from '@simsim/relay-protocol';
import type { MessageId, Post } from '@simsim/relay-protocol';
import type { PostOrigin } from '@simsim/sesame';

/** A post in the outbox. */
export interface OutboxItem {
  readonly post: Post;
  readonly origin: PostOrigin;
}

const VERSION = 1;
/** How each version there ever was is read: one is added and none taken out. */
const READERS: ReadonlyMap<number, (reader: BinaryReader) => OutboxItem | undefined> = new Map([
  [1, readOutboxItem1],
]);

/** The versions of outbox bodies that are read; the last is written. */
export const OUTBOX_VERSIONS: readonly number[] = [...READERS.keys()];

const TYPES = ['round', 'resend', 'notice'] as const;

/** Encodes an outbox row's body. */
export function encodeOutboxItem({ post, origin }: OutboxItem): Uint8Array {
  const writer = createWriter(1024).u8(VERSION).u8(TYPES.indexOf(origin.type)).text(origin.userId);
  if (origin.type !== 'notice') writer.raw(idToBytes(origin.messageId));
  if (origin.type !== 'round') writer.u8(origin.deviceId);
  writePost(writer, post);
  return writer.finish();
}

/** Decodes a row this device wrote; the log authenticated it, so a malformed one is a bug. */
export function decodeOutboxItem(body: Uint8Array): OutboxItem {
  const reader = createReader(body);
  const item = READERS.get(reader.u8())?.(reader);
  invariant(item !== undefined && reader.isDone(), 'an outbox row reads back as it was written');
  return item;
}

function readOutboxItem1(reader: BinaryReader): OutboxItem | undefined {
  const type = TYPES[reader.u8()];
  const userId = readUserId(reader);
  let origin: PostOrigin;
  if (type === 'notice') {
    origin = { type, userId, deviceId: readDeviceId(reader) };
  } else {
    const messageId = readRandomId<MessageId>(reader);
    origin =
      type === 'resend'
        ? { type, messageId, userId, deviceId: readDeviceId(reader) }
        : { type: 'round', messageId, userId };
  }
  const post = readPost(reader);
  return type === undefined ? undefined : { post, origin };
}
