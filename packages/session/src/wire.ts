/**
 * Signal's message formats, versions 3 and 4. The only place that knows Signal's counter of the
 * previous chain.
 *
 * Spec: signal-wire a.1, a.3, a.4, b.6.
 */

import type { Result } from '@simsim/bytes';
import {
  concatBytes,
  copyBytes,
  createProtobufWriter,
  decodeProtobuf,
  err,
  ok,
} from '@simsim/bytes';
import type { RatchetHeader } from '@simsim/double-ratchet';
import { MESSAGE_BYTES_MAX } from './limits.ts';
import type { PqField } from './pq-field.ts';
import { decodePqField, encodePqField } from './pq-field.ts';
import type { SessionRejection } from './rejection.ts';
import { KEM_TYPE, KEY_TYPE, decodeWireKemKey, decodeWireKey } from './wire-keys.ts';

/** Version of a session and of its messages: 3 began with X3DH, 4 with PQXDH. */
export type WireVersion = 3 | 4;

/** What a message turned out to be. */
export type ParsedMessage = InitiationMessage | RegularMessage;

/** A PreKeySignalMessage: enough to begin the session, around the message itself. */
export interface InitiationMessage {
  readonly kind: 'initiation';
  readonly version: WireVersion;
  /** The initiator's ephemeral key, 32 bytes. No tag covers it. */
  readonly baseKey: Uint8Array;
  /** The sender's identity key, 32 bytes. Nothing outside a decryption vouches for it. */
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
  readonly signedPreKeyId: number;
  readonly oneTimePreKeyId?: number;
  /** Version 4 has it, version 3 has not. */
  readonly kem?: KemInitiation;
  readonly inner: RegularMessage;
}

/** Which KEM prekey began the session, and what the initiator sent for it. */
export interface KemInitiation {
  readonly preKeyId: number;
  /** 1568 bytes. */
  readonly ciphertext: Uint8Array;
}

/** A SignalMessage, not yet authenticated. */
export interface RegularMessage {
  readonly kind: 'regular';
  readonly version: WireVersion;
  readonly header: RatchetHeader;
  readonly ciphertext: Uint8Array;
  /** What a message of version 4 says about the post-quantum ratchet; absent in older peers. */
  readonly pq?: PqField;
  /** Sender and recipient, 36 bytes, in initiation messages of newer peers of version 4. */
  readonly addresses?: Uint8Array;
  /** Version byte and protobuf as received: what the tag covers after the identity keys. */
  readonly covered: Uint8Array;
  /** 8 bytes. */
  readonly tag: Uint8Array;
}

/** Length of a message's tag: Signal's, and the shortest the specification allows. */
export const TAG_LENGTH = 8;

/** Length of {@link RegularMessage.addresses}. */
export const ADDRESSES_LENGTH = 36;

/** The version in the high nibble; in the low one our newest, but 3 where strict peers want it. */
const VERSION_BYTES: { readonly [V in WireVersion]: Uint8Array } = {
  3: Uint8Array.of(0x33),
  4: Uint8Array.of(0x44),
};

/** Version 3 knows no more fields than these: whatever else stands there is unknown, and skipped. */
const REGULAR_FIELDS_3 = { 1: 'bytes', 2: 'uint32', 3: 'uint32', 4: 'bytes' } as const;
const REGULAR_FIELDS = { ...REGULAR_FIELDS_3, 5: 'bytes', 6: 'bytes' } as const;

const INITIATION_FIELDS_3 = {
  1: 'uint32',
  2: 'bytes',
  3: 'bytes',
  4: 'bytes',
  5: 'uint32',
  6: 'uint32',
} as const;
const INITIATION_FIELDS = { ...INITIATION_FIELDS_3, 7: 'uint32', 8: 'bytes' } as const;

/**
 * Parses a message. Its own bytes tell the kind: field 2 is the base key (length-delimited) in an
 * initiation message and the counter (a varint) in a regular one, and both formats require it.
 *
 * Limits: {@link MESSAGE_BYTES_MAX}.
 * Rejects: `TOO_LARGE`, `UNSUPPORTED_VERSION`, `MALFORMED`, `BAD_KEY`, `BAD_KEM_CIPHERTEXT`.
 */
export function parseMessage(bytes: Uint8Array): Result<ParsedMessage, SessionRejection> {
  const version = versionOf(bytes);
  if (!version.ok) return version;
  const fields = version.value === 3 ? INITIATION_FIELDS_3 : INITIATION_FIELDS;
  const initiation = decodeProtobuf(bytes.subarray(1), fields);
  if (initiation?.[2] !== undefined) return parseInitiation(initiation, version.value);
  return parseRegular(bytes, version.value);
}

/** Refuses what is too long or of another version; the low nibble of the version is not looked at. */
function versionOf(bytes: Uint8Array): Result<WireVersion, SessionRejection> {
  if (bytes.length > MESSAGE_BYTES_MAX) return err({ code: 'TOO_LARGE' });
  const [versionByte] = bytes;
  if (versionByte === undefined) return err({ code: 'MALFORMED' });
  const version = versionByte >> 4;
  const isKnown = version === 3 || version === 4;
  return isKnown ? ok(version) : err({ code: 'UNSUPPORTED_VERSION', version });
}

interface InitiationFields {
  readonly 1?: number;
  readonly 2?: Uint8Array;
  readonly 3?: Uint8Array;
  readonly 4?: Uint8Array;
  readonly 5?: number;
  readonly 6?: number;
  readonly 7?: number;
  readonly 8?: Uint8Array;
}

function parseInitiation(
  fields: InitiationFields,
  version: WireVersion,
): Result<InitiationMessage, SessionRejection> {
  const { 1: oneTimePreKeyId, 4: message, 5: registrationId = 0, 6: signedPreKeyId } = fields;
  if (fields[2] === undefined || fields[3] === undefined) return err({ code: 'MALFORMED' });
  if (message === undefined || signedPreKeyId === undefined) return err({ code: 'MALFORMED' });
  const baseKey = decodeWireKey(fields[2]);
  if (baseKey === undefined) return err({ code: 'BAD_KEY', key: 'base' });
  const identityKey = decodeWireKey(fields[3]);
  if (identityKey === undefined) return err({ code: 'BAD_KEY', key: 'identity' });
  const kem = parseKem(fields, version);
  if (!kem.ok) return kem;
  const innerVersion = versionOf(message);
  if (!innerVersion.ok) return innerVersion;
  if (innerVersion.value !== version) return err({ code: 'MALFORMED' });
  const inner = parseRegular(message, version);
  if (!inner.ok) return inner;
  return ok({
    kind: 'initiation',
    version,
    baseKey,
    identityKey,
    registrationId,
    signedPreKeyId,
    ...(oneTimePreKeyId === undefined ? {} : { oneTimePreKeyId }),
    ...(kem.value === undefined ? {} : { kem: kem.value }),
    inner: inner.value,
  });
}

/** Version 4 needs both KEM fields. */
function parseKem(
  { 7: preKeyId, 8: encoded }: InitiationFields,
  version: WireVersion,
): Result<KemInitiation | undefined, SessionRejection> {
  if (version === 3) return ok(undefined);
  if (preKeyId === undefined || encoded === undefined) return err({ code: 'MALFORMED' });
  const ciphertext = decodeWireKemKey(encoded);
  if (ciphertext === undefined) return err({ code: 'BAD_KEM_CIPHERTEXT' });
  return ok({ preKeyId, ciphertext });
}

interface RegularFields {
  readonly 1?: Uint8Array;
  readonly 2?: number;
  readonly 3?: number;
  readonly 4?: Uint8Array;
  readonly 5?: Uint8Array;
  readonly 6?: Uint8Array;
}

function parseRegular(
  bytes: Uint8Array,
  version: WireVersion,
): Result<RegularMessage, SessionRejection> {
  const end = bytes.length - TAG_LENGTH;
  if (end < 1) return err({ code: 'MALFORMED' });
  const shape = version === 3 ? REGULAR_FIELDS_3 : REGULAR_FIELDS;
  const fields: RegularFields = decodeProtobuf(bytes.subarray(1, end), shape) ?? {};
  const { 1: key, 2: counter, 3: previous = 0, 4: ciphertext, 5: pqField, 6: addresses } = fields;
  if (key === undefined || counter === undefined || ciphertext === undefined) {
    return err({ code: 'MALFORMED' });
  }
  const ratchetKey = decodeWireKey(key);
  if (ratchetKey === undefined) return err({ code: 'BAD_KEY', key: 'ratchet' });
  // An empty field is none, as for real peers.
  const hasPq = pqField !== undefined && pqField.length > 0;
  const pq = hasPq ? decodePqField(pqField) : undefined;
  if (hasPq && pq === undefined) return err({ code: 'MALFORMED' });
  if (addresses !== undefined && addresses.length !== ADDRESSES_LENGTH) {
    return err({ code: 'MALFORMED' });
  }
  return ok({
    kind: 'regular',
    version,
    // The wire says one less than the count, and 0 for both 0 and 1; nobody relies on it.
    header: { ratchetKey, counter, previousCount: previous + 1 },
    ciphertext,
    ...(pq === undefined ? {} : { pq }),
    ...(addresses === undefined ? {} : { addresses }),
    covered: copyBytes(bytes, 0, end),
    tag: bytes.slice(end),
  });
}

/** What {@link encodeCovered} puts into a message. */
export interface CoveredParts {
  readonly version: WireVersion;
  readonly header: RatchetHeader;
  readonly ciphertext: Uint8Array;
  /** Index of the post-quantum ratchet's key, where the session has that ratchet. */
  readonly pqIndex?: number | undefined;
  /** 36 bytes. */
  readonly addresses?: Uint8Array | undefined;
}

/** Version byte and protobuf of a regular message, still without its tag. */
export function encodeCovered(parts: CoveredParts): Uint8Array {
  const { version, header, ciphertext, pqIndex, addresses } = parts;
  const writer = createProtobufWriter()
    .bytes(1, KEY_TYPE, header.ratchetKey)
    .uint32(2, header.counter)
    .uint32(3, Math.max(0, header.previousCount - 1))
    .bytes(4, ciphertext);
  if (pqIndex !== undefined) writer.bytes(5, encodePqField(pqIndex));
  if (addresses !== undefined) writer.bytes(6, addresses);
  return concatBytes([VERSION_BYTES[version], writer.finish()]);
}

/** What goes around a regular message while its session is initiating. */
export interface InitiationHeader {
  readonly version: WireVersion;
  readonly baseKey: Uint8Array;
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
  readonly signedPreKeyId: number;
  readonly oneTimePreKeyId: number | undefined;
  readonly kem: KemInitiation | undefined;
}

/** A PreKeySignalMessage around a finished regular message. */
export function encodeInitiation(header: InitiationHeader, message: Uint8Array): Uint8Array {
  const { version, kem } = header;
  const writer = createProtobufWriter();
  if (header.oneTimePreKeyId !== undefined) writer.uint32(1, header.oneTimePreKeyId);
  writer
    .bytes(2, KEY_TYPE, header.baseKey)
    .bytes(3, KEY_TYPE, header.identityKey)
    .bytes(4, message)
    .uint32(5, header.registrationId)
    .uint32(6, header.signedPreKeyId);
  if (kem !== undefined) writer.uint32(7, kem.preKeyId).bytes(8, KEM_TYPE, kem.ciphertext);
  return concatBytes([VERSION_BYTES[version], writer.finish()]);
}
