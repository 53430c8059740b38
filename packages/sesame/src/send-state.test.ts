import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytes,
  crypto,
  deviceId,
  deviceNumbered,
  envelopeId,
  instant,
  messageId,
  naming,
  postId,
  sessionId,
  stored,
  userId,
  userNamed,
} from '../test/arbitraries.ts';
import { decodeContent } from './content.ts';
import { encodeNamesTold } from './device-name.ts';
import {
  contentFor,
  decodeSendState,
  encodeSendState,
  isPosted,
  isSettled,
  withRecipient,
} from './send-state.ts';
import type { CopyStage, Recipient, RecipientStatus, SendState, SentCopy } from './send-state.ts';

const copy: fc.Arbitrary<SentCopy> = fc.record({
  envelopeId,
  session: sessionId,
  resends: fc.nat(3),
  stage: fc.constantFrom<CopyStage>('sent', 'asked', 'healing', 'receipted', 'dead'),
});
const status = fc.constantFrom<RecipientStatus>(
  'posting',
  'claiming',
  'held',
  'accepted',
  'unknown',
  'failed',
);
const recipient: fc.Arbitrary<Recipient> = fc.record(
  {
    userId,
    status,
    round: fc.nat(16),
    listVersion: fc.nat(1 << 20),
    copies: fc.array(fc.tuple(deviceId, copy), { maxLength: 4 }).map((all) => new Map(all)),
    postId,
  },
  { requiredKeys: ['userId', 'status', 'round', 'listVersion', 'copies'] },
);
const state: fc.Arbitrary<SendState> = fc.record(
  {
    messageId,
    sentAt: instant,
    openedAt: instant,
    to: fc.array(userId, { maxLength: 4 }),
    body: fc.uint8Array({ maxLength: 300 }),
    recipients: fc
      .array(recipient, { maxLength: 4 })
      .map((all) => new Map(all.map((each) => [each.userId, each]))),
    conversation: fc.string({ maxLength: 20 }),
  },
  { requiredKeys: ['messageId', 'sentAt', 'openedAt', 'to', 'body', 'recipients'] },
);

describe('a send', () => {
  it('reads back as it was sealed', () => {
    fc.assert(
      fc.property(state, (value) => {
        expect(decodeSendState(stored(encodeSendState(value)), crypto)).toEqual(value);
      }),
    );
  });

  it('is refused or read from any bytes, never thrown at', () => {
    const near = state.chain((value) => {
      const whole = stored(encodeSendState(value));
      return fc
        .record({ at: fc.nat(whole.length - 1), byte: fc.nat(255), cut: fc.nat(whole.length) })
        .map(({ at, byte, cut }) => (byte & 1 ? whole.with(at, byte) : whole.slice(0, cut)));
    });
    fc.assert(
      fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        decodeSendState(bytes, crypto);
      }),
      { numRuns: 500 },
    );
  });

  it('names its recipients to own devices only', () => {
    fc.assert(
      fc.property(state, userId, envelopeId, (any, first, resendOf) => {
        const value = { ...any, to: [first, ...any.to] };
        const theirs = decodeContent(contentFor(value, { isOwn: false }));
        const own = decodeContent(contentFor(value, { isOwn: true, resendOf }));
        const { body, to } = value;
        expect(theirs).toMatchObject({ ok: true, value: { kind: { type: 'app', body } } });
        expect(own).toMatchObject({
          ok: true,
          value: { kind: { type: 'syncSent', to, body }, resendOf, messageId: value.messageId },
        });
      }),
    );
  });
});

describe('a send to nobody', () => {
  it('tells own devices their names', () => {
    fc.assert(
      fc.property(state, fc.array(naming(bytes(32)), { maxLength: 5 }), (any, names) => {
        const value = { ...any, to: [], body: encodeNamesTold({ names }) };
        const content = decodeContent(contentFor(value, { isOwn: true }));
        const { messageId: id } = value;
        const told = { messageId: id, kind: { type: 'deviceNames', names } };
        expect(content).toMatchObject({ ok: true, value: told });
      }),
    );
  });
});

describe('the end of a send', () => {
  const bo = userNamed('bo');
  const cy = userNamed('cy');
  const [one, two] = [deviceNumbered(1), deviceNumbered(2)];
  const at = (stage: CopyStage): SentCopy => ({
    envelopeId: '0'.repeat(32) as SentCopy['envelopeId'],
    session: '1'.repeat(32),
    resends: 0,
    stage,
  });
  const to = (
    user: Recipient['userId'],
    how: RecipientStatus,
    ...copies: SentCopy[]
  ): Recipient => ({
    userId: user,
    status: how,
    round: 1,
    listVersion: 1,
    copies: new Map(copies.map((each, i) => [i === 0 ? one : two, each])),
  });
  const send = (...recipients: Recipient[]): SendState =>
    recipients.reduce(withRecipient, {
      messageId: '0'.repeat(32) as SendState['messageId'],
      sentAt: 0,
      openedAt: 0,
      to: [bo, cy],
      body: new Uint8Array(0),
      recipients: new Map(),
    });

  it.each([
    ['a round in flight', [to(bo, 'posting')], { settled: false, posted: false }],
    ['keys on their way', [to(bo, 'claiming')], { settled: false, posted: false }],
    [
      'a receipt owed',
      [to(bo, 'accepted', at('receipted'), at('sent'))],
      { settled: false, posted: true },
    ],
    [
      'every receipt',
      [to(bo, 'accepted', at('receipted'), at('receipted'))],
      { settled: true, posted: true },
    ],
    [
      'a copy given up',
      [to(bo, 'accepted', at('receipted'), at('dead'))],
      { settled: true, posted: true },
    ],
    ['a resend that waits', [to(bo, 'accepted', at('asked'))], { settled: false, posted: true }],
    ['a key to be settled', [to(bo, 'held')], { settled: false, posted: true }],
    ['nobody to reach', [to(bo, 'accepted')], { settled: true, posted: true }],
    ['a failure', [to(bo, 'failed', at('sent'))], { settled: true, posted: true }],
    ['an unknown user', [to(bo, 'unknown')], { settled: true, posted: true }],
    [
      'one done and one in flight',
      [to(bo, 'accepted', at('receipted')), to(cy, 'posting')],
      { settled: false, posted: false },
    ],
  ])('with %s', (_title, recipients, { settled, posted }) => {
    expect(isSettled(send(...recipients))).toBe(settled);
    expect(isPosted(send(...recipients))).toBe(posted);
  });
});
