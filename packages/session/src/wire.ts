/**
 * Signal's message formats, version 3. The only place that knows 33-byte keys and Signal's counter
 * of the previous chain.
 *
 * Spec: signal-wire a.1, a.3, a.4, b.6.
 */

import type { Result } from '@simsim/bytes';
import { concatBytes, createProtobufWriter, decodeProtobuf, err, ok } from '@simsim/bytes';
import type { RatchetHeader } from '@simsim/double-ratchet';
import { MESSAGE_BYTES_MAX } from './limits.ts';
import type { SessionRejection } from './rejection.ts';

/** What a message turned out to be. */
export type ParsedMessage = InitiationMessage | RegularMessage;

/** A PreKeySignalMessage: enough to begin the session, around the message itself. */
export interface InitiationMessage {
  readonly kind: 'initiation';
  /** The initiator's ephemeral key, 32 bytes. */
  readonly baseKey: Uint8Array;
  /** The sender's identity key, 32 bytes. Nothing outside a decryption vouches for it. */
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
  readonly signedPreKeyId: number;
  readonly oneTimePreKeyId?: number;
  readonly inner: RegularMessage;
}

/** A SignalMessage, not yet authenticated. */
export interface RegularMessage {
  readonly kind: 'regular';
  readonly header: RatchetHeader;
  readonly ciphertext: Uint8Array;
  /** Version byte and protobuf as received: what the tag covers after the identity keys. */
  readonly covered: Uint8Array;
  /** 8 bytes. */
  readonly tag: Uint8Array;
}

/** Length of a message's tag: Signal's, and the shortest the specification allows. */
export const TAG_LENGTH = 8;

/** In front of the 32 bytes of a Curve25519 public key. */
export const KEY_TYPE: Uint8Array = Uint8Array.of(0x05);

/** Version 3 in the high nibble; the low one must be 3 or strict peers refuse. */
const VERSION_BYTE = Uint8Array.of(0x33);

const REGULAR_FIELDS = { 1: 'bytes', 2: 'uint32', 3: 'uint32', 4: 'bytes' } as const;
const INITIATION_FIELDS = {
  1: 'uint32',
  2: 'bytes',
  3: 'bytes',
  4: 'bytes',
  5: 'uint32',
  6: 'uint32',
} as const;

/**
 * Parses a message. Its own bytes tell the kind: field 2 is the base key (length-delimited) in an
 * initiation message and the counter (a varint) in a regular one, and both formats require it.
 *
 * Limits: {@link MESSAGE_BYTES_MAX}.
 * Rejects: `TOO_LARGE`, `UNSUPPORTED_VERSION`, `MALFORMED`, `BAD_KEY`.
 */
export function parseMessage(bytes: Uint8Array): Result<ParsedMessage, SessionRejection> {
  const version = checkVersion(bytes);
  if (!version.ok) return version;
  const initiation = decodeProtobuf(bytes.subarray(1), INITIATION_FIELDS);
  if (initiation?.[2] !== undefined) return parseInitiation(initiation);
  return parseRegular(bytes);
}

/** Refuses what is too long or of another version; the low nibble of the version is not looked at. */
function checkVersion(bytes: Uint8Array): Result<undefined, SessionRejection> {
  if (bytes.length > MESSAGE_BYTES_MAX) return err({ code: 'TOO_LARGE' });
  const [versionByte] = bytes;
  if (versionByte === undefined) return err({ code: 'MALFORMED' });
  const version = versionByte >> 4;
  return version === 3 ? ok(undefined) : err({ code: 'UNSUPPORTED_VERSION', version });
}

function parseInitiation(fields: {
  readonly 1?: number;
  readonly 2?: Uint8Array;
  readonly 3?: Uint8Array;
  readonly 4?: Uint8Array;
  readonly 5?: number;
  readonly 6?: number;
}): Result<InitiationMessage, SessionRejection> {
  const { 1: oneTimePreKeyId, 4: message, 5: registrationId = 0, 6: signedPreKeyId } = fields;
  if (fields[2] === undefined || fields[3] === undefined) return err({ code: 'MALFORMED' });
  if (message === undefined || signedPreKeyId === undefined) return err({ code: 'MALFORMED' });
  const baseKey = rawKey(fields[2]);
  if (baseKey === undefined) return err({ code: 'BAD_KEY', key: 'base' });
  const identityKey = rawKey(fields[3]);
  if (identityKey === undefined) return err({ code: 'BAD_KEY', key: 'identity' });
  const version = checkVersion(message);
  if (!version.ok) return version;
  const inner = parseRegular(message);
  if (!inner.ok) return inner;
  return ok({
    kind: 'initiation',
    baseKey,
    identityKey,
    registrationId,
    signedPreKeyId,
    ...(oneTimePreKeyId === undefined ? {} : { oneTimePreKeyId }),
    inner: inner.value,
  });
}

function parseRegular(bytes: Uint8Array): Result<RegularMessage, SessionRejection> {
  const end = bytes.length - TAG_LENGTH;
  if (end < 1) return err({ code: 'MALFORMED' });
  const fields = decodeProtobuf(bytes.subarray(1, end), REGULAR_FIELDS);
  const { 1: key, 2: counter, 3: previous = 0, 4: ciphertext } = fields ?? {};
  if (key === undefined || counter === undefined || ciphertext === undefined) {
    return err({ code: 'MALFORMED' });
  }
  const ratchetKey = rawKey(key);
  if (ratchetKey === undefined) return err({ code: 'BAD_KEY', key: 'ratchet' });
  return ok({
    kind: 'regular',
    // The wire says one less than the count, and 0 for both 0 and 1; nobody relies on it.
    header: { ratchetKey, counter, previousCount: previous + 1 },
    ciphertext,
    covered: bytes.slice(0, end),
    tag: bytes.slice(end),
  });
}

/** Version byte and protobuf of a regular message, still without its tag. */
export function encodeCovered(header: RatchetHeader, ciphertext: Uint8Array): Uint8Array {
  const protobuf = createProtobufWriter()
    .bytes(1, KEY_TYPE, header.ratchetKey)
    .uint32(2, header.counter)
    .uint32(3, Math.max(0, header.previousCount - 1))
    .bytes(4, ciphertext)
    .finish();
  return concatBytes([VERSION_BYTE, protobuf]);
}

/** What goes around a regular message while its session is initiating. */
export interface InitiationHeader {
  readonly baseKey: Uint8Array;
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
  readonly signedPreKeyId: number;
  readonly oneTimePreKeyId: number | undefined;
}

/** A PreKeySignalMessage around a finished regular message. */
export function encodeInitiation(header: InitiationHeader, message: Uint8Array): Uint8Array {
  const writer = createProtobufWriter();
  if (header.oneTimePreKeyId !== undefined) writer.uint32(1, header.oneTimePreKeyId);
  writer
    .bytes(2, KEY_TYPE, header.baseKey)
    .bytes(3, KEY_TYPE, header.identityKey)
    .bytes(4, message)
    .uint32(5, header.registrationId)
    .uint32(6, header.signedPreKeyId);
  return concatBytes([VERSION_BYTE, writer.finish()]);
}

/** The 32 bytes behind the type byte. Real peers ignore trailing bytes; we refuse them. */
function rawKey(encoded: Uint8Array): Uint8Array | undefined {
  return encoded.length === 33 && encoded[0] === KEY_TYPE[0] ? encoded.slice(1) : undefined;
}
