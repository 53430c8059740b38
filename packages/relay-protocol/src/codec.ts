/** What every codec of this package shares: the format byte, its rejections, bounded lists. */

import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';
import { createReader, err, invariant, ok } from '@simsim/bytes';

/** Leading byte of everything this package writes; another form gets another number. */
export const FORMAT = 1;

/** Why bytes were refused. `MALFORMED`: cut, overlong, out of range, not canonical, trailing. */
export interface DecodeRejection {
  readonly code: 'TOO_LARGE' | 'UNKNOWN_FORMAT' | 'MALFORMED';
}

/** Decodes a whole input of at most `bytesMax` bytes: format byte, then `read`, then the end. */
export function decodeWhole<T>(
  input: Uint8Array,
  bytesMax: number,
  read: (reader: BinaryReader) => T,
): Result<T, DecodeRejection> {
  return decodeForms(input, bytesMax, new Map([[FORMAT, read]]));
}

/** The same of something that has several forms, each with its own leading byte and reader. */
export function decodeForms<T>(
  input: Uint8Array,
  bytesMax: number,
  readByFormat: ReadonlyMap<number, (reader: BinaryReader) => T>,
): Result<T, DecodeRejection> {
  if (input.length > bytesMax) return err({ code: 'TOO_LARGE' });
  const reader = createReader(input);
  const read = readByFormat.get(reader.u8());
  if (read === undefined) return err({ code: reader.isIntact() ? 'UNKNOWN_FORMAT' : 'MALFORMED' });
  const value = read(reader);
  return reader.isDone() ? ok(value) : err({ code: 'MALFORMED' });
}

/** Writes a varint count, then each item. */
export function writeMany<T>(
  writer: BinaryWriter,
  items: readonly T[],
  write: (item: T) => void,
): void {
  writer.varint(items.length);
  for (const item of items) write(item);
}

/** Reads what {@link writeMany} wrote, at most `countMax` items; stops at the first malformed one. */
export function readMany<T>(reader: BinaryReader, countMax: number, read: () => T): T[] {
  const count = reader.varint();
  if (count > countMax) reader.fail();
  const items: T[] = [];
  while (items.length < count && reader.isIntact()) items.push(read());
  return items;
}

/** Reads a varint between `min` and `max`. */
export function readBetween(reader: BinaryReader, min: number, max: number): number {
  const value = reader.varint();
  if (value >= min && value <= max) return value;
  reader.fail();
  return min;
}

/** Writes bytes whose length the form fixes; another length is our bug. */
export function writeFixed(writer: BinaryWriter, bytes: Uint8Array, length: number): void {
  invariant(bytes.length === length, 'a field of fixed length has that length');
  writer.raw(bytes);
}
