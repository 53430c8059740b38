/** The random ids: 16 bytes on the wire, 32 lower-case hex characters in memory. */

import type { BinaryReader, Brand, Result } from '@simsim/bytes';
import { bytesToHex, err, hexToBytes, invariant, ok } from '@simsim/bytes';

/** Names what was said; lives inside the ciphertext only. */
export type MessageId = Brand<string, 'MessageId'>;

/** Names one round of one send to one user; makes posting idempotent. */
export type PostId = Brand<string, 'PostId'>;

/** Names one envelope to one device; readable outside. Sesame's MessageID. */
export type EnvelopeId = Brand<string, 'EnvelopeId'>;

/** Names one claim of prekeys; makes claiming idempotent. */
export type ClaimId = Brand<string, 'ClaimId'>;

/** Any of the random ids. */
export type RandomId = MessageId | PostId | EnvelopeId | ClaimId;

/** Why a text is no random id. */
export interface RandomIdRejection {
  readonly code: 'BAD_ID';
}

/** Bytes of a random id. */
export const RANDOM_ID_BYTES = 16;

const PATTERN = /^[0-9a-f]{32}$/;

function parse<I extends RandomId>(text: unknown): Result<I, RandomIdRejection> {
  return typeof text === 'string' && PATTERN.test(text) ? ok(text as I) : err({ code: 'BAD_ID' });
}

function fromBytes<I extends RandomId>(bytes16: Uint8Array): I {
  invariant(bytes16.length === RANDOM_ID_BYTES, 'a random id has 16 bytes');
  return bytesToHex(bytes16) as I;
}

/** Checks a message id. Rejects: `BAD_ID`. */
export const parseMessageId = (text: unknown): Result<MessageId, RandomIdRejection> => parse(text);
/** Checks a post id. Rejects: `BAD_ID`. */
export const parsePostId = (text: unknown): Result<PostId, RandomIdRejection> => parse(text);
/** Checks an envelope id. Rejects: `BAD_ID`. */
export const parseEnvelopeId = (text: unknown): Result<EnvelopeId, RandomIdRejection> =>
  parse(text);
/** Checks a claim id. Rejects: `BAD_ID`. */
export const parseClaimId = (text: unknown): Result<ClaimId, RandomIdRejection> => parse(text);

/** Makes a message id of 16 bytes; another length is a bug. */
export const messageIdFromBytes = (bytes16: Uint8Array): MessageId => fromBytes(bytes16);
/** Makes a post id of 16 bytes; another length is a bug. */
export const postIdFromBytes = (bytes16: Uint8Array): PostId => fromBytes(bytes16);
/** Makes an envelope id of 16 bytes; another length is a bug. */
export const envelopeIdFromBytes = (bytes16: Uint8Array): EnvelopeId => fromBytes(bytes16);
/** Makes a claim id of 16 bytes; another length is a bug. */
export const claimIdFromBytes = (bytes16: Uint8Array): ClaimId => fromBytes(bytes16);

/** The 16 bytes of a random id. */
export function idToBytes(id: RandomId): Uint8Array {
  const bytes = hexToBytes(id);
  invariant(bytes?.length === RANDOM_ID_BYTES, 'a random id is 32 hex characters');
  return bytes;
}

/** Reads a random id of 16 bytes. */
export function readRandomId<I extends RandomId>(reader: BinaryReader): I {
  return bytesToHex(reader.raw(RANDOM_ID_BYTES)) as I;
}
