/**
 * Laws of every codec: what is encoded comes back; what decodes encodes to the very same bytes; no
 * bytes throw.
 */

import { equalBytes, type Result } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DecodeRejection, PreKeyUpload } from '../src/index.ts';
import {
  BODY_BYTES_MAX,
  decodeClientFrame,
  decodeDeviceApproval,
  decodeDeviceHead,
  decodeDeviceList,
  decodeOutcome,
  decodeRequest,
  decodeServerFrame,
  decodeSignedDeviceList,
  encodeClientFrame,
  encodeDeviceApproval,
  encodeDeviceHead,
  encodeDeviceList,
  encodeOutcome,
  encodeRequest,
  encodeServerFrame,
  encodeSignedDeviceList,
  parsePostId,
  parseUserId,
} from '../src/index.ts';
import * as arbitrary from './arbitraries.ts';

interface Codec<T> {
  readonly name: string;
  readonly values: fc.Arbitrary<T>;
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Result<T, DecodeRejection>;
}

/** Any change a wire can make to bytes: flip, cut, extend, splice. */
const damage = fc.oneof(
  fc.record({
    kind: fc.constant('flip' as const),
    at: fc.nat(),
    mask: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({
    kind: fc.constant('extend' as const),
    by: fc.uint8Array({ minLength: 1, maxLength: 9 }),
  }),
);
type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never;

function damaged(bytes: Uint8Array, one: Damage): Uint8Array {
  if (one.kind === 'extend') return Uint8Array.from([...bytes, ...one.by]);
  const at = one.at % bytes.length;
  if (one.kind === 'cut') return bytes.slice(0, at);
  return bytes.map((byte, i) => (i === at ? byte ^ one.mask : byte));
}

/** True unless decoding throws or accepts bytes that are not the encoding of what it gave. */
function isCanonical<T>(codec: Codec<T>, bytes: Uint8Array): boolean {
  const decoded = codec.decode(bytes);
  return !decoded.ok || equalBytes(codec.encode(decoded.value), bytes);
}

function laws<T>(codec: Codec<T>): void {
  describe(codec.name, () => {
    test('what is encoded comes back', () => {
      fc.assert(
        fc.property(codec.values, (value) => {
          expect(codec.decode(codec.encode(value))).toEqual({ ok: true, value });
        }),
      );
    });

    test('damaged bytes are refused or are another canonical encoding', () => {
      fc.assert(
        fc.property(codec.values, damage, (value, one) => {
          expect(isCanonical(codec, damaged(codec.encode(value), one))).toBe(true);
        }),
        { numRuns: 300 },
      );
    });

    test('cut or extended bytes are always refused', () => {
      fc.assert(
        fc.property(codec.values, damage, (value, one) => {
          fc.pre(one.kind !== 'flip');
          expect(codec.decode(damaged(codec.encode(value), one)).ok).toBe(false);
        }),
      );
    });

    test('random bytes never throw', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          expect(isCanonical(codec, Uint8Array.from([1, ...bytes]))).toBe(true);
        }),
      );
    });

    test('another format byte and oversized input have their own codes', () => {
      expect(codec.decode(Uint8Array.from([99, 1, 1]))).toEqual({
        ok: false,
        error: { code: 'UNKNOWN_FORMAT' },
      });
      expect(codec.decode(new Uint8Array(0))).toEqual({ ok: false, error: { code: 'MALFORMED' } });
      expect(codec.decode(new Uint8Array(BODY_BYTES_MAX + 1))).toEqual({
        ok: false,
        error: { code: 'TOO_LARGE' },
      });
    });
  });
}

laws({
  name: 'request',
  values: arbitrary.request,
  encode: encodeRequest,
  decode: decodeRequest,
});
laws({
  name: 'outcome',
  values: arbitrary.outcome,
  encode: encodeOutcome,
  decode: decodeOutcome,
});
laws({
  name: 'device list',
  values: arbitrary.deviceList,
  encode: encodeDeviceList,
  decode: decodeDeviceList,
});
laws({
  name: 'signed device list',
  values: arbitrary.signedDeviceList,
  encode: encodeSignedDeviceList,
  decode: decodeSignedDeviceList,
});
laws({
  name: 'device approval',
  values: arbitrary.deviceApproval,
  encode: encodeDeviceApproval,
  decode: decodeDeviceApproval,
});
laws({
  name: 'device head',
  values: arbitrary.deviceHead,
  encode: encodeDeviceHead,
  decode: decodeDeviceHead,
});
laws({
  name: 'server frame',
  values: arbitrary.serverFrame,
  encode: encodeServerFrame,
  decode: decodeServerFrame,
});
laws({
  name: 'client frame',
  values: arbitrary.clientFrame,
  encode: encodeClientFrame,
  decode: decodeClientFrame,
});

test('the law of canonical encodings catches a decoder that lets trailing bytes pass', () => {
  const lax: Codec<Uint8Array> = {
    name: 'lax',
    values: fc.uint8Array({ minLength: 1, maxLength: 4 }),
    encode: (value) => value,
    decode: (bytes) => ({ ok: true, value: bytes.slice(0, 4) }),
  };
  const outcome = fc.check(
    fc.property(lax.values, damage, (value, one) => isCanonical(lax, damaged(value, one))),
  );
  expect(outcome.failed).toBe(true);
});

test('order does not matter to the writer of posts and claims', () => {
  fc.assert(
    fc.property(arbitrary.post, (post) => {
      const turned = { ...post, envelopes: post.envelopes.toReversed() };
      expect(encodeRequest({ kind: 'post', posts: [turned] })).toEqual(
        encodeRequest({ kind: 'post', posts: [post] }),
      );
    }),
  );
});

test('an upload in which two KEM keys share an id, or ids fall, is malformed (PQ-4)', () => {
  const codeOf = (keys: PreKeyUpload): string => {
    const decoded = decodeRequest(encodeRequest({ kind: 'uploadKeys', keys }));
    return decoded.ok ? 'ok' : decoded.error.code;
  };
  fc.assert(
    fc.property(arbitrary.preKeyUpload, (keys) => {
      const last = keys.lastResortKemPreKey;
      const other = { ...last, id: last.id === 7 ? 8 : 7 };
      expect(codeOf({ ...keys, oneTimeKemPreKeys: [last] })).toBe('MALFORMED');
      expect(codeOf({ ...keys, oneTimeKemPreKeys: [other, other] })).toBe('MALFORMED');
      expect(codeOf({ ...keys, oneTimeKemPreKeys: [other] })).toBe('ok');
    }),
    { numRuns: 20 },
  );
});

describe('user id', () => {
  test.each([
    '',
    'a\u0000b',
    'tab\t',
    '\u007f',
    'c1\u0085',
    '\ud800',
    'x'.repeat(129),
    'ä'.repeat(65),
    7,
  ])('refuses %j', (text) => {
    expect(parseUserId(text)).toEqual({ ok: false, error: { code: 'BAD_USER_ID' } });
  });
  test.each(['a', 'ä'.repeat(64), 'ali baba 🗝', 'x'.repeat(128)])('takes %j', (text) => {
    expect(parseUserId(text)).toEqual({ ok: true, value: text });
  });
});

test('a random id is 32 lower-case hex characters', () => {
  expect(parsePostId('0123456789abcdef0123456789abcdef').ok).toBe(true);
  for (const text of ['', 'A'.repeat(32), '0'.repeat(31), '0'.repeat(33), 3]) {
    expect(parsePostId(text)).toEqual({ ok: false, error: { code: 'BAD_ID' } });
  }
});
