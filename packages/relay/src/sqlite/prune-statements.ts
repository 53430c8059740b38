/** The queries that forget: what expired, and what must not be handed out any more. */

import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import { CLAIMS_KEPT_MAX } from '../core/limits.ts';
import type { Prepared } from './prepare.ts';
import { int, prepare } from './prepare.ts';
import type { QueryBuilder } from './schema.ts';

/** Forgetting; each takes what it needs of an expiry. */
export interface PruneStatements {
  readonly expiring: readonly Prepared<{ now: number }, unknown>[];
  readonly old: readonly Prepared<{ before: number }, unknown>[];
  readonly oldMail: Prepared<{ before: number }, unknown>;
  readonly recount: Prepared<object, unknown>;
  /** The same of one device's, of either kind. */
  readonly forgetPreKeysOf: Prepared<{ device: number }, unknown>;
  readonly forgetKemPreKeysOf: Prepared<{ device: number }, unknown>;
  /** All but the newest answered claims of a device. */
  readonly dropOldClaims: Prepared<{ device: number }, unknown>;
  /** Empties the one-time prekeys that nobody has. */
  readonly forgetKeys: readonly Prepared<object, unknown>[];
}

/** Prepares them. */
export function pruneStatements(database: Database, build: QueryBuilder): PruneStatements {
  return {
    expiring: [
      prepare(database, build.deleteFrom('nonce').where('expires_at_ms', '<=', int('now'))),
      prepare(database, build.deleteFrom('link').where('expires_at_ms', '<=', int('now'))),
    ],
    old: [
      prepare(database, build.deleteFrom('accepted_post').where('at_ms', '<', int('before'))),
      prepare(database, build.deleteFrom('claim').where('at_ms', '<', int('before'))),
      prepare(database, build.deleteFrom('pre_key').where('issued_at_ms', '<', int('before'))),
    ],
    oldMail: prepare(
      database,
      build.deleteFrom('envelope').where('stored_at_ms', '<', int('before')),
    ),
    forgetPreKeysOf: prepare(
      database,
      build
        .deleteFrom('pre_key')
        .where('device', '=', int('device'))
        .where('issued_at_ms', 'is', null),
    ),
    forgetKemPreKeysOf: prepare(
      database,
      build.deleteFrom('kem_pre_key').where('device', '=', int('device')),
    ),
    dropOldClaims: prepare(
      database,
      build
        .deleteFrom('claim')
        .where('device', '=', int('device'))
        .where('at_ms', '<', (at) =>
          at
            .selectFrom('claim')
            .select('at_ms')
            .where('device', '=', int('device'))
            .orderBy('at_ms', 'desc')
            .limit(sql<number>`1`)
            .offset(sql<number>`${sql.lit(CLAIMS_KEPT_MAX - 1)}`),
        ),
    ),
    forgetKeys: [
      prepare(database, build.deleteFrom('pre_key').where('issued_at_ms', 'is', null)),
      prepare(database, build.deleteFrom('kem_pre_key')),
      prepare(database, build.updateTable('device').set({ key_count: sql`0`, kem_count: sql`0` })),
    ],
    recount: prepare(
      database,
      build.updateTable('device').set({
        mail_count: sql`(select count(*) from envelope where envelope.device = device.id)`,
        mail_bytes: sql`(select coalesce(sum(length(content)), 0) from envelope
          where envelope.device = device.id)`,
      }),
    ),
  };
}
