/** The tables: their SQL, and their types for kysely. */

import type { Generated } from 'kysely';

/** "SIMS": says that a database is one of ours. */
export const APPLICATION_ID = 0x53494d53;

/** Version of the schema. */
export const SCHEMA_VERSION = 1;

/** The least version that a reader of this schema must know. */
const READ_SCHEMA_VERSION = 1;

/**
 * Both in one, as `user_version` holds them: the least version for reading in the upper 16 bits, the
 * version in the lower ones. Nothing above means the version itself.
 */
const USER_VERSION = READ_SCHEMA_VERSION * 0x1_0000 + SCHEMA_VERSION;

/** Takes `user_version` apart. */
export function schemaVersions(userVersion: number): { written: number; readable: number } {
  const written = userVersion & 0xffff;
  const readable = userVersion >>> 16;
  return { written, readable: readable === 0 ? written : readable };
}

/** A blob that marks a queue row as free: same length as an id, so the row is overwritten in place. */
export const FREE_ID: Uint8Array = new Uint8Array(16);

/** What kysely knows of the tables. Blobs are bytes, numbers are safe integers. */
export interface LogTables {
  meta: { k: string; v: Uint8Array };
  stream: { id: number; name: Uint8Array; label: Uint8Array; slot: number | null };
  head: { stream: number; version: number; seq: number; sealed: number; state: number };
  event: {
    seq: number;
    stream: number;
    version: number;
    prev: number;
    kind: number;
    at: number;
    facts: Uint8Array;
    sealed: Uint8Array | null;
    hash: Uint8Array;
  };
  outbox: {
    slot: number;
    post: Uint8Array;
    seq: number;
    due: number | null;
    tries: number;
    body: Uint8Array;
  };
  inbox: { slot: number; id: Uint8Array; seq: number; epoch: number; body: Uint8Array };
  seen_run: { id: number; upto: number; until: number; ids: Uint8Array };
  record: { id: Generated<number>; name: Uint8Array; value: Uint8Array };
  data: { id: Generated<number>; name: Uint8Array; value: Uint8Array };
  lease: {
    id: Generated<number>;
    shared: number;
    pid: number;
    start: string;
    boot: string;
    host: string;
    at: number;
    nonce: Uint8Array;
  };
}

/**
 * The schema. Why it is so:
 * - `head` is narrow and apart, so that a thousand streams are five pages.
 * - History walks backwards over `prev` from a milestone index with one entry in 64 events; a full
 *   index would cost a page in every commit.
 * - Queue rows are slots that get overwritten; `record` and `data` are rowid tables, because a big
 *   row in a table WITHOUT ROWID overflows and moves its neighbours.
 * - The shrink trigger says IS NOT TRUE: with NOT, a NULL in the condition would let anything pass.
 */
export const SCHEMA_SQL: string = `
CREATE TABLE meta (k TEXT PRIMARY KEY, v BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE stream (
  id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, label BLOB NOT NULL, slot INTEGER) STRICT;
CREATE INDEX stream_public ON stream(id) WHERE slot IS NULL;
CREATE TABLE head (
  stream INTEGER PRIMARY KEY, version INTEGER NOT NULL, seq INTEGER NOT NULL,
  sealed INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE event (
  seq INTEGER PRIMARY KEY, stream INTEGER NOT NULL, version INTEGER NOT NULL, prev INTEGER NOT NULL,
  kind INTEGER NOT NULL, at INTEGER NOT NULL, facts BLOB NOT NULL, sealed BLOB,
  hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;
CREATE UNIQUE INDEX event_mile ON event(stream, version) WHERE version & 63 = 0;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER event_shrink_only BEFORE UPDATE ON event WHEN (
  ((length(OLD.sealed) > 32 AND length(NEW.sealed) = 32 AND NEW.facts = OLD.facts)
    OR (length(OLD.facts) <> 32 AND length(NEW.facts) = 32 AND NEW.sealed IS OLD.sealed))
  AND NEW.seq = OLD.seq AND NEW.stream = OLD.stream AND NEW.version = OLD.version
  AND NEW.prev = OLD.prev AND NEW.kind = OLD.kind AND NEW.at = OLD.at
  AND NEW.hash = OLD.hash) IS NOT TRUE
  BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TABLE outbox (
  slot INTEGER PRIMARY KEY, post BLOB NOT NULL, seq INTEGER NOT NULL, due INTEGER,
  tries INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL) STRICT;
CREATE TABLE inbox (
  slot INTEGER PRIMARY KEY, id BLOB NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
  body BLOB NOT NULL) STRICT;
CREATE TABLE seen_run (
  id INTEGER PRIMARY KEY, upto INTEGER NOT NULL, until INTEGER NOT NULL, ids BLOB NOT NULL) STRICT;
CREATE TABLE record (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, value BLOB NOT NULL) STRICT;
CREATE TABLE data (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, value BLOB NOT NULL) STRICT;
CREATE TABLE lease (
  id INTEGER PRIMARY KEY, shared INTEGER NOT NULL, pid INTEGER NOT NULL, start TEXT NOT NULL,
  boot TEXT NOT NULL, host TEXT NOT NULL, at INTEGER NOT NULL, nonce BLOB NOT NULL) STRICT;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${USER_VERSION};
`;
