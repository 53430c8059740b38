/** Posts, the envelopes in them, and what the relay decided about each (Sesame §3.2, SES-37…45). */

import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import { createWriter } from '@simsim/bytes';
import { FORMAT, readBetween, readMany, writeMany } from './codec.ts';
import type { DeviceId } from './device-id-brand.ts';
import { readDeviceId } from './device-id-brand.ts';
import type { SignedDeviceList } from './device-list.ts';
import { readRegistrationId, readSignedDeviceList, writeSignedDeviceList } from './device-list.ts';
import {
  BODY_BYTES_MAX,
  DEVICE_ID_MAX,
  ENVELOPE_BYTES_MAX,
  ENVELOPES_PER_POST_MAX,
  LIST_VERSION_MAX,
} from './limits.ts';
import type { EnvelopeId, PostId } from './random-id-brand.ts';
import { idToBytes, RANDOM_ID_BYTES, readRandomId } from './random-id-brand.ts';
import type { UserId } from './user-id-brand.ts';
import { readUserId } from './user-id-brand.ts';

/**
 * What an envelope carries. `retry` is Sesame's unencrypted retry request (SES-66); its content is
 * the 16-byte id of the envelope that could not be opened.
 */
export type EnvelopeKind = 'message' | 'retry';

/** One envelope on its way to one device. */
export interface OutgoingEnvelope {
  readonly deviceId: DeviceId;
  /** The incarnation it is sealed for; another one current makes it stale. */
  readonly registrationId: number;
  readonly envelopeId: EnvelopeId;
  readonly kind: EnvelopeKind;
  /** At most 98 KiB. */
  readonly content: Uint8Array;
}

/**
 * Envelopes for one user, taken all or none.
 *
 * `all`: exactly the user's current devices; for the sender's own user all but the sending one, so
 * that an empty set is right for a user with one device. `device`: exactly one envelope.
 */
export interface Post {
  readonly postId: PostId;
  readonly recipient: UserId;
  readonly scope: 'all' | 'device';
  /** At most one per device; any order, the codec sorts by device id. */
  readonly envelopes: readonly OutgoingEnvelope[];
}

/** What the relay decided about one post. Nothing of a post is stored unless it is `accepted`. */
export type PostResult =
  /** Stored; the version names the list the set was exact against. */
  | { readonly kind: 'accepted'; readonly listVersion: number }
  /** Not the exact set. `stale`: listed with another registration id. */
  | {
      readonly kind: 'mismatch';
      readonly missing: readonly DeviceId[];
      readonly extra: readonly DeviceId[];
      readonly stale: readonly DeviceId[];
      readonly list: SignedDeviceList;
    }
  | { readonly kind: 'unknownUser' }
  /** Scope `device`: that device, or that incarnation of it, is no longer current. */
  | { readonly kind: 'gone' }
  /** The post id was accepted before with another body. */
  | { readonly kind: 'conflict' }
  /** An envelope is above 98 KiB. */
  | { readonly kind: 'tooLarge' }
  /** A mailbox is full; later may work. */
  | { readonly kind: 'mailboxFull' };

/** One envelope as its recipient gets it; sender and device are the relay's word (SES-9). */
export interface IncomingEnvelope {
  /** Position in the mailbox, from 1, rising; what is acknowledged. */
  readonly seq: number;
  readonly sender: UserId;
  readonly senderDevice: DeviceId;
  readonly envelopeId: EnvelopeId;
  readonly kind: EnvelopeKind;
  readonly content: Uint8Array;
  /** Milliseconds it waited at the relay, by the relay's clock. */
  readonly waitedMs: number;
}

const KINDS = ['message', 'retry'] as const;
const SCOPES = ['all', 'device'] as const;

/** Writes a post. */
export function writePost(writer: BinaryWriter, post: Post): void {
  writer.raw(idToBytes(post.postId)).text(post.recipient).u8(SCOPES.indexOf(post.scope));
  const sorted = post.envelopes.toSorted((a, b) => a.deviceId - b.deviceId);
  writeMany(writer, sorted, (envelope) => {
    writer.u8(envelope.deviceId).u16(envelope.registrationId).raw(idToBytes(envelope.envelopeId));
    writer.u8(KINDS.indexOf(envelope.kind)).bytes(envelope.content);
  });
}

/** A post as bytes of its own: what the relay hashes to tell a repeat from another body. */
export function encodePost(post: Post): Uint8Array {
  const writer = createWriter(1024).u8(FORMAT);
  writePost(writer, post);
  return writer.finish();
}

/** Reads {@link writePost}. Oversized content is left to the decision, which names it. */
export function readPost(reader: BinaryReader): Post {
  const postId = readRandomId<PostId>(reader);
  const recipient = readUserId(reader);
  const scope = readOneOf(reader, SCOPES);
  const envelopes = readMany(reader, ENVELOPES_PER_POST_MAX, () => readOutgoing(reader));
  for (let i = 1; i < envelopes.length; i++) {
    if ((envelopes[i - 1]?.deviceId ?? 0) >= (envelopes[i]?.deviceId ?? 0)) reader.fail();
  }
  if (scope === 'device' && envelopes.length !== 1) reader.fail();
  return { postId, recipient, scope, envelopes };
}

/** Writes the result of a post. */
export function writePostResult(writer: BinaryWriter, result: PostResult): void {
  writer.u8(RESULTS.indexOf(result.kind));
  if (result.kind === 'accepted') writer.varint(result.listVersion);
  if (result.kind !== 'mismatch') return;
  for (const ids of [result.missing, result.extra, result.stale]) {
    writeIds(writer, ids);
  }
  writeSignedDeviceList(writer, result.list);
}

/** Reads {@link writePostResult}. */
export function readPostResult(reader: BinaryReader): PostResult {
  const kind = readOneOf(reader, RESULTS);
  if (kind === 'accepted') {
    return { kind, listVersion: readBetween(reader, 1, LIST_VERSION_MAX) };
  }
  if (kind !== 'mismatch') return { kind };
  const [missing, extra, stale] = [readIds(reader), readIds(reader), readIds(reader)];
  return { kind, missing, extra, stale, list: readSignedDeviceList(reader) };
}

/** Writes an envelope for its recipient. */
export function writeIncoming(writer: BinaryWriter, envelope: IncomingEnvelope): void {
  writer.varint(envelope.seq).text(envelope.sender).u8(envelope.senderDevice);
  writer.raw(idToBytes(envelope.envelopeId)).u8(KINDS.indexOf(envelope.kind));
  writer.bytes(envelope.content).varint(envelope.waitedMs);
}

/** Reads {@link writeIncoming}. */
export function readIncoming(reader: BinaryReader): IncomingEnvelope {
  const seq = readBetween(reader, 1, Number.MAX_SAFE_INTEGER);
  const sender = readUserId(reader);
  const senderDevice = readDeviceId(reader);
  const envelopeId = readRandomId<EnvelopeId>(reader);
  const kind = readOneOf(reader, KINDS);
  const content = reader.bytes(ENVELOPE_BYTES_MAX);
  return { seq, sender, senderDevice, envelopeId, kind, content, waitedMs: reader.varint() };
}

/** Writes device ids, sorted. */
export function writeIds(writer: BinaryWriter, ids: readonly DeviceId[]): void {
  const sorted = ids.toSorted((a, b) => a - b);
  writeMany(writer, sorted, (id) => writer.u8(id));
}

/** Reads device ids, sorted and unique. */
export function readIds(reader: BinaryReader): DeviceId[] {
  const ids = readMany(reader, DEVICE_ID_MAX, () => readDeviceId(reader));
  for (let i = 1; i < ids.length; i++) if ((ids[i - 1] ?? 0) >= (ids[i] ?? 0)) reader.fail();
  return ids;
}

const RESULTS = [
  'accepted',
  'mismatch',
  'unknownUser',
  'gone',
  'conflict',
  'tooLarge',
  'mailboxFull',
] as const satisfies readonly PostResult['kind'][];

function readOutgoing(reader: BinaryReader): OutgoingEnvelope {
  const deviceId = readDeviceId(reader);
  const registrationId = readRegistrationId(reader);
  const envelopeId = readRandomId<EnvelopeId>(reader);
  const kind = readOneOf(reader, KINDS);
  const content = reader.bytes(BODY_BYTES_MAX);
  if (kind === 'retry' && content.length !== RANDOM_ID_BYTES) reader.fail();
  return { deviceId, registrationId, envelopeId, kind, content };
}

function readOneOf<const T extends readonly [string, ...string[]]>(
  reader: BinaryReader,
  names: T,
): T[number] {
  const name = names[reader.u8()];
  if (name === undefined) reader.fail();
  return name ?? names[0];
}
