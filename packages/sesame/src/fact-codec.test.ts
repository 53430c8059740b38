import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crypto } from '../test/arbitraries.ts';
import { anyFact, factNamed, factNames, FIELDS } from '../test/facts.ts';
import {
  decodeFact,
  describeFact,
  encodeFact,
  eventSchema,
  eventType,
  factNumber,
  factText,
  readFact,
  userChangesOf,
} from './fact-codec.ts';
import type { Fact } from './fact-codec.ts';
import type { RecordedFact } from './fact-table-codec.ts';

function recorded(fact: Fact): RecordedFact {
  return { type: eventType(fact.name), schema: eventSchema(fact.name), facts: encodeFact(fact) };
}

describe('facts', () => {
  it.each(factNames)('of %s read back as they were written', (name) => {
    fc.assert(
      fc.property(factNamed(name), (value) => {
        expect(decodeFact(recorded(value))).toEqual(value);
      }),
      { numRuns: 30 },
    );
  });

  it('have a number each, for ever the same', () => {
    const numbersInOrder = factNames.map(eventType);
    expect(numbersInOrder).toEqual(Array.from({ length: 47 }, (_, i) => i + 1));
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
        const read = decodeFact({ type, schema: 1, facts: bytes });
        if (read !== undefined) expect(encodeFact(read)).toEqual(bytes);
        describeFact({ type, schema: 1, facts: bytes });
      }),
      { numRuns: 500 },
    );
  });

  it('of a later release are named by their numbers', () => {
    const later = { type: 999, schema: 1, facts: Uint8Array.of(1) };
    expect(readFact(later)).toEqual({ ok: false, error: { code: 'UNKNOWN_EVENT' } });
    expect(describeFact(later)).toEqual({ event: 'unknown', type: 999, schema: 1 });
    for (const name of factNames) {
      for (const schema of [0, eventSchema(name) + 1, 255]) {
        const event = { type: eventType(name), schema, facts: new Uint8Array(0) };
        expect(readFact(event)).toEqual({ ok: false, error: { code: 'UNKNOWN_EVENT' } });
        expect(describeFact(event)).toEqual({ event: 'unknown', type: event.type, schema });
      }
    }
  });

  it('that no release wrote are said to be malformed', () => {
    const event = { type: eventType('SignedPreKeyMade'), schema: 1, facts: new Uint8Array(9) };
    expect(readFact(event)).toEqual({ ok: false, error: { code: 'MALFORMED_FACTS' } });
    expect(describeFact(event)).toEqual({ event: 'malformed', type: 4, schema: 1 });
  });

  it('are shown with what they hold', () => {
    const changes = [{ type: 'identity', key: new Uint8Array(32).fill(0xab) }] as const;
    const changed = recorded({ name: 'UserChanged', fields: { changes } });
    expect(describeFact(changed)).toEqual({
      event: 'UserChanged',
      changes: [{ type: 'identity', key: 'ab'.repeat(32) }],
    });
    fc.assert(
      fc.property(anyFact, (value) => {
        const shown = describeFact(recorded(value));
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

  it('name no field as replay names what every event has', () => {
    const taken = ['seq', 'at', 'stream', 'version', 'sealed', 'event', 'forgotten'];
    const fields = Object.values(FIELDS).flatMap((event) => Object.keys(event));
    expect(fields.filter((field) => taken.includes(field))).toEqual([]);
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
