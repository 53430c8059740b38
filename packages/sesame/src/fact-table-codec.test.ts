import { createWriter } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFactTable } from './fact-table-codec.ts';
import type {
  EventShape,
  FieldType,
  FieldTypes,
  FieldValues,
  OlderShape,
} from './fact-table-codec.ts';

type Value = number | string;
type Fields = FieldValues<Value>;

const number: FieldType<Value> = {
  write: (writer, value) => void writer.varint(Number(value)),
  read: (reader) => reader.varint(),
};
const text: FieldType<Value> = {
  write: (writer, value) => void writer.text(String(value)),
  read: (reader) => reader.text(64),
};

/** The life of one event: a name was added, then two fields became one and the order changed. */
const SCHEMAS: readonly FieldTypes<Value>[] = [
  { count: number, unit: text },
  { count: number, unit: text, name: text },
  { name: text, amount: text },
];
const nameless = (fields: Fields): Fields => ({ ...fields, name: 'nobody' });
const joined = ({ count = 0, unit = '', name = '' }: Fields): Fields => ({
  name,
  amount: `${count} ${unit}`,
});
const UPCASTS = [nameless, joined] as const;

/** The table as the release had it that wrote this schema. */
function shapeOf(
  schema: number,
  upcasts: readonly OlderShape<Value>['upcast'][],
): EventShape<Value> {
  const older = upcasts
    .slice(0, schema - 1)
    .map((upcast, i) => ({ fields: SCHEMAS[i] ?? {}, upcast }));
  return { type: 7, fields: SCHEMAS[schema - 1] ?? {}, older };
}

const release = (schema: number, upcasts: readonly OlderShape<Value>['upcast'][] = UPCASTS) =>
  createFactTable({ Weighed: shapeOf(schema, upcasts), Other: { type: 8, fields: {} } });

const word = fc.string({ maxLength: 8 });
const count = fc.nat(1000);
const written = fc.oneof(
  fc.record({ schema: fc.constant(1), fields: fc.record({ count, unit: word }) }),
  fc.record({ schema: fc.constant(2), fields: fc.record({ count, unit: word, name: word }) }),
  fc.record({ schema: fc.constant(3), fields: fc.record({ name: word, amount: word }) }),
);

/** What every later release must make of what an earlier one wrote. */
function readsAsWritten(later: (schema: number) => ReturnType<typeof release>): void {
  fc.assert(
    fc.property(written, ({ schema, fields }) => {
      const facts = release(schema).encode({ name: 'Weighed', fields });
      let expected: Fields = fields;
      for (let newest = schema; newest <= 3; newest++) {
        if (newest > schema) expected = (UPCASTS[newest - 2] ?? nameless)(expected);
        const read = later(newest).decode({ type: 7, schema, facts });
        expect(read).toEqual({ ok: true, value: { name: 'Weighed', fields: expected } });
      }
    }),
  );
}

describe('a table of events', () => {
  it('reads what any release wrote, by the chain of upcasters', () => {
    readsAsWritten((schema) => release(schema));
  });

  it('is caught where an upcaster is left out, skipped or taken twice', () => {
    const broken = [
      [(fields: Fields) => fields, joined],
      [joined, joined],
      [nameless, nameless],
    ];
    for (const upcasts of broken) {
      expect(() => readsAsWritten((schema) => release(schema, upcasts))).toThrow();
    }
  });

  it('writes the newest schema, and gives its bytes again', () => {
    expect([1, 2, 3].map((schema) => release(schema).schemaOf('Weighed'))).toEqual([1, 2, 3]);
    expect(release(3).schemaOf('Other')).toBe(1);
    expect(release(3).readable).toEqual([
      { name: 'Weighed', type: 7, schema: 1 },
      { name: 'Weighed', type: 7, schema: 2 },
      { name: 'Weighed', type: 7, schema: 3 },
      { name: 'Other', type: 8, schema: 1 },
    ]);
    fc.assert(
      fc.property(word, word, (name, amount) => {
        const table = release(3);
        const facts = table.encode({ name: 'Weighed', fields: { name, amount } });
        const read = table.decode({ type: 7, schema: 3, facts });
        expect(read.ok && table.encode(read.value)).toEqual(facts);
      }),
    );
  });

  it('says of a later schema or type that it is unknown, whatever its bytes', () => {
    fc.assert(
      fc.property(written, fc.integer({ min: 1, max: 3 }), ({ schema, fields }, newest) => {
        fc.pre(newest < schema);
        const facts = release(schema).encode({ name: 'Weighed', fields });
        const read = release(newest).decode({ type: 7, schema, facts });
        expect(read).toEqual({ ok: false, error: { code: 'UNKNOWN_EVENT' } });
      }),
    );
    const facts = new Uint8Array(0);
    for (const [type, schema] of [
      [9, 1],
      [8, 2],
      [8, 0],
      [8, -1],
      [8, 1.5],
      [0, 0],
    ] as const) {
      const read = release(3).decode({ type, schema, facts });
      expect(read).toEqual({ ok: false, error: { code: 'UNKNOWN_EVENT' } });
    }
  });

  it('refuses bytes that are not of the schema they are said to be of', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.uint8Array({ maxLength: 20 }),
        (schema, facts) => {
          const read = release(3).decode({ type: 7, schema, facts });
          if (read.ok) return;
          expect(read.error.code).toBe('MALFORMED_FACTS');
        },
      ),
    );
    const trailing = createWriter(8).varint(1).text('kg').u8(0).finish();
    const read = release(3).decode({ type: 7, schema: 1, facts: trailing });
    expect(read).toEqual({ ok: false, error: { code: 'MALFORMED_FACTS' } });
  });
});
