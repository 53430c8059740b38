/** The queries for a device's head, and for its next incarnation. */

import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { Prepared } from './prepare.ts';
import { blob, int, prepare } from './prepare.ts';
import type { QueryBuilder } from './schema.ts';

interface OfDevice {
  readonly device: number;
}

/** Heads and incarnations. */
export interface RenewalStatements {
  /** Another token and signed prekey; no last resort, counters at zero, no head. */
  readonly renewDevice: Prepared<
    {
      device: number;
      lookup: Uint8Array;
      hash: Uint8Array;
      keyId: number;
      key: Uint8Array;
      signature: Uint8Array;
    },
    unknown
  >;
  readonly head: Prepared<OfDevice, { head: Uint8Array | null }>;
  readonly updateHead: Prepared<{ device: number; head: Uint8Array }, unknown>;
  /** The one-time prekeys of a device. */
  readonly deleteKeys: readonly Prepared<OfDevice, unknown>[];
}

/** Prepares them. */
export function renewalStatements(database: Database, build: QueryBuilder): RenewalStatements {
  return {
    renewDevice: prepare(
      database,
      build
        .updateTable('device')
        .set({
          token_lookup: blob('lookup'),
          token_hash: blob('hash'),
          signed_pre_key_id: int('keyId'),
          signed_pre_key: blob('key'),
          signed_pre_key_signature: blob('signature'),
          key_count: sql`0`,
          last_issued_id: sql`0`,
          highest_seen_id: sql`0`,
          last_resort_id: sql`null`,
          last_resort_key: sql`null`,
          last_resort_signature: sql`null`,
          kem_count: sql`0`,
          kem_last_issued_id: sql`0`,
          kem_highest_seen_id: sql`0`,
          head: sql`null`,
        })
        .where('id', '=', int('device')),
    ),
    head: prepare(
      database,
      build.selectFrom('device').select('head').where('id', '=', int('device')),
    ),
    updateHead: prepare(
      database,
      build
        .updateTable('device')
        .set({ head: blob('head') })
        .where('id', '=', int('device')),
    ),
    deleteKeys: [
      prepare(database, build.deleteFrom('pre_key').where('device', '=', int('device'))),
      prepare(database, build.deleteFrom('kem_pre_key').where('device', '=', int('device'))),
    ],
  };
}
