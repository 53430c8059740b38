/** The tables of a relay's file, as kysely sees them, and the migrations that make them. */

import type { Generated, Kysely } from 'kysely';
import { sql } from 'kysely';

/** Users with their current signed list. */
interface AccountTable {
  readonly id: Generated<number>;
  readonly user_id: string;
  readonly list: Uint8Array;
}

/** Lists that were current before. */
interface FormerListTable {
  readonly account: number;
  readonly version: number;
  readonly list: Uint8Array;
}

/** Listed devices: token, key counters, the state of the mailbox. */
interface DeviceTable {
  readonly id: Generated<number>;
  readonly account: number;
  readonly device_id: number;
  /** The first 8 bytes of the hash: what is looked up; the whole is compared in constant time. */
  readonly token_lookup: Uint8Array;
  readonly token_hash: Uint8Array;
  readonly signed_pre_key_id: number;
  readonly signed_pre_key: Uint8Array;
  readonly signed_pre_key_signature: Uint8Array;
  readonly key_count: number;
  readonly last_issued_id: number;
  readonly highest_seen_id: number;
  /** The last-resort KEM prekey; null for a device that has uploaded none. */
  readonly last_resort_id: Generated<number | null>;
  readonly last_resort_key: Generated<Uint8Array | null>;
  readonly last_resort_signature: Generated<Uint8Array | null>;
  readonly kem_count: Generated<number>;
  readonly kem_last_issued_id: Generated<number>;
  readonly kem_highest_seen_id: Generated<number>;
  /** The newest head the device gave, with its signature; null for none. */
  readonly head: Generated<Uint8Array | null>;
  /** The identity key sealed for the device when it followed another; null for none. */
  readonly sealed_identity: Generated<Uint8Array | null>;
  readonly last_seq: number;
  readonly mail_count: number;
  readonly mail_bytes: number;
}

/** One-time prekeys; handed-out ones stay for a while so that a repeated upload is recognised. */
interface PreKeyTable {
  readonly device: number;
  readonly id: number;
  readonly public_key: Uint8Array;
  readonly issued_at_ms: number | null;
}

/** One-time KEM prekeys that nobody has; at 1.6 KB each, one that is handed out goes at once. */
interface KemPreKeyTable {
  readonly device: number;
  readonly id: number;
  readonly public_key: Uint8Array;
  readonly signature: Uint8Array;
}

/** Waiting mail. */
interface EnvelopeTable {
  readonly device: number;
  readonly seq: number;
  readonly sender: string;
  readonly sender_device: number;
  readonly envelope_id: Uint8Array;
  readonly is_retry: number;
  readonly content: Uint8Array;
  readonly stored_at_ms: number;
}

/** Posts that were accepted, by the device that posted. */
interface AcceptedPostTable {
  readonly device: number;
  readonly post_id: Uint8Array;
  readonly body_hash: Uint8Array;
  readonly list_version: number;
  readonly at_ms: number;
}

/** Claims that were answered, by the device that claimed; the answer in its wire form. */
interface ClaimTable {
  readonly device: number;
  readonly claim_id: Uint8Array;
  readonly body_hash: Uint8Array;
  readonly answer: Uint8Array;
  readonly at_ms: number;
}

interface NonceTable {
  readonly nonce: Uint8Array;
  readonly expires_at_ms: number;
}

interface LinkTable {
  readonly address: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly expires_at_ms: number;
  /** Who took it, and may ask again; null while it waits. */
  readonly taker: Generated<Uint8Array | null>;
}

/** All tables. */
export interface RelayTables {
  readonly account: AccountTable;
  readonly former_list: FormerListTable;
  readonly device: DeviceTable;
  readonly pre_key: PreKeyTable;
  readonly kem_pre_key: KemPreKeyTable;
  readonly envelope: EnvelopeTable;
  readonly accepted_post: AcceptedPostTable;
  readonly claim: ClaimTable;
  readonly nonce: NonceTable;
  readonly link: LinkTable;
}

/** Builds queries over these tables and runs none. */
export type QueryBuilder = Kysely<RelayTables>;

/** A step of the schema: SQL text in order. */
export type Migration = (build: QueryBuilder) => readonly string[];

const STRICT = sql`strict`;
const STRICT_CLUSTERED = sql`strict, without rowid`;

/** Migrations in order; `user_version` says how many a file has had. Never changed, only added to. */
export const MIGRATIONS: readonly Migration[] = [first, second, third, fourth, fifth, sixth];

function first(build: QueryBuilder): readonly string[] {
  const make = build.schema;
  return [
    make
      .createTable('account')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('user_id', 'text', (column) => column.notNull().unique())
      .addColumn('list', 'blob', (column) => column.notNull())
      .modifyEnd(STRICT),
    make
      .createTable('device')
      // Never reused: rows of a removed device must not meet a later one.
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('account', 'integer', (column) => column.notNull().references('account.id'))
      .addColumn('device_id', 'integer', (column) => column.notNull())
      .addColumn('token_lookup', 'blob', (column) => column.notNull())
      .addColumn('token_hash', 'blob', (column) => column.notNull())
      .addColumn('signed_pre_key_id', 'integer', (column) => column.notNull())
      .addColumn('signed_pre_key', 'blob', (column) => column.notNull())
      .addColumn('signed_pre_key_signature', 'blob', (column) => column.notNull())
      .addColumn('key_count', 'integer', (column) => column.notNull())
      .addColumn('last_issued_id', 'integer', (column) => column.notNull())
      .addColumn('highest_seen_id', 'integer', (column) => column.notNull())
      .addColumn('last_seq', 'integer', (column) => column.notNull())
      .addColumn('mail_count', 'integer', (column) => column.notNull())
      .addColumn('mail_bytes', 'integer', (column) => column.notNull())
      .addUniqueConstraint('device_of_account', ['account', 'device_id'])
      .modifyEnd(STRICT),
    make.createIndex('device_by_token').on('device').column('token_lookup'),
    make
      .createTable('pre_key')
      .addColumn('device', 'integer', (column) => column.notNull())
      .addColumn('id', 'integer', (column) => column.notNull())
      .addColumn('public_key', 'blob', (column) => column.notNull())
      .addColumn('issued_at_ms', 'integer')
      .addPrimaryKeyConstraint('pre_key_place', ['device', 'id'])
      .modifyEnd(STRICT_CLUSTERED),
    make
      .createTable('envelope')
      .addColumn('device', 'integer', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('sender', 'text', (column) => column.notNull())
      .addColumn('sender_device', 'integer', (column) => column.notNull())
      .addColumn('envelope_id', 'blob', (column) => column.notNull())
      .addColumn('is_retry', 'integer', (column) => column.notNull())
      .addColumn('stored_at_ms', 'integer', (column) => column.notNull())
      .addColumn('content', 'blob', (column) => column.notNull())
      .addPrimaryKeyConstraint('envelope_place', ['device', 'seq'])
      .modifyEnd(STRICT_CLUSTERED),
    ...rememberedTables(build),
    make
      .createTable('nonce')
      .addColumn('nonce', 'blob', (column) => column.notNull().primaryKey())
      .addColumn('expires_at_ms', 'integer', (column) => column.notNull())
      .modifyEnd(STRICT_CLUSTERED),
    make
      .createTable('link')
      .addColumn('address', 'blob', (column) => column.notNull().primaryKey())
      .addColumn('expires_at_ms', 'integer', (column) => column.notNull())
      .addColumn('ciphertext', 'blob', (column) => column.notNull())
      .modifyEnd(STRICT),
  ].map((step) => (typeof step === 'string' ? step : step.compile().sql));
}

function rememberedTables(build: QueryBuilder): readonly string[] {
  return [
    build.schema
      .createTable('accepted_post')
      .addColumn('device', 'integer', (column) => column.notNull())
      .addColumn('post_id', 'blob', (column) => column.notNull())
      .addColumn('body_hash', 'blob', (column) => column.notNull())
      .addColumn('list_version', 'integer', (column) => column.notNull())
      .addColumn('at_ms', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('accepted_post_place', ['device', 'post_id'])
      .modifyEnd(STRICT_CLUSTERED),
    build.schema
      .createTable('claim')
      .addColumn('device', 'integer', (column) => column.notNull())
      .addColumn('claim_id', 'blob', (column) => column.notNull())
      .addColumn('body_hash', 'blob', (column) => column.notNull())
      .addColumn('answer', 'blob', (column) => column.notNull())
      .addColumn('at_ms', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('claim_place', ['device', 'claim_id'])
      .modifyEnd(STRICT_CLUSTERED),
  ].map((step) => step.compile().sql);
}

/** KEM prekeys. A column each: SQLite adds no two at once. */
function second(build: QueryBuilder): readonly string[] {
  const device = build.schema.alterTable('device');
  return [
    device.addColumn('last_resort_id', 'integer'),
    device.addColumn('last_resort_key', 'blob'),
    device.addColumn('last_resort_signature', 'blob'),
    device.addColumn('kem_count', 'integer', (column) => column.notNull().defaultTo(0)),
    device.addColumn('kem_last_issued_id', 'integer', (column) => column.notNull().defaultTo(0)),
    device.addColumn('kem_highest_seen_id', 'integer', (column) => column.notNull().defaultTo(0)),
    build.schema
      .createTable('kem_pre_key')
      .addColumn('device', 'integer', (column) => column.notNull())
      .addColumn('id', 'integer', (column) => column.notNull())
      .addColumn('public_key', 'blob', (column) => column.notNull())
      .addColumn('signature', 'blob', (column) => column.notNull())
      .addPrimaryKeyConstraint('kem_pre_key_place', ['device', 'id'])
      .modifyEnd(STRICT),
  ].map((step) => step.compile().sql);
}

/** Heads of devices. */
function third(build: QueryBuilder): readonly string[] {
  return [build.schema.alterTable('device').addColumn('head', 'blob').compile().sql];
}

/** Identity keys that follow others, and the lists by which devices follow them. */
function fourth(build: QueryBuilder): readonly string[] {
  return [
    build.schema.alterTable('device').addColumn('sealed_identity', 'blob'),
    build.schema
      .createTable('former_list')
      .addColumn('account', 'integer', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('list', 'blob', (column) => column.notNull())
      .addPrimaryKeyConstraint('former_list_place', ['account', 'version'])
      .modifyEnd(STRICT_CLUSTERED),
  ].map((step) => step.compile().sql);
}

/** Which of a device's claims are the oldest, without their answers. */
function fifth(build: QueryBuilder): readonly string[] {
  const index = build.schema.createIndex('claim_by_age').on('claim');
  return [index.columns(['device', 'at_ms']).compile().sql];
}

/** Who took what was left for a link. */
function sixth(build: QueryBuilder): readonly string[] {
  return [build.schema.alterTable('link').addColumn('taker', 'blob').compile().sql];
}
