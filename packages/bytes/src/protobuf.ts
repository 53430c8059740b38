/**
 * The protobuf wire format, as far as small proto2 messages need it: varints and length-delimited
 * fields. Writing is canonical (ascending field numbers are the caller's part, varints minimal).
 * Reading is total and lenient where real peers are: unknown fields are skipped, the last of
 * repeated scalars wins, varints may be padded.
 */

import { copyBytes } from './allocate.ts';
import { invariant } from './invariant.ts';
import { concatBytes } from './compare.ts';

/** How a known field is read: `uint32` and `uint64` are varints, `bytes` is length-delimited. */
export type ProtobufKind = 'uint32' | 'uint64' | 'bytes';

/** The known fields of a message by field number. */
export type ProtobufShape = Readonly<Record<number, ProtobufKind>>;

/** What a field of each kind reads as. */
export interface ProtobufValues {
  uint32: number;
  uint64: bigint;
  bytes: Uint8Array;
}

/** The fields that were present, by number. Byte fields are copies. */
export type ProtobufFields<S extends ProtobufShape> = {
  readonly [N in keyof S]?: S[N] extends ProtobufKind ? ProtobufValues[S[N]] : never;
};

/** Field numbers are 1…2^29 − 1 (protobuf encoding guide). */
const FIELD_NUMBER_MAX = 0x1fffffff;

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;

/** Collects the fields of one message. Zeros are written: presence is the caller's decision. */
export interface ProtobufWriter {
  /** A varint field, 0…2^32 − 1. */
  uint32(field: number, value: number): ProtobufWriter;
  /** A varint field, 0…2^64 − 1. */
  uint64(field: number, value: bigint): ProtobufWriter;
  /** A length-delimited field made of `parts` one after another. */
  bytes(field: number, ...parts: readonly Uint8Array[]): ProtobufWriter;
  /** The message, owned by the caller. */
  finish(): Uint8Array;
}

/** Makes an empty writer. Throws: on numbers out of range, which are our own bugs. */
export function createProtobufWriter(): ProtobufWriter {
  const parts: Uint8Array[] = [];
  const writer: ProtobufWriter = {
    uint32(field, value) {
      invariant(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, 'uint32 in range');
      parts.push(header(field, WIRE_VARINT, value));
      return writer;
    },
    uint64(field, value) {
      invariant(value >= 0n && value < 1n << 64n, 'uint64 in range');
      const digits: number[] = [];
      let rest = value;
      for (; rest > 0x7fn; rest >>= 7n) digits.push(Number(rest & 0x7fn) | 0x80);
      digits.push(Number(rest));
      parts.push(varint(tagOf(field, WIRE_VARINT)), Uint8Array.from(digits));
      return writer;
    },
    bytes(field, ...values) {
      let length = 0;
      for (const value of values) length += value.length;
      parts.push(header(field, WIRE_BYTES, length), ...values);
      return writer;
    },
    finish: () => concatBytes(parts),
  };
  return writer;
}

/**
 * Reads a message. `undefined` where the bytes are no protobuf message, where a known field has
 * another wire type, or where a `uint32` is above 2^32 − 1. Never throws.
 *
 * Differs: groups (wire types 3 and 4) are refused; nobody writes them any more.
 */
export function decodeProtobuf<const S extends ProtobufShape>(
  input: Uint8Array,
  shape: S,
): ProtobufFields<S> | undefined {
  const fields: Record<number, number | bigint | Uint8Array> = {};
  const cursor = { input, at: 0 };
  while (cursor.at < input.length) {
    const tag = readSmallVarint(cursor);
    if (tag === undefined) return undefined;
    const field = tag >>> 3;
    if (field === 0) return undefined;
    const kind: ProtobufKind | undefined = Object.hasOwn(shape, field) ? shape[field] : undefined;
    const value = readValue(cursor, tag & 7, kind);
    if (value === undefined) return undefined;
    if (kind !== undefined) fields[field] = value;
  }
  // The loop put a value of its shape's kind under each known number, and nothing else.
  return fields as ProtobufFields<S>;
}

interface Cursor {
  readonly input: Uint8Array;
  at: number;
}

/** Reads one value; an unknown field (`kind` absent) is stepped over and answered as 0. */
function readValue(
  cursor: Cursor,
  wireType: number,
  kind: ProtobufKind | undefined,
): number | bigint | Uint8Array | undefined {
  if (wireType === WIRE_VARINT && kind !== 'bytes') {
    return kind === 'uint64' ? readBigVarint(cursor) : readVarintField(cursor, kind);
  }
  if (wireType === WIRE_BYTES && (kind === 'bytes' || kind === undefined)) {
    const length = readSmallVarint(cursor);
    if (length === undefined || length > cursor.input.length - cursor.at) return undefined;
    cursor.at += length;
    return kind === undefined ? 0 : copyBytes(cursor.input, cursor.at - length, cursor.at);
  }
  if (kind !== undefined || (wireType !== WIRE_FIXED64 && wireType !== WIRE_FIXED32))
    return undefined;
  const length = wireType === WIRE_FIXED64 ? 8 : 4;
  if (length > cursor.input.length - cursor.at) return undefined;
  cursor.at += length;
  return 0;
}

function readVarintField(cursor: Cursor, kind: 'uint32' | undefined): number | undefined {
  if (kind === 'uint32') return readSmallVarint(cursor);
  return readBigVarint(cursor) === undefined ? undefined : 0;
}

/** A varint of at most 2^32 − 1 in at most 10 bytes. */
function readSmallVarint(cursor: Cursor): number | undefined {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    const byte = cursor.input[cursor.at];
    if (byte === undefined) return undefined;
    cursor.at += 1;
    value += (byte & 0x7f) * scale;
    if (value > 0xffffffff) return undefined;
    if (byte < 0x80) return value;
    scale *= 0x80;
  }
  return undefined;
}

/** A varint of at most 2^64 − 1 in at most 10 bytes. */
function readBigVarint(cursor: Cursor): bigint | undefined {
  let value = 0n;
  for (let i = 0n; i < 10n; i++) {
    const byte = cursor.input[cursor.at];
    if (byte === undefined) return undefined;
    cursor.at += 1;
    value |= BigInt(byte & 0x7f) << (7n * i);
    if (byte < 0x80) return value < 1n << 64n ? value : undefined;
  }
  return undefined;
}

function tagOf(field: number, wireType: number): number {
  invariant(Number.isInteger(field) && field > 0 && field <= FIELD_NUMBER_MAX, 'field in range');
  return field * 8 + wireType;
}

function header(field: number, wireType: number, value: number): Uint8Array {
  const tag = tagOf(field, wireType);
  // Nearly every header is one byte of tag and one of value: spare it the general path.
  if (tag < 0x80 && value < 0x80) return Uint8Array.of(tag, value);
  return concatBytes([varint(tag), varint(value)]);
}

function varint(value: number): Uint8Array {
  const digits: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) digits.push((rest % 0x80) | 0x80);
  digits.push(rest);
  return Uint8Array.from(digits);
}
