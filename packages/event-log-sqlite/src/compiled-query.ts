/**
 * SQL text that kysely types and compiles once in a process; connections prepare it when they first
 * need it. Running kysely's own query path would compile and prepare on every call.
 */

import {
  DummyDriver,
  Kysely,
  sql,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Compilable, RawBuilder } from 'kysely';
import type { LogTables } from './schema.ts';
import type { SqliteDatabase, SqlRow, SqlValue } from './sqlite-driver.ts';

/** Arguments of a query, by the names of its slots. */
export type SqlArguments = Readonly<Record<string, SqlValue>>;

/** A query compiled to text. */
export interface CompiledText {
  readonly sql: string;
  /** For each place a slot's name, or a fixed value. */
  readonly places: readonly (string | { readonly fixed: SqlValue })[];
}

/** A query on one connection. */
export interface PreparedQuery {
  /** Rows that were changed. */
  run(values: SqlArguments): number;
  /** The first row by columns, as selected. */
  get(values: SqlArguments): SqlRow | undefined;
  all(values: SqlArguments): readonly SqlRow[];
  /** Rows one by one; to be read to the end at once. */
  iterate(values: SqlArguments): Iterable<SqlRow>;
}

class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** The typed builder. It has no connection: it only makes text. */
export const builder: Kysely<LogTables> = new Kysely<LogTables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

/** A named place, put where a value goes. */
export function slot<T>(name: string): RawBuilder<T> {
  return sql<T>`${new Slot(name)}`;
}

/** Compiles a query. */
export function compileQuery(query: Compilable): CompiledText {
  const { sql: text, parameters } = query.compile();
  return { sql: text, places: parameters.map(placeOf) };
}

/** Prepares a query on a connection. */
export function prepareQuery(
  db: SqliteDatabase,
  { sql: text, places }: CompiledText,
): PreparedQuery {
  const statement = db.prepare(text);
  const valuesOf = (values: SqlArguments): SqlValue[] =>
    places.map((place) => (typeof place === 'string' ? (values[place] ?? null) : place.fixed));
  return {
    run: (values) => statement.run(valuesOf(values)),
    get: (values) => statement.get(valuesOf(values)),
    all: (values) => statement.all(valuesOf(values)),
    iterate: (values) => statement.iterate(valuesOf(values)),
  };
}

function placeOf(parameter: unknown): string | { readonly fixed: SqlValue } {
  if (parameter instanceof Slot) return parameter.name;
  const isValue =
    parameter === null ||
    typeof parameter === 'string' ||
    typeof parameter === 'number' ||
    parameter instanceof Uint8Array;
  if (!isValue) throw new TypeError('a query takes slots, text, numbers and bytes');
  return { fixed: parameter };
}
