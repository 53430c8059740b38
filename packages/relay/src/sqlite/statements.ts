/** Every query a relay's file is asked, prepared once per connection. */

import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import type { KemStatements } from './kem-statements.ts';
import { kemStatements } from './kem-statements.ts';
import type { RenewalStatements } from './renewal-statements.ts';
import { renewalStatements } from './renewal-statements.ts';
import type { Prepared } from './prepare.ts';
import { blob, createQueryBuilder, int, prepare, text } from './prepare.ts';
import type { PruneStatements } from './prune-statements.ts';
import { pruneStatements } from './prune-statements.ts';
import type { SuccessionStatements } from './succession-statements.ts';
import { successionStatements } from './succession-statements.ts';
import type { QueryBuilder } from './schema.ts';

/** A device by its row. */
interface OfDevice {
  readonly device: number;
}

/** The columns of a device's keys. */
export interface KeyRow {
  readonly signed_pre_key_id: number;
  readonly signed_pre_key: Uint8Array;
  readonly signed_pre_key_signature: Uint8Array;
  readonly key_count: number;
  readonly last_issued_id: number;
  readonly highest_seen_id: number;
  readonly last_resort_id: number | null;
  readonly last_resort_key: Uint8Array | null;
  readonly last_resort_signature: Uint8Array | null;
  readonly kem_count: number;
  readonly kem_last_issued_id: number;
  readonly kem_highest_seen_id: number;
}

/** The columns of waiting mail. */
export interface MailRow {
  readonly seq: number;
  readonly sender: string;
  readonly sender_device: number;
  readonly envelope_id: Uint8Array;
  readonly is_retry: number;
  readonly stored_at_ms: number;
  readonly content: Uint8Array;
}

/** The columns of what was left for a link. */
export interface LinkRow {
  readonly ciphertext: Uint8Array;
  readonly expires_at_ms: number;
  readonly taker: Uint8Array | null;
}

/** Users and devices. */
interface AccountStatements extends RenewalStatements {
  readonly account: Prepared<{ user: string }, { id: number; list: Uint8Array }>;
  readonly insertAccount: Prepared<{ user: string; list: Uint8Array }, unknown>;
  readonly updateAccount: Prepared<{ user: string; list: Uint8Array }, unknown>;
  readonly devices: Prepared<
    { account: number },
    { device_id: number; token_hash: Uint8Array; mail_count: number; mail_bytes: number }
  >;
  readonly deviceByToken: Prepared<
    { lookup: Uint8Array },
    { id: number; token_hash: Uint8Array; device_id: number; user_id: string }
  >;
  readonly deviceByAddress: Prepared<{ user: string; deviceId: number }, { id: number }>;
  readonly insertDevice: Prepared<
    {
      account: number;
      deviceId: number;
      lookup: Uint8Array;
      hash: Uint8Array;
      keyId: number;
      key: Uint8Array;
      signature: Uint8Array;
    },
    unknown
  >;
  /** The device and everything that hangs on it. */
  readonly deleteDevice: readonly Prepared<OfDevice, unknown>[];
}

/** Prekeys, claims, nonces and links. */
interface KeyStatements {
  readonly keys: Prepared<OfDevice, KeyRow>;
  readonly nextPreKey: Prepared<
    { device: number; after: number },
    { id: number; public_key: Uint8Array }
  >;
  readonly preKey: Prepared<{ device: number; id: number }, { public_key: Uint8Array }>;
  readonly insertPreKey: Prepared<{ device: number; id: number; key: Uint8Array }, unknown>;
  readonly issuePreKey: Prepared<{ device: number; id: number; at: number }, unknown>;
  readonly updateSignedPreKey: Prepared<
    { device: number; id: number; key: Uint8Array; signature: Uint8Array },
    unknown
  >;
  readonly updateCounters: Prepared<
    { device: number; count: number; issued: number; seen: number },
    unknown
  >;
  readonly claim: Prepared<
    { device: number; claim: Uint8Array },
    { body_hash: Uint8Array; answer: Uint8Array }
  >;
  readonly insertClaim: Prepared<
    { device: number; claim: Uint8Array; hash: Uint8Array; answer: Uint8Array; at: number },
    unknown
  >;
  readonly nonce: Prepared<{ nonce: Uint8Array }, { expires_at_ms: number }>;
  readonly nonceCount: Prepared<object, { count: number }>;
  readonly insertNonce: Prepared<{ nonce: Uint8Array; expires: number }, unknown>;
  readonly deleteNonce: Prepared<{ nonce: Uint8Array }, unknown>;
  readonly link: Prepared<{ address: Uint8Array }, LinkRow>;
  readonly putLink: Prepared<
    { address: Uint8Array; ciphertext: Uint8Array; expires: number },
    unknown
  >;
  readonly takeLink: Prepared<{ address: Uint8Array; taker: Uint8Array }, unknown>;
  readonly deleteLink: Prepared<{ address: Uint8Array }, unknown>;
}

/** Mailboxes and accepted posts. */
interface MailStatements {
  readonly takeSeq: Prepared<{ device: number; bytes: number }, { last_seq: number }>;
  readonly insertMail: Prepared<
    {
      device: number;
      seq: number;
      sender: string;
      senderDevice: number;
      envelopeId: Uint8Array;
      isRetry: number;
      storedAt: number;
      content: Uint8Array;
    },
    unknown
  >;
  readonly mailAfter: Prepared<{ device: number; after: number; limit: number }, MailRow>;
  readonly deleteMail: Prepared<{ device: number; seq: number }, { bytes: number }>;
  readonly subtractMail: Prepared<{ device: number; count: number; bytes: number }, unknown>;
  readonly post: Prepared<
    { device: number; post: Uint8Array },
    { body_hash: Uint8Array; list_version: number }
  >;
  readonly insertPost: Prepared<
    { device: number; post: Uint8Array; hash: Uint8Array; version: number; at: number },
    unknown
  >;
}

/** All prepared queries. */
export interface Statements
  extends
    AccountStatements,
    KemStatements,
    KeyStatements,
    MailStatements,
    PruneStatements,
    SuccessionStatements {}

/** Prepares every query on a connection whose schema is current. */
export function prepareStatements(database: Database): Statements {
  const build = createQueryBuilder();
  return {
    ...accountStatements(database, build),
    ...keyStatements(database, build),
    ...kemStatements(database, build),
    ...sideStatements(database, build),
    ...mailStatements(database, build),
    ...postStatements(database, build),
    ...pruneStatements(database, build),
    ...successionStatements(database, build),
  };
}

function accountStatements(database: Database, build: QueryBuilder): AccountStatements {
  return {
    account: prepare(
      database,
      build.selectFrom('account').select(['id', 'list']).where('user_id', '=', text('user')),
    ),
    insertAccount: prepare(
      database,
      build.insertInto('account').values({ user_id: text('user'), list: blob('list') }),
    ),
    updateAccount: prepare(
      database,
      build
        .updateTable('account')
        .set({ list: blob('list') })
        .where('user_id', '=', text('user')),
    ),
    devices: prepare(
      database,
      build
        .selectFrom('device')
        .select(['device_id', 'token_hash', 'mail_count', 'mail_bytes'])
        .where('account', '=', int('account')),
    ),
    deviceByToken: prepare(
      database,
      build
        .selectFrom('device')
        .innerJoin('account', 'account.id', 'device.account')
        .select(['device.id', 'device.token_hash', 'device.device_id', 'account.user_id'])
        .where('device.token_lookup', '=', blob('lookup')),
    ),
    deviceByAddress: prepare(
      database,
      build
        .selectFrom('device')
        .innerJoin('account', 'account.id', 'device.account')
        .select('device.id')
        .where('account.user_id', '=', text('user'))
        .where('device.device_id', '=', int('deviceId')),
    ),
    insertDevice: prepare(
      database,
      build.insertInto('device').values({
        account: int('account'),
        device_id: int('deviceId'),
        token_lookup: blob('lookup'),
        token_hash: blob('hash'),
        signed_pre_key_id: int('keyId'),
        signed_pre_key: blob('key'),
        signed_pre_key_signature: blob('signature'),
        key_count: sql`0`,
        last_issued_id: sql`0`,
        highest_seen_id: sql`0`,
        last_seq: sql`0`,
        mail_count: sql`0`,
        mail_bytes: sql`0`,
      }),
    ),
    ...renewalStatements(database, build),
    deleteDevice: deleteDeviceStatements(database, build),
  };
}

function deleteDeviceStatements(
  database: Database,
  build: QueryBuilder,
): AccountStatements['deleteDevice'] {
  return [
    prepare(database, build.deleteFrom('pre_key').where('device', '=', int('device'))),
    prepare(database, build.deleteFrom('kem_pre_key').where('device', '=', int('device'))),
    prepare(database, build.deleteFrom('envelope').where('device', '=', int('device'))),
    prepare(database, build.deleteFrom('accepted_post').where('device', '=', int('device'))),
    prepare(database, build.deleteFrom('claim').where('device', '=', int('device'))),
    prepare(database, build.deleteFrom('device').where('id', '=', int('device'))),
  ];
}

type OneTimeStatements = Pick<
  KeyStatements,
  | 'keys'
  | 'nextPreKey'
  | 'preKey'
  | 'insertPreKey'
  | 'issuePreKey'
  | 'updateSignedPreKey'
  | 'updateCounters'
>;

function keyStatements(database: Database, build: QueryBuilder): OneTimeStatements {
  return {
    keys: prepare(
      database,
      build
        .selectFrom('device')
        .select(['signed_pre_key_id', 'signed_pre_key', 'signed_pre_key_signature'])
        .select(['key_count', 'last_issued_id', 'highest_seen_id'])
        .select(['last_resort_id', 'last_resort_key', 'last_resort_signature'])
        .select(['kem_count', 'kem_last_issued_id', 'kem_highest_seen_id'])
        .where('id', '=', int('device')),
    ),
    nextPreKey: prepare(
      database,
      build
        .selectFrom('pre_key')
        .select(['id', 'public_key'])
        .where('device', '=', int('device'))
        .where('id', '>', int('after'))
        .orderBy('id')
        .limit(sql<number>`1`),
    ),
    preKey: prepare(
      database,
      build
        .selectFrom('pre_key')
        .select('public_key')
        .where('device', '=', int('device'))
        .where('id', '=', int('id')),
    ),
    insertPreKey: prepare(
      database,
      build
        .insertInto('pre_key')
        .values({ device: int('device'), id: int('id'), public_key: blob('key') }),
    ),
    issuePreKey: prepare(
      database,
      build
        .updateTable('pre_key')
        .set({ issued_at_ms: int('at') })
        .where('device', '=', int('device'))
        .where('id', '=', int('id')),
    ),
    updateSignedPreKey: prepare(
      database,
      build
        .updateTable('device')
        .set({
          signed_pre_key_id: int('id'),
          signed_pre_key: blob('key'),
          signed_pre_key_signature: blob('signature'),
        })
        .where('id', '=', int('device')),
    ),
    updateCounters: prepare(
      database,
      build
        .updateTable('device')
        .set({
          key_count: int('count'),
          last_issued_id: int('issued'),
          highest_seen_id: int('seen'),
        })
        .where('id', '=', int('device')),
    ),
  };
}

type SideStatements = Omit<KeyStatements, keyof OneTimeStatements>;

function sideStatements(database: Database, build: QueryBuilder): SideStatements {
  return {
    claim: prepare(
      database,
      build
        .selectFrom('claim')
        .select(['body_hash', 'answer'])
        .where('device', '=', int('device'))
        .where('claim_id', '=', blob('claim')),
    ),
    insertClaim: prepare(
      database,
      build.insertInto('claim').values({
        device: int('device'),
        claim_id: blob('claim'),
        body_hash: blob('hash'),
        answer: blob('answer'),
        at_ms: int('at'),
      }),
    ),
    nonce: prepare(
      database,
      build.selectFrom('nonce').select('expires_at_ms').where('nonce', '=', blob('nonce')),
    ),
    nonceCount: prepare(
      database,
      build.selectFrom('nonce').select((at) => at.fn.countAll<number>().as('count')),
    ),
    insertNonce: prepare(
      database,
      build.insertInto('nonce').values({ nonce: blob('nonce'), expires_at_ms: int('expires') }),
    ),
    deleteNonce: prepare(database, build.deleteFrom('nonce').where('nonce', '=', blob('nonce'))),
    link: prepare(
      database,
      build
        .selectFrom('link')
        .select(['ciphertext', 'expires_at_ms', 'taker'])
        .where('address', '=', blob('address')),
    ),
    putLink: prepare(
      database,
      build.replaceInto('link').values({
        address: blob('address'),
        ciphertext: blob('ciphertext'),
        expires_at_ms: int('expires'),
      }),
    ),
    takeLink: prepare(
      database,
      build
        .updateTable('link')
        .set({ taker: blob('taker') })
        .where('address', '=', blob('address')),
    ),
    deleteLink: prepare(database, build.deleteFrom('link').where('address', '=', blob('address'))),
  };
}

function mailStatements(
  database: Database,
  build: QueryBuilder,
): Omit<MailStatements, keyof PostStatements> {
  return {
    takeSeq: prepare(
      database,
      build
        .updateTable('device')
        .set({
          last_seq: sql`last_seq + 1`,
          mail_count: sql`mail_count + 1`,
          mail_bytes: sql`mail_bytes + @bytes`,
        })
        .where('id', '=', int('device'))
        .returning('last_seq'),
    ),
    insertMail: prepare(
      database,
      build.insertInto('envelope').values({
        device: int('device'),
        seq: int('seq'),
        sender: text('sender'),
        sender_device: int('senderDevice'),
        envelope_id: blob('envelopeId'),
        is_retry: int('isRetry'),
        stored_at_ms: int('storedAt'),
        content: blob('content'),
      }),
    ),
    mailAfter: prepare(
      database,
      build
        .selectFrom('envelope')
        .select(['seq', 'sender', 'sender_device', 'envelope_id', 'is_retry'])
        .select(['stored_at_ms', 'content'])
        .where('device', '=', int('device'))
        .where('seq', '>', int('after'))
        .orderBy('seq')
        .limit(int('limit')),
    ),
    deleteMail: prepare(
      database,
      build
        .deleteFrom('envelope')
        .where('device', '=', int('device'))
        .where('seq', '=', int('seq'))
        .returning(sql<number>`length(content)`.as('bytes')),
    ),
    subtractMail: prepare(
      database,
      build
        .updateTable('device')
        .set({
          mail_count: sql`mail_count - @count`,
          mail_bytes: sql`mail_bytes - @bytes`,
        })
        .where('id', '=', int('device')),
    ),
  };
}

type PostStatements = Pick<MailStatements, 'post' | 'insertPost'>;

function postStatements(database: Database, build: QueryBuilder): PostStatements {
  return {
    post: prepare(
      database,
      build
        .selectFrom('accepted_post')
        .select(['body_hash', 'list_version'])
        .where('device', '=', int('device'))
        .where('post_id', '=', blob('post')),
    ),
    insertPost: prepare(
      database,
      build.insertInto('accepted_post').values({
        device: int('device'),
        post_id: blob('post'),
        body_hash: blob('hash'),
        list_version: int('version'),
        at_ms: int('at'),
      }),
    ),
  };
}
