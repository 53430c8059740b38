/**
 * What a responder remembers of agreements that used up no one-time prekey. Such a first message can
 * be sent again and would begin the same session again; nothing in the handshake stops it.
 *
 * One record belongs to one signed prekey, or in PQXDH to one last-resort KEM prekey, and is kept
 * exactly as long as its private half: without that half nothing can be replayed any more.
 *
 * It remembers a fingerprint of the derived root key, not the base key's bytes: no tag covers the
 * base key, and X25519 ignores a torsion point added to it, so eight different base keys lead to one
 * session. It never forgets while its prekey lives: an evicting window can be flushed by anybody.
 *
 * Spec: SES-63, PQ-12, X3DH §4.2.
 */

import type { Result } from '@simsim/bytes';
import {
  compareBytes,
  concatBytes,
  createReader,
  createWriter,
  encodeUtf8,
  err,
  invariant,
  ok,
} from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';

/** Bytes of one fingerprint. */
const FINGERPRINT_BYTES = 32;

/**
 * Agreements one record holds: 32 KB. A full record refuses every further one, so it must be large
 * enough that a prekey is replaced before, and small enough to be written with every entry.
 */
export const REPLAY_RECORD_MAX = 1024;

/** From this share on the prekey has to be replaced at once, so that strangers stay welcome. */
const NEARLY_FULL = 0.9;

/** The agreements seen with one prekey. Never changed in place. */
export interface ReplayRecord {
  /** Ascending rows of {@link FINGERPRINT_BYTES}. */
  readonly fingerprints: Uint8Array;
  readonly capacity: number;
}

/** Why an agreement was not taken. */
export type ReplayRejection =
  /** This agreement was made before: the message is a repeat. */
  | { readonly code: 'REPLAYED' }
  /** The record holds as many as it may. Replace the prekey; it fails closed. */
  | { readonly code: 'REPLAY_RECORD_FULL' };

/** A record with one more agreement in it. */
export interface Remembered {
  readonly record: ReplayRecord;
  /** Whether nine tenths are used: publish a new prekey now. */
  readonly isNearlyFull: boolean;
}

/** The record of a new prekey. Throws: on a capacity outside 1…{@link REPLAY_RECORD_MAX}. */
export function emptyReplayRecord(capacity: number = REPLAY_RECORD_MAX): ReplayRecord {
  const isSound = Number.isInteger(capacity) && capacity > 0 && capacity <= REPLAY_RECORD_MAX;
  invariant(isSound, 'a replay record holds between one and its maximum');
  return { fingerprints: new Uint8Array(0), capacity };
}

const FINGERPRINT_INFO = encodeUtf8('Simsim agreement fingerprint');

/**
 * What a record remembers of an agreement: 32 bytes that follow from the root key and tell nothing
 * about it (HKDF and HMAC; the root key leaves no handle).
 */
export function agreementFingerprint(root: Secret<'root'>, crypto: Crypto): Uint8Array {
  const [name] = crypto.hkdf([root], undefined, FINGERPRINT_INFO, ['name']);
  const fingerprint = crypto.mac(name, []);
  crypto.wipe(name);
  return fingerprint;
}

/**
 * Remembers an agreement, or says that it is a repeat.
 *
 * Shapes: `fingerprint` as {@link agreementFingerprint} makes it.
 * Rejects: `REPLAYED`, `REPLAY_RECORD_FULL`; the record is as before.
 */
export function rememberAgreement(
  record: ReplayRecord,
  fingerprint: Uint8Array,
): Result<Remembered, ReplayRejection> {
  invariant(fingerprint.length === FINGERPRINT_BYTES, 'a whole fingerprint');
  const { fingerprints, capacity } = record;
  const { at, isThere } = placeOf(fingerprints, fingerprint);
  if (isThere) return err({ code: 'REPLAYED' });
  const count = agreementsIn(record);
  if (count >= capacity) return err({ code: 'REPLAY_RECORD_FULL' });
  const [before, after] = [fingerprints.subarray(0, at), fingerprints.subarray(at)];
  return ok({
    record: { fingerprints: concatBytes([before, fingerprint, after]), capacity },
    isNearlyFull: count + 1 >= capacity * NEARLY_FULL,
  });
}

/** How many agreements a record holds. */
export function agreementsIn({ fingerprints }: ReplayRecord): number {
  return fingerprints.length / FINGERPRINT_BYTES;
}

/** Binary search; fingerprints are public, so stopping early tells nobody anything. */
function placeOf(
  fingerprints: Uint8Array,
  wanted: Uint8Array,
): { readonly at: number; readonly isThere: boolean } {
  let [from, to] = [0, fingerprints.length / FINGERPRINT_BYTES];
  while (from < to) {
    const middle = (from + to) >> 1;
    const order = compareBytes(rowOf(fingerprints, middle), wanted);
    if (order === 0) return { at: middle * FINGERPRINT_BYTES, isThere: true };
    if (order < 0) from = middle + 1;
    else to = middle;
  }
  return { at: from * FINGERPRINT_BYTES, isThere: false };
}

function rowOf(fingerprints: Uint8Array, row: number): Uint8Array {
  return fingerprints.subarray(row * FINGERPRINT_BYTES, (row + 1) * FINGERPRINT_BYTES);
}

const VERSION = 1;

/** The saved form: version, capacity, rows. Nothing in it is secret. */
export function encodeReplayRecord(record: ReplayRecord): Uint8Array {
  const { fingerprints, capacity } = record;
  const writer = createWriter(8 + fingerprints.length)
    .u8(VERSION)
    .varint(capacity);
  return writer.varint(agreementsIn(record)).raw(fingerprints).finish();
}

/** Why a saved record could not be read. The store is damaged or newer than this code. */
export type ReplayRecordRejection =
  | { readonly code: 'MALFORMED' }
  | { readonly code: 'UNSUPPORTED_VERSION'; readonly version: number };

/** Reads {@link encodeReplayRecord}: total, and takes only what it makes. */
export function decodeReplayRecord(bytes: Uint8Array): Result<ReplayRecord, ReplayRecordRejection> {
  const [version] = bytes;
  if (version === undefined) return err({ code: 'MALFORMED' });
  if (version !== VERSION) return err({ code: 'UNSUPPORTED_VERSION', version });
  const reader = createReader(bytes);
  reader.u8();
  const capacity = reader.varint();
  const count = reader.varint();
  if (capacity === 0 || capacity > REPLAY_RECORD_MAX || count > capacity) reader.fail();
  const isWhole = reader.isIntact() && reader.left() === count * FINGERPRINT_BYTES;
  if (!isWhole) return err({ code: 'MALFORMED' });
  const fingerprints = reader.raw(count * FINGERPRINT_BYTES);
  for (let row = 1; row < count; row++) {
    const isAscending = compareBytes(rowOf(fingerprints, row - 1), rowOf(fingerprints, row)) < 0;
    if (!isAscending) return err({ code: 'MALFORMED' });
  }
  return ok({ fingerprints, capacity });
}
