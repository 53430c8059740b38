/** The queries about lists of before, and identity keys that are sealed for devices. */

import type { Database } from 'better-sqlite3';
import type { Prepared } from './prepare.ts';
import { blob, int, prepare } from './prepare.ts';
import type { QueryBuilder } from './schema.ts';

/** Lists of before and sealed keys. */
export interface SuccessionStatements {
  readonly formerLists: Prepared<{ account: number; since: number }, { list: Uint8Array }>;
  readonly putFormerList: Prepared<{ account: number; version: number; list: Uint8Array }, unknown>;
  /** Those up to a version. */
  readonly dropFormerLists: Prepared<{ account: number; version: number }, unknown>;
  readonly sealedIdentity: Prepared<{ device: number }, { sealed_identity: Uint8Array | null }>;
  readonly updateSealedIdentity: Prepared<{ device: number; sealed: Uint8Array }, unknown>;
}

/** Prepares them. */
export function successionStatements(
  database: Database,
  build: QueryBuilder,
): SuccessionStatements {
  return {
    formerLists: prepare(
      database,
      build
        .selectFrom('former_list')
        .select('list')
        .where('account', '=', int('account'))
        .where('version', '>=', int('since'))
        .orderBy('version'),
    ),
    putFormerList: prepare(
      database,
      build
        .replaceInto('former_list')
        .values({ account: int('account'), version: int('version'), list: blob('list') }),
    ),
    dropFormerLists: prepare(
      database,
      build
        .deleteFrom('former_list')
        .where('account', '=', int('account'))
        .where('version', '<=', int('version')),
    ),
    sealedIdentity: prepare(
      database,
      build.selectFrom('device').select('sealed_identity').where('id', '=', int('device')),
    ),
    updateSealedIdentity: prepare(
      database,
      build
        .updateTable('device')
        .set({ sealed_identity: blob('sealed') })
        .where('id', '=', int('device')),
    ),
  };
}
