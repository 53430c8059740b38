import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BinaryReader, BinaryWriter } from './binary.ts';
import { createReader, createWriter } from './binary.ts';

type Field =
  | { readonly kind: 'u8' | 'u16' | 'u32' | 'varint'; readonly value: number }
  | { readonly kind: 'bytes' | 'raw'; readonly value: Uint8Array }
  | { readonly kind: 'text'; readonly value: string };

const natural = (kind: 'u8' | 'u16' | 'u32' | 'varint', max: number): fc.Arbitrary<Field> =>
  fc.record({ kind: fc.constant(kind), value: fc.maxSafeNat().map((n) => n % (max + 1)) });

const field: fc.Arbitrary<Field> = fc.oneof(
  natural('u8', 0xff),
  natural('u16', 0xffff),
  natural('u32', 0xffffffff),
  natural('varint', Number.MAX_SAFE_INTEGER - 1),
  fc.record({
    kind: fc.constantFrom('bytes' as const, 'raw' as const),
    value: fc.uint8Array({ maxLength: 200 }),
  }),
  fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'binary' }) }),
);

function write(writer: BinaryWriter, { kind, value }: Field): void {
  switch (kind) {
    case 'bytes':
    case 'raw':
      writer[kind](value);
      break;
    case 'text':
      writer.text(value);
      break;
    case 'u8':
    case 'u16':
    case 'u32':
    case 'varint':
      writer[kind](value);
  }
}

function read(reader: BinaryReader, { kind, value }: Field): number | Uint8Array | string {
  return kind === 'raw' ? reader.raw(value.length) : reader[kind]();
}

describe('the binary form', () => {
  it('reads back any sequence of fields, to the end', () => {
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const writer = createWriter(1);
        for (const one of fields) write(writer, one);
        const reader = createReader(writer.finish());
        for (const one of fields) expect(read(reader, one)).toEqual(one.value);
        expect(reader.isDone()).toBe(true);
      }),
    );
  });

  it('writes big-endian and minimal', () => {
    const writer = createWriter().u8(1).u16(0x0203).u32(0x04050607).varint(300);
    expect([...writer.finish()]).toEqual([1, 2, 3, 4, 5, 6, 7, 0xac, 2]);
    expect([...createWriter().text('é').finish()]).toEqual([2, 0xc3, 0xa9]);
  });

  it('takes the largest varint and refuses padded and larger ones', () => {
    const most = createWriter().varint(Number.MAX_SAFE_INTEGER).finish();
    expect(createReader(most).varint()).toBe(Number.MAX_SAFE_INTEGER);
    for (const bytes of [[0x80, 0], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10], [0x80]]) {
      const reader = createReader(Uint8Array.from(bytes));
      expect(reader.varint()).toBe(0);
      expect(reader.isIntact()).toBe(false);
    }
  });

  it('stays broken after the first malformed field', () => {
    const reader = createReader(Uint8Array.of(5, 1, 2));
    expect(reader.bytes()).toEqual(new Uint8Array(0));
    expect([reader.u8(), reader.u16(), reader.u32(), reader.varint()]).toEqual([0, 0, 0, 0]);
    expect([reader.raw(1).length, reader.text()]).toEqual([0, '']);
    expect([reader.isIntact(), reader.isDone()]).toEqual([false, false]);
  });

  it('honours a decoder’s own limits and checks', () => {
    const bytes = createWriter().bytes(new Uint8Array(5)).finish();
    expect(createReader(bytes).bytes(5)).toHaveLength(5);
    const narrow = createReader(bytes);
    narrow.bytes(4);
    expect(narrow.isIntact()).toBe(false);
    const failed = createReader(bytes);
    failed.fail();
    expect(failed.isIntact()).toBe(false);
    const open = createReader(bytes);
    open.u8();
    expect([open.isIntact(), open.isDone(), open.left()]).toEqual([true, false, 5]);
    const text = createReader(Uint8Array.of(1, 0xff));
    expect([text.text(), text.isIntact()]).toEqual(['', false]);
  });

  it('never throws on noise', () => {
    const kinds = fc.array(fc.constantFrom('u8', 'u16', 'u32', 'varint', 'bytes', 'text'));
    fc.assert(
      fc.property(fc.uint8Array(), kinds, (bytes, order) => {
        const reader = createReader(bytes);
        for (const kind of order as ('u8' | 'bytes' | 'text')[]) reader[kind]();
        expect(reader.left()).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('takes numbers out of range as bugs', () => {
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => createWriter().u8(bad)).toThrow('u8');
      expect(() => createWriter().u16(bad)).toThrow('u16');
      expect(() => createWriter().u32(bad)).toThrow('u32');
      expect(() => createWriter().varint(bad)).toThrow('varint');
    }
  });

  it('finishes once', () => {
    const writer = createWriter().u8(1);
    writer.finish();
    expect(() => writer.u8(2)).toThrow('finished once');
    expect(() => writer.finish()).toThrow('finished once');
  });

  it('keeps writers that are used by turns apart', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.uint8Array({ maxLength: 300 }))), (steps) => {
        const writers = [createWriter(), createWriter(), createWriter(1)];
        const expected: number[][] = [[], [], []];
        for (const [which, bytes] of steps) {
          writers[which]?.raw(bytes);
          expected[which]?.push(...bytes);
        }
        expect(writers.map((writer) => [...writer.finish()])).toEqual(expected);
      }),
    );
  });

  it('copies out of a subclass whose slices are views', () => {
    const buffer = Buffer.from([1, 2, 3]);
    const read = createReader(buffer).raw(3);
    buffer.fill(0);
    expect([...read]).toEqual([1, 2, 3]);
  });

  it('copies in and out', () => {
    const given = Uint8Array.of(1, 2);
    const written = createWriter().raw(given).finish();
    given.fill(9);
    const later = createWriter().raw(given).finish();
    later.fill(8);
    expect([...written]).toEqual([1, 2]);
    const input = Uint8Array.of(1, 2);
    const read = createReader(input).raw(2);
    input.fill(7);
    expect([...read]).toEqual([1, 2]);
  });
});
