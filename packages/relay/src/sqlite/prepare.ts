/** kysely writes and types the SQL, once; better-sqlite3 runs it prepared and synchronously. */

import { invariant } from '@simsim/bytes';
import type { Database } from 'better-sqlite3';
import type { Compilable, RawBuilder } from 'kysely';
import {
  DummyDriver,
  Kysely,
  sql,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { QueryBuilder, RelayTables } from './schema.ts';

/** A query compiled and prepared; `A` names its arguments, `O` is its row. */
export interface Prepared<A extends object, O> {
  /** Runs it; answers how many rows changed. */
  run(args: A): number;
  get(args: A): O | undefined;
  all(args: A): readonly O[];
  /** Rows one by one; leaving the loop ends the query. */
  iterate(args: A): Iterable<O>;
}

/** Where an integer argument of this name goes. */
export const int = (name: string): RawBuilder<number> => sql.raw(`@${name}`);
/** Where a text argument of this name goes. */
export const text = (name: string): RawBuilder<string> => sql.raw(`@${name}`);
/** Where a blob argument of this name goes. */
export const blob = (name: string): RawBuilder<Uint8Array> => sql.raw(`@${name}`);

/** A query builder without a connection. */
export function createQueryBuilder(): QueryBuilder {
  return new Kysely<RelayTables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Compiles and prepares a query. Values stand in it as named places only. */
export function prepare<A extends object, O>(
  database: Database,
  query: Compilable<O>,
): Prepared<A, O> {
  const compiled = query.compile();
  invariant(compiled.parameters.length === 0, 'a prepared query has named places only');
  const statement = database.prepare<[A], O>(compiled.sql);
  return {
    run: (args) => statement.run(args).changes,
    get: (args) => statement.get(args),
    all: (args) => statement.all(args),
    iterate: (args) => statement.iterate(args),
  };
}
