/** All that a store answers, as one text that can be compared with what another one answers. */

import { bytesToHex } from '@simsim/bytes';
import type { EventReader } from '@simsim/event-log';

/** Everything that can be read of a store, one line for each part; rows by name, whatever their order. */
export function contentOf(store: EventReader, metaKeys: Iterable<string>): readonly string[] {
  const { seq } = store.tip();
  const events = [...store.events(1, seq)];
  const streams = [...store.streams()];
  const records = [...store.records()];
  const data = [...store.dataRows()];
  return [
    line('tip', store.tip()),
    ...events.map((row) => line(`event ${row.seq}`, row)),
    ...events.map((row) => line(`event ${row.seq} alone`, store.event(row.seq))),
    line('the event after the tip', store.event(seq + 1)),
    ...streams.map((row) => line(`stream ${row.id}`, row)),
    ...streams.map((row) => line(`stream ${row.id} by name`, store.streamByName(row.name))),
    ...streams.map((row) => line(`stream ${row.id} by id`, store.streamById(row.id))),
    line('streams without a slot', idsOf(store.publicStreams())),
    line('the highest stream', store.streamMax()),
    ...[...store.heads()].map((row) => line(`head ${row.stream}`, row)),
    ...streams.map(({ id }) => line(`head ${id} alone`, store.head(id))),
    ...byName(records).map(([name, row]) => line(`record ${name}`, row.value)),
    ...byName(records).map(([name, row]) => line(`record ${name} alone`, store.record(row.name))),
    ...byName(data).map(([name, row]) => line(`data ${name}`, row.value)),
    ...byName(data).map(([name, row]) => line(`data ${name} alone`, store.data(row.name))),
    line('outbox', [...store.outbox()]),
    line('inbox', [...store.inbox()]),
    line('runs', [...store.seenRuns()]),
    line('the last run', store.seenUpto()),
    ...[...metaKeys].map((key) => line(`meta ${key}`, store.meta(key))),
  ];
}

/** The first line in which two contents differ; `undefined` where they are equal. */
export function differenceOf(
  found: readonly string[],
  wanted: readonly string[],
): string | undefined {
  const length = Math.max(found.length, wanted.length);
  for (let i = 0; i < length; i++) {
    if (found[i] === wanted[i]) continue;
    return `the store has "${found[i] ?? 'nothing more'}", and not "${wanted[i] ?? 'nothing more'}"`;
  }
  return undefined;
}

function idsOf(rows: Iterable<{ readonly id: number }>): number[] {
  return [...rows].map(({ id }) => id).sort((a, b) => a - b);
}

function byName<Row extends { readonly name: Uint8Array }>(
  rows: readonly Row[],
): readonly (readonly [name: string, row: Row])[] {
  return rows
    .map((row) => [bytesToHex(row.name), row] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function line(what: string, value: unknown): string {
  return `${what}: ${textOf(value)}`;
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return `#${bytesToHex(value)}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${name}: ${textOf(field)}`).join(', ')}}`;
}
