import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  base64urlToBytes,
  bytesToBase64url,
  bytesToHex,
  decodeUtf8,
  encodeUtf8,
  hexToBytes,
} from './text.ts';

const { TextDecoder, TextEncoder, Buffer } = globalThis;

describe('UTF-8', () => {
  it('encodes as the platform does, lone surrogates included', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.nat({ max: 0xffff })).map((units) => String.fromCharCode(...units)),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text));
      }),
    );
  });

  it('decodes exactly what the strict platform decoder takes', () => {
    const nearText = fc
      .tuple(fc.string({ unit: 'binary', minLength: 1 }), fc.nat(), fc.nat({ max: 255 }))
      .map(([text, at, value]) => {
        const bytes = new TextEncoder().encode(text);
        bytes[at % bytes.length] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(nearText, fc.uint8Array()), (bytes) => {
        expect(decodeUtf8(bytes)).toBe(strictly(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['overlong two bytes', [0xc0, 0x80]],
    ['overlong three bytes', [0xe0, 0x9f, 0xbf]],
    ['overlong four bytes', [0xf0, 0x8f, 0xbf, 0xbf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond the last character', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['a stray continuation', [0x80]],
    ['a byte that never occurs', [0xff]],
  ])('refuses %s', (_title, bytes) => {
    expect(decodeUtf8(Uint8Array.from(bytes))).toBeUndefined();
  });

  it('reads long text', () => {
    const text = 'aé€😀'.repeat(5000);
    expect(decodeUtf8(encodeUtf8(text))).toBe(text);
  });
});

function strictly(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

describe('hex and base64url', () => {
  it('agree with the platform and come back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(bytesToHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(hexToBytes(bytesToHex(bytes).toUpperCase())).toEqual(bytes);
        expect(bytesToBase64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
        expect(base64urlToBytes(bytesToBase64url(bytes))).toEqual(bytes);
      }),
    );
  });

  it('take one spelling only', () => {
    for (const text of ['0', '0g', 'zz', '0x00', ' 00']) expect(hexToBytes(text)).toBeUndefined();
    for (const text of ['A', 'AB', 'AAB', 'AA=', 'A+', 'A/', 'AA ', 'AAAAA']) {
      expect(base64urlToBytes(text)).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        const bytes = base64urlToBytes(text);
        if (bytes !== undefined) expect(bytesToBase64url(bytes)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});
