/**
 * Events as a table: each type has a number, named fields, and the shapes it had before. What was
 * written in an older shape is read in that shape, and then turned into the next one, step by step,
 * until it has today's; so nothing but the table knows that there ever was another shape.
 */

import { createReader, createWriter, err, ok } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';

/** How a field of one kind is written and read; reading answers `undefined` for what is no value. */
export interface FieldType<V> {
  write(writer: BinaryWriter, value: V): void;
  read(reader: BinaryReader): V | undefined;
}

/** The fields of a shape, in encoding order. */
export type FieldTypes<V> = Readonly<Record<string, FieldType<V>>>;

/** What the fields hold. */
export type FieldValues<V> = Readonly<Record<string, V>>;

/** A shape that is read and no longer written. */
export interface OlderShape<V> {
  readonly fields: FieldTypes<V>;
  /** The same fact in the next schema. Pure and total over what `fields` can read. */
  readonly upcast: (values: FieldValues<V>) => FieldValues<V>;
}

/** An event type. */
export interface EventShape<V> {
  /** Its number in the log, never reused. */
  readonly type: number;
  readonly fields: FieldTypes<V>;
  /** Schemas 1, 2, 3 …; today's follows them. A shape is never taken out of here again. */
  readonly older?: readonly OlderShape<V>[];
}

/** An event as the log has it. */
export interface RecordedFact {
  readonly type: number;
  readonly schema: number;
  readonly facts: Uint8Array;
}

/** An event read: its name and its fields, in today's shape. */
interface NamedFact<N extends string, V> {
  readonly name: N;
  readonly fields: FieldValues<V>;
}

/**
 * Why an event is not read. `UNKNOWN_EVENT`: its type or schema is of a later release, so nothing is
 * said about it. `MALFORMED_FACTS`: no release wrote it so.
 */
export interface FactRejection {
  readonly code: 'UNKNOWN_EVENT' | 'MALFORMED_FACTS';
}

/** The codec over a table. */
export interface FactTable<N extends string, V> {
  typeOf(name: N): number;
  /** The schema that events of this type are written with. */
  schemaOf(name: N): number;
  /** Every type and schema that can be read, oldest first. */
  readonly readable: readonly {
    readonly name: N;
    readonly type: number;
    readonly schema: number;
  }[];
  /** Encodes in today's shape. A field that is missing or of the wrong form is a bug and throws. */
  encode(fact: NamedFact<N, V>): Uint8Array;
  /** Rejects: see {@link FactRejection}. Never throws. */
  decode(event: RecordedFact): Result<NamedFact<N, V>, FactRejection>;
}

/** Makes the codec of a table. */
export function createFactTable<N extends string, V>(
  shapes: Readonly<Record<N, EventShape<V>>>,
): FactTable<N, V> {
  const entries = Object.entries<EventShape<V>>(shapes) as [N, EventShape<V>][];
  const byType = new Map(entries.map(([name, shape]) => [shape.type, { name, shape }]));
  return {
    typeOf: (name) => shapes[name].type,
    schemaOf: (name) => newestSchema(shapes[name]),
    readable: entries.flatMap(([name, shape]) =>
      Array.from({ length: newestSchema(shape) }, (_, i) => ({
        name,
        type: shape.type,
        schema: i + 1,
      })),
    ),
    encode({ name, fields }) {
      const writer = createWriter(64);
      for (const [key, field] of Object.entries(shapes[name].fields)) {
        field.write(writer, fields[key] as V);
      }
      return writer.finish();
    },
    decode({ type, schema, facts }) {
      const known = byType.get(type);
      const newest = known === undefined ? 0 : newestSchema(known.shape);
      const isWritten = Number.isInteger(schema) && schema >= 1 && schema <= newest;
      if (known === undefined || !isWritten) return err({ code: 'UNKNOWN_EVENT' });
      const { name, shape } = known;
      const older = shape.older ?? [];
      let fields = readFields(older[schema - 1]?.fields ?? shape.fields, facts);
      if (fields === undefined) return err({ code: 'MALFORMED_FACTS' });
      for (const { upcast } of older.slice(schema - 1)) fields = upcast(fields);
      return ok({ name, fields });
    },
  };
}

function newestSchema<V>({ older = [] }: EventShape<V>): number {
  return older.length + 1;
}

function readFields<V>(types: FieldTypes<V>, facts: Uint8Array): FieldValues<V> | undefined {
  const reader = createReader(facts);
  const values: Record<string, V> = {};
  for (const [key, field] of Object.entries(types)) {
    const value = field.read(reader);
    if (value === undefined) return undefined;
    values[key] = value;
  }
  return reader.isDone() ? values : undefined;
}
