/**
 * A release that comes after the shipping one: each of its events has one field more, and what the
 * shipping one wrote is read through upcasters.
 */

import { createFactTable, EVENTS, READABLE_EVENTS } from '@simsim/sesame';
import type { EventName, EventShape, FactValue, Release } from '@simsim/sesame';

/** How a release is broken, for an invariant that must see it. */
export type ReleaseSabotage =
  /** What the shipping release wrote is read as if it were its own. */
  | 'reads-old-as-new'
  /** What the shipping release wrote of users is lost in an upcaster. */
  | 'forgets-changes';

type Shape = EventShape<FactValue>;
type Upcast = NonNullable<Shape['older']>[number]['upcast'];

/** The new field. What was written before it was there has 0. */
const FIELD = 'writtenAs';
const NUMBER: Shape['fields'][string] = {
  write: (writer, value) => void writer.varint(Number(value)),
  read: (reader) => reader.varint(),
};

/** Makes one. */
export function laterRelease(sabotage?: ReleaseSabotage): Release {
  const shapes: Record<EventName, Shape> = { ...EVENTS };
  for (const { name } of READABLE_EVENTS) shapes[name] = grown(EVENTS[name], sabotage);
  const table = createFactTable(shapes);
  return {
    schemaOf: (name) => table.schemaOf(name),
    encode({ name, fields }) {
      return table.encode({ name, fields: { [FIELD]: table.schemaOf(name), ...fields } });
    },
    read: (event) => table.decode(event),
  };
}

function grown({ type, fields, older = [] }: Shape, sabotage?: ReleaseSabotage): Shape {
  const all = { ...fields, [FIELD]: NUMBER };
  const read = sabotage === 'reads-old-as-new' ? all : fields;
  const isForgetful = sabotage === 'forgets-changes' && 'changes' in fields;
  const upcast: Upcast = (values) => ({
    ...values,
    ...(isForgetful ? { changes: [] } : {}),
    [FIELD]: 0,
  });
  return { type, fields: all, older: [...older, { fields: read, upcast }] };
}
