/** The queries about KEM prekeys, one-time and last-resort. */

import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { Prepared } from './prepare.ts';
import { blob, int, prepare } from './prepare.ts';
import type { QueryBuilder } from './schema.ts';

/** The columns of a KEM prekey. */
export interface KemKeyRow {
  readonly id: number;
  readonly public_key: Uint8Array;
  readonly signature: Uint8Array;
}

/** One KEM prekey of a device. */
interface KemKeyPlace {
  readonly device: number;
  readonly id: number;
}

interface KemKeyValues extends KemKeyPlace {
  readonly key: Uint8Array;
  readonly signature: Uint8Array;
}

/** KEM prekeys of devices. */
export interface KemStatements {
  readonly nextKemPreKey: Prepared<{ device: number }, KemKeyRow>;
  readonly kemPreKey: Prepared<KemKeyPlace, { public_key: Uint8Array }>;
  readonly insertKemPreKey: Prepared<KemKeyValues, unknown>;
  readonly deleteKemPreKey: Prepared<KemKeyPlace, unknown>;
  readonly updateLastResort: Prepared<KemKeyValues, unknown>;
  readonly updateKemCounters: Prepared<
    { device: number; count: number; issued: number; seen: number },
    unknown
  >;
}

/** Prepares them. */
export function kemStatements(database: Database, build: QueryBuilder): KemStatements {
  return {
    nextKemPreKey: prepare(
      database,
      build
        .selectFrom('kem_pre_key')
        .select(['id', 'public_key', 'signature'])
        .where('device', '=', int('device'))
        .orderBy('id')
        .limit(sql<number>`1`),
    ),
    kemPreKey: prepare(
      database,
      build
        .selectFrom('kem_pre_key')
        .select('public_key')
        .where('device', '=', int('device'))
        .where('id', '=', int('id')),
    ),
    insertKemPreKey: prepare(
      database,
      build.insertInto('kem_pre_key').values({
        device: int('device'),
        id: int('id'),
        public_key: blob('key'),
        signature: blob('signature'),
      }),
    ),
    deleteKemPreKey: prepare(
      database,
      build
        .deleteFrom('kem_pre_key')
        .where('device', '=', int('device'))
        .where('id', '=', int('id')),
    ),
    updateLastResort: prepare(
      database,
      build
        .updateTable('device')
        .set({
          last_resort_id: int('id'),
          last_resort_key: blob('key'),
          last_resort_signature: blob('signature'),
        })
        .where('id', '=', int('device')),
    ),
    updateKemCounters: prepare(
      database,
      build
        .updateTable('device')
        .set({
          kem_count: int('count'),
          kem_last_issued_id: int('issued'),
          kem_highest_seen_id: int('seen'),
        })
        .where('id', '=', int('device')),
    ),
  };
}
