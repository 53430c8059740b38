/** One bit of a row turned over: which one is drawn alike over rows in memory and over SQLite. */

import { invariant } from '@simsim/bytes';
import type { MemorySnapshot } from '@simsim/event-log';
import type { SqliteDatabase, SqlRow } from '@simsim/event-log-sqlite';
import type { RowPart } from '../case/case.ts';
import type { Dice } from '../dice.ts';

/** Half of the damage to events is to the last so many: they are the ones that are read. */
const RECENT = 12;

/** What is no longer than this is a digest. */
const DIGEST_BYTES = 32;

/** The rows with a bit turned over in one of them; `undefined` where there is none of the kind. */
export function rottenImage(
  image: MemorySnapshot,
  part: RowPart,
  dice: Dice,
): MemorySnapshot | undefined {
  switch (part) {
    case 'facts':
    case 'state': {
      const field = part === 'facts' ? 'facts' : 'sealed';
      const places = image.events.filter((row) => isWhole(row[field])).map(({ seq }) => seq - 1);
      const place = pickPlace(places, part, dice);
      const row = place === undefined ? undefined : image.events[place];
      if (row === undefined || place === undefined) return undefined;
      const events = image.events.with(place, { ...row, [field]: rotten(row[field], dice) });
      return { ...image, events };
    }
    case 'post': {
      const put: Put<typeof image.outbox> = (row) => ({ ...row, body: rotten(row.body, dice) });
      return changed(image.outbox, { part, dice, put }, (outbox) => ({ ...image, outbox }));
    }
    case 'mail': {
      const put: Put<typeof image.inbox> = (row) => ({ ...row, body: rotten(row.body, dice) });
      return changed(image.inbox, { part, dice, put }, (inbox) => ({ ...image, inbox }));
    }
    case 'label': {
      const put: Put<typeof image.streams> = (row) => ({ ...row, label: rotten(row.label, dice) });
      return changed(image.streams, { part, dice, put }, (streams) => ({ ...image, streams }));
    }
    case 'record':
    case 'data': {
      const table = part === 'record' ? 'records' : 'data';
      const put: Put<typeof image.data> = (row) => ({ ...row, value: rotten(row.value, dice) });
      return changed(image[table], { part, dice, put }, (rows) => ({ ...image, [table]: rows }));
    }
  }
}

/** What makes a damaged row of a whole one. */
type Put<Rows> = Rows extends ReadonlyMap<unknown, infer Row> ? (row: Row) => Row : never;

interface Change<Row> {
  readonly part: RowPart;
  readonly dice: Dice;
  readonly put: (row: Row) => Row;
}

function changed<Key extends string | number, Row, Image>(
  rows: ReadonlyMap<Key, Row>,
  { part, dice, put }: Change<Row>,
  into: (rows: ReadonlyMap<Key, Row>) => Image,
): Image | undefined {
  const keys = [...rows.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  const key = pickPlace(keys, part, dice);
  const row = key === undefined ? undefined : rows.get(key);
  return key === undefined || row === undefined
    ? undefined
    : into(new Map(rows).set(key, put(row)));
}

/** Where SQLite has each part. */
const COLUMNS = {
  facts: { table: 'event', key: 'seq', column: 'facts', where: 'length(facts) > 32' },
  state: { table: 'event', key: 'seq', column: 'sealed', where: 'length(sealed) > 32' },
  post: { table: 'outbox', key: 'slot', column: 'body', where: 'post <> zeroblob(16)' },
  mail: { table: 'inbox', key: 'slot', column: 'body', where: 'id <> zeroblob(16)' },
  label: { table: 'stream', key: 'id', column: 'label', where: 'true' },
  record: { table: 'record', key: 'name', column: 'value', where: 'true' },
  data: { table: 'data', key: 'name', column: 'value', where: 'true' },
} as const satisfies Readonly<Record<RowPart, unknown>>;

/**
 * Does the same to a database; false where there is no such row. Triggers that keep events as they are
 * stand aside meanwhile: a medium that rots asks nobody. Throws: errors of the driver.
 */
export function rotRow(db: SqliteDatabase, part: RowPart, dice: Dice): boolean {
  const { table, key, column, where } = COLUMNS[part];
  return db.transaction('write', () => {
    const keys = db.prepare(`SELECT ${key} FROM ${table} WHERE ${where} ORDER BY ${key}`).all([]);
    const place = pickPlace(keys, part, dice);
    if (place === undefined) return false;
    const at = keyOf(place);
    const found = db.prepare(`SELECT ${column} FROM ${table} WHERE ${key} = ?`).get([at])?.[0];
    invariant(found instanceof Uint8Array, 'what rots is bytes');
    const triggers = db
      .prepare(`SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?`)
      .all([table]);
    for (const [name] of triggers) db.exec(`DROP TRIGGER ${String(name)}`);
    db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${key} = ?`).run([rotten(found, dice), at]);
    for (const [, sql] of triggers) db.exec(String(sql));
    return true;
  });
}

function keyOf([key]: SqlRow): number | Uint8Array {
  invariant(typeof key === 'number' || key instanceof Uint8Array, 'rows have keys');
  return key;
}

function isWhole(part: Uint8Array | undefined): boolean {
  return part !== undefined && part.length > DIGEST_BYTES;
}

function pickPlace<Place>(places: readonly Place[], part: RowPart, dice: Dice): Place | undefined {
  const isOfEvent = part === 'facts' || part === 'state';
  return dice.pick(isOfEvent && dice.chance(0.5) ? places.slice(-RECENT) : places);
}

/** The same bytes with one bit turned over. */
function rotten(part: Uint8Array | undefined, dice: Dice): Uint8Array {
  invariant(part !== undefined && part.length > 0, 'what rots is there');
  const bytes = part.slice();
  const at = dice.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
  return bytes;
}
