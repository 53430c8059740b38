import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProtobufWriter, decodeProtobuf } from './protobuf.ts';
import { bytesToHex, hexToBytes } from './text.ts';

const shape = { 1: 'uint32', 2: 'uint64', 3: 'bytes', 20_000: 'uint32' } as const;

function hex(text: string): Uint8Array {
  const bytes = hexToBytes(text);
  if (bytes === undefined) throw new Error('not hex');
  return bytes;
}

function written(write: (writer: ReturnType<typeof createProtobufWriter>) => unknown): string {
  const writer = createProtobufWriter();
  write(writer);
  return bytesToHex(writer.finish());
}

describe('the protobuf writer', () => {
  it('writes the examples of the encoding guide', () => {
    expect(written((writer) => writer.uint32(1, 150))).toBe('089601');
    expect(written((writer) => writer.bytes(2, hex('74657374696e67')))).toBe('120774657374696e67');
  });

  it('writes zeros, large numbers, large fields and joined parts', () => {
    expect(written((writer) => writer.uint32(2, 0))).toBe('1000');
    expect(written((writer) => writer.uint32(1, 0xffffffff))).toBe('08ffffffff0f');
    expect(written((writer) => writer.uint64(1, 2n ** 64n - 1n))).toBe('08ffffffffffffffffff01');
    expect(written((writer) => writer.uint32(20_000, 1))).toBe('80e20901');
    expect(written((writer) => writer.bytes(3, hex('05'), hex('0102')))).toBe('1a03050102');
    expect(written((writer) => writer.bytes(3, new Uint8Array(200)))).toMatch(/^1ac801/);
  });

  it('takes numbers out of range as bugs', () => {
    const writer = createProtobufWriter();
    expect(() => writer.uint32(1, -1)).toThrow('uint32 in range');
    expect(() => writer.uint32(1, 2 ** 32)).toThrow('uint32 in range');
    expect(() => writer.uint32(1, 0.5)).toThrow('uint32 in range');
    expect(() => writer.uint64(1, 2n ** 64n)).toThrow('uint64 in range');
    expect(() => writer.uint32(0, 1)).toThrow('field in range');
    expect(() => writer.uint32(2 ** 29, 1)).toThrow('field in range');
  });
});

describe('the protobuf reader', () => {
  it('reads back what was written', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const fields = fc.tuple(fc.nat({ max: 0xffffffff }), fc.bigInt(0n, 2n ** 64n - 1n), bytes);
    fc.assert(
      fc.property(fields, ([small, large, body]) => {
        const writer = createProtobufWriter().uint32(1, small).uint64(2, large).bytes(3, body);
        const message = writer.uint32(20_000, small).finish();
        const expected = { 1: small, 2: large, 3: body, 20_000: small };
        expect(decodeProtobuf(message, shape)).toEqual(expected);
      }),
    );
  });

  it('skips unknown fields of every living wire type', () => {
    const unknown = '2000' + '2901020304050607ff' + '3203aabbcc' + '3d01020304';
    expect(decodeProtobuf(hex(`${unknown}0805`), shape)).toEqual({ 1: 5 });
    expect(decodeProtobuf(hex('20ffffffffffffffffff010805'), shape)).toEqual({ 1: 5 });
  });

  it('takes padded varints and the last of a repeated field', () => {
    expect(decodeProtobuf(hex('08850000'.slice(0, 6)), shape)).toEqual({ 1: 5 });
    expect(decodeProtobuf(hex('08010802'), shape)).toEqual({ 1: 2 });
    expect(decodeProtobuf(new Uint8Array(0), shape)).toEqual({});
  });

  it.each([
    ['a cut tag', '80'],
    ['a missing value', '08'],
    ['a cut varint', '0880'],
    ['a varint above 32 bits in a 32-bit field', '088080808010'],
    ['a varint of eleven bytes', '10808080808080808080808001'],
    ['a varint above 64 bits', '10ffffffffffffffffff02'],
    ['an unknown varint above 64 bits', '20ffffffffffffffffff02'],
    ['a length beyond the end', '1a05aabb'],
    ['a cut unknown length', '3205aabb'],
    ['a cut fixed32', '3d0102'],
    ['a cut fixed64', '2901020304'],
    ['field number 0', '0000'],
    ['a group', '2b'],
    ['an end of group', '2c'],
    ['a wire type that does not exist', '2e'],
    ['a varint where bytes belong', '1805'],
    ['bytes where a varint belongs', '0a0101'],
    ['a fixed32 where a varint belongs', '0d01020304'],
  ])('refuses %s', (_title, text) => {
    expect(decodeProtobuf(hex(text), shape)).toBeUndefined();
  });

  it('never throws, and answers nothing but what was asked for', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const fields = decodeProtobuf(bytes, { 1: 'uint32', 2: 'bytes' });
        for (const [field, value] of Object.entries(fields ?? {})) {
          if (field === '1') expect(value).toBeTypeOf('number');
          else expect([field, value instanceof Uint8Array]).toEqual(['2', true]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('copies byte fields', () => {
    const message = hex('1a0101');
    const field = decodeProtobuf(message, shape)?.[3];
    message.fill(9);
    expect(field).toEqual(Uint8Array.of(1));
  });
});
