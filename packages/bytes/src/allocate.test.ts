import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { copyBytes, newBytes } from './allocate.ts';

describe('new bytes', () => {
  it('are zero, of their length, and nobody else writes to them', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000), { minLength: 1, maxLength: 30 }), (lengths) => {
        const all = lengths.map((length, i) => {
          const bytes = newBytes(length);
          expect(bytes.length).toBe(length);
          expect(bytes.every((byte) => byte === 0)).toBe(true);
          return bytes.fill((i % 255) + 1);
        });
        all.forEach((bytes) => expect(new Set(bytes).size).toBe(bytes.length === 0 ? 0 : 1));
        all.forEach((bytes, i) => expect(bytes[0] ?? (i % 255) + 1).toBe((i % 255) + 1));
      }),
    );
  });

  it('begin where words may', () => {
    for (const length of [65, 66, 100, 129]) expect(newBytes(length).byteOffset % 8).toBe(0);
  });
});

describe('copied bytes', () => {
  it('are those of a slice, of a subclass whose slices are views too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), (bytes, a, b) => {
        const [from, to] = [a, b].map((at) => Math.min(at, bytes.length)).sort((x, y) => x - y);
        const buffer = Buffer.from(bytes);
        const copy = copyBytes(buffer, from, to);
        const expected = Array.from(bytes).slice(from, to);
        buffer.fill(0xee);
        expect([...copy]).toEqual(expected);
      }),
    );
  });
});
