import fc from 'fast-check';
import { createWriter } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import {
  bytes,
  deviceHead,
  envelopeId,
  instant,
  messageId,
  naming,
  userId,
} from '../test/arbitraries.ts';
import { decodeContent, encodeContent } from './content.ts';
import type { Content, ContentKind } from './content.ts';
import {
  CONVERSATION_BYTES_MAX,
  DEVICE_NAMES_MAX,
  PADDING_STEP_BYTES,
  RECEIPT_IDS_MAX,
} from './limits.ts';

const body = fc.uint8Array({ maxLength: 400 });
const kind: fc.Arbitrary<ContentKind> = fc.oneof(
  fc.record({ type: fc.constant('app' as const), body }),
  fc.record({
    type: fc.constant('syncSent' as const),
    to: fc.array(userId, { maxLength: 5 }),
    body,
  }),
  fc.record({
    type: fc.constant('receipt' as const),
    messageIds: fc.array(messageId, { maxLength: 8 }),
  }),
  fc.constant({ type: 'refresh' as const }),
  fc.record({ type: fc.constant('listMoved' as const), version: fc.nat() }),
  fc.record(
    { type: fc.constant('head' as const), head: deviceHead, echo: deviceHead },
    { requiredKeys: ['type', 'head'] },
  ),
  fc.record(
    {
      type: fc.constant('deviceNames' as const),
      names: fc.array(naming(bytes(32)), { maxLength: 5 }),
      isAnswer: fc.constant(true as const),
    },
    { requiredKeys: ['type', 'names'] },
  ),
  fc.record({
    type: fc.constant('unknown' as const),
    code: fc.oneof(fc.integer({ min: 7, max: 8 }), fc.integer({ min: 10, max: 255 })),
    bytes: body,
  }),
);
const content: fc.Arbitrary<Content> = fc.record(
  {
    messageId,
    sentAt: instant,
    kind,
    conversation: fc.string({ maxLength: 40 }),
    resendOf: envelopeId,
  },
  { requiredKeys: ['messageId', 'sentAt', 'kind'] },
);

/** Pads as the format says, whatever is inside. */
function padded(inner: Uint8Array): Uint8Array {
  const whole = new Uint8Array(
    Math.ceil((inner.length + 1) / PADDING_STEP_BYTES) * PADDING_STEP_BYTES,
  );
  whole.set(inner);
  whole[inner.length] = 0x80;
  return whole;
}

function header(code: number, flags = 0): ReturnType<typeof createWriter> {
  return createWriter().u8(1).u8(code).raw(new Uint8Array(16)).varint(0).u8(flags);
}

describe('content', () => {
  it('reads back as it was written, kinds of later releases too', () => {
    fc.assert(
      fc.property(content, (value) => {
        expect(decodeContent(encodeContent(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('is as long as a number of steps, and never fuller than its mark', () => {
    fc.assert(
      fc.property(fc.nat(1000), (length) => {
        const value: Content = {
          messageId: '0'.repeat(32) as Content['messageId'],
          sentAt: 0,
          kind: { type: 'app', body: new Uint8Array(length) },
        };
        const { length: whole } = encodeContent(value);
        const lengthBytes = length > 127 ? 2 : 1;
        // Version, type, id, time, flags, length, body, and at least the mark.
        const least = 1 + 1 + 16 + 1 + 1 + lengthBytes + length + 1;
        expect(whole).toBe(Math.ceil(least / PADDING_STEP_BYTES) * PADDING_STEP_BYTES);
      }),
    );
  });

  it('is refused or read, never thrown at', () => {
    const near = content.chain((value) => {
      const whole = encodeContent(value);
      return fc
        .record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) })
        .map(({ at, byte }) => whole.with(at, byte));
    });
    const noise = fc.uint8Array({ maxLength: 700 });
    const padded160 = fc.uint8Array({ maxLength: 500 }).map(padded);
    fc.assert(
      fc.property(fc.oneof(near, noise, padded160), (input) => {
        const result = decodeContent(input);
        // What is read is canonical: it is the only form of its value.
        if (result.ok) expect(encodeContent(result.value)).toEqual(input);
        else expect(result.error).toEqual({ code: 'MALFORMED_CONTENT' });
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['nothing at all', new Uint8Array(0)],
    ['no mark', new Uint8Array(PADDING_STEP_BYTES)],
    ['a wrong length', padded(header(4).finish()).subarray(1)],
    ['a step too much', Uint8Array.of(...padded(header(4).finish()), ...new Uint8Array(160))],
    ['another version', padded(Uint8Array.of(2, ...header(4).finish().subarray(1)))],
    ['unknown flags', padded(header(4, 4).finish())],
    [
      'a long conversation',
      padded(
        header(4, 1)
          .bytes(new Uint8Array(CONVERSATION_BYTES_MAX + 1))
          .finish(),
      ),
    ],
    [
      'too many receipts',
      padded(
        header(3)
          .varint(RECEIPT_IDS_MAX + 1)
          .raw(new Uint8Array(16 * (RECEIPT_IDS_MAX + 1)))
          .finish(),
      ),
    ],
    ['fewer receipts than it says', padded(header(3).varint(2).raw(new Uint8Array(16)).finish())],
    ['more than its kind has', padded(header(4).u8(0).finish())],
    ['a body cut short', padded(header(1).varint(9).raw(new Uint8Array(8)).finish())],
    ['a flag that is none', padded(header(9).u8(2).varint(0).finish())],
    [
      'too many names',
      padded(
        header(9)
          .u8(0)
          .varint(DEVICE_NAMES_MAX + 1)
          .finish(),
      ),
    ],
    [
      'a name of two lines',
      padded(
        header(9).u8(0).varint(1).raw(new Uint8Array(32)).text('a\nb').varint(1).u8(1).finish(),
      ),
    ],
    ['an empty user id', padded(header(2).varint(1).text('').bytes(new Uint8Array(0)).finish())],
  ])('with %s is refused', (_title, input) => {
    expect(decodeContent(input)).toEqual({ ok: false, error: { code: 'MALFORMED_CONTENT' } });
  });

  it('takes as many receipts as the limit says', () => {
    fc.assert(
      fc.property(bytes(16 * RECEIPT_IDS_MAX), (ids) => {
        const input = padded(header(3).varint(RECEIPT_IDS_MAX).raw(ids).finish());
        expect(decodeContent(input).ok).toBe(true);
      }),
      { numRuns: 3 },
    );
  });
});
