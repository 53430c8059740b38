import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crypto, deviceId, messageId, userChange, userId } from '../test/arbitraries.ts';
import {
  decodeFact,
  describeFact,
  encodeFact,
  eventType,
  factNumber,
  factText,
  userChangesOf,
} from './fact-codec.ts';
import type { EventName, Fact, FactValue } from './fact-codec.ts';

const number = fc.nat(2 ** 40);
const numbers = fc.array(deviceId, { maxLength: 5 });
const word = fc.string({ maxLength: 30 });

/** Every event, with the type of each of its fields; a new event does not compile without a row. */
const EVENTS: Record<EventName, Record<string, fc.Arbitrary<FactValue>>> = {
  DeviceCreated: { userId, deviceId: number, registrationId: number },
  DeviceRegistered: { listVersion: number },
  DeviceRemoved: {},
  SignedPreKeyMade: { id: number },
  OneTimePreKeysMade: { firstId: number, count: number },
  OneTimePreKeyUsed: { id: number },
  UserChanged: { changes: fc.array(userChange, { maxLength: 5 }) },
  SessionStarted: { role: word },
  MessageSent: { envelopeId: messageId },
  MessageReceived: { envelopeId: messageId, messageId, outcome: word },
  SessionDropped: {},
  ChainsTurned: {},
  KeysSkipped: { block: number },
  KeysForgotten: { block: number },
  SendOpened: { messageId, to: fc.array(userId, { maxLength: 5 }) },
  RoundPosted: { userId, round: number, postId: messageId, devices: numbers },
  RoundAccepted: { userId, listVersion: number, devices: numbers },
  RoundRejected: { userId, round: number, missing: numbers, extra: numbers, stale: numbers },
  KeysClaimed: { userId, devices: numbers },
  SendFailed: { userId, reason: word },
  ReceiptTaken: { userId, deviceId: number },
  ResendAsked: { userId, deviceId: number, envelopeId: messageId },
  Resent: { userId, deviceId: number, envelopeId: messageId, count: number },
  SendClosed: { reason: word },
  LastResortMade: { id: number },
  OneTimeKemPreKeysMade: { firstId: number, count: number },
  OneTimeKemPreKeyUsed: { id: number },
  AgreementRemembered: { preKeyId: number },
  PreKeyDropped: { id: number },
  RolledBack: {
    source: word,
    seenSeq: number,
    seenHash: word,
    foundSeq: number,
    foundHash: word,
    incarnation: number,
    lost: number,
  },
  DeviceQuarantined: { registrationId: number },
  DeviceReplaced: {},
  QuarantineEnded: {},
  PreKeysReplaced: {},
  SendRestarted: {},
  HeadTold: { deviceId: number, seq: number },
};
const names = Object.keys(EVENTS) as EventName[];
const fact = (name: EventName): fc.Arbitrary<Fact> =>
  fc.record(EVENTS[name]).map((fields) => ({ name, fields }));
const anyFact = fc.constantFrom(...names).chain(fact);

describe('facts', () => {
  it.each(names)('of %s read back as they were written', (name) => {
    fc.assert(
      fc.property(fact(name), (value) => {
        expect(decodeFact(eventType(name), encodeFact(value))).toEqual(value);
      }),
      { numRuns: 30 },
    );
  });

  it('have a number each, for ever the same', () => {
    const numbersInOrder = names.map(eventType);
    expect(numbersInOrder).toEqual(Array.from({ length: 36 }, (_, i) => i + 1));
  });

  it('are refused or read from any bytes, in their one form, never thrown at', () => {
    const near = anyFact.chain((value) => {
      const whole = encodeFact(value);
      return fc
        .record({ at: fc.nat(Math.max(0, whole.length - 1)), byte: fc.nat(255) })
        .map(({ at, byte }) => (whole.length === 0 ? whole : whole.with(at, byte)));
    });
    const input = fc.oneof(near, fc.uint8Array({ maxLength: 120 }));
    fc.assert(
      fc.property(fc.nat(42), input, (type, bytes) => {
        const read = decodeFact(type, bytes);
        if (read !== undefined) expect(encodeFact(read)).toEqual(bytes);
        describeFact(type, bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('of a later release are named by their number', () => {
    expect(describeFact(999, Uint8Array.of(1))).toEqual({ event: 'unknown 999' });
  });

  it('are shown with what they hold', () => {
    const changes = [{ type: 'identity', key: new Uint8Array(32).fill(0xab) }] as const;
    const bytes = encodeFact({ name: 'UserChanged', fields: { changes } });
    expect(describeFact(eventType('UserChanged'), bytes)).toEqual({
      event: 'UserChanged',
      changes: [{ type: 'identity', key: 'ab'.repeat(32) }],
    });
    fc.assert(
      fc.property(anyFact, (value) => {
        const shown = describeFact(eventType(value.name), encodeFact(value));
        expect(shown['event']).toBe(value.name);
        expect(() => JSON.stringify(shown)).not.toThrow();
      }),
    );
  });

  it('answer for a field they have, and with nothing for others', () => {
    const sent: Fact = { name: 'SendFailed', fields: { userId: 'bo', reason: 'EXPIRED' } };
    expect(factText(sent, 'reason')).toBe('EXPIRED');
    expect(factText(sent, 'round')).toBe('');
    expect(factNumber(sent, 'reason')).toBe(0);
    expect(factNumber({ name: 'SignedPreKeyMade', fields: { id: 7 } }, 'id')).toBe(7);
    expect(userChangesOf(sent)).toEqual([]);
  });

  it('cannot hold a secret: the compiler refuses', () => {
    const secret = crypto.importSecret('root', new Uint8Array(32));
    const pair = crypto.keyPair(new Uint8Array(32).fill(1));
    const held: readonly Fact[] = [
      // @ts-expect-error a secret is no fact
      { name: 'SendClosed', fields: { reason: secret } },
      // @ts-expect-error nor is a list of them
      { name: 'SendClosed', fields: { reason: [secret] } },
      // @ts-expect-error nor a pair that holds one
      { name: 'SendClosed', fields: { reason: pair } },
      // @ts-expect-error nor bare bytes, which might be one
      { name: 'SendClosed', fields: { reason: new Uint8Array(32) } },
      // @ts-expect-error nor one inside a change of a record
      { name: 'UserChanged', fields: { changes: [{ type: 'identity', key: secret }] } },
    ];
    expect(held.length).toBe(5);
  });

  it('of the wrong form are a bug that is found at once', () => {
    expect(() => encodeFact({ name: 'MessageSent', fields: { envelopeId: 'short' } })).toThrow();
    expect(() => encodeFact({ name: 'SendClosed', fields: {} })).toThrow();
    expect(() => encodeFact({ name: 'SendClosed', fields: { reason: 7 } })).toThrow();
  });
});
