/** What the peers' libraries have instead of a {@link Gathering}: a device with a session to each name. */

import { randomBytes } from 'node:crypto';
import Database from 'better-sqlite3';
import { BODY_BYTES } from '../log/crowd.ts';
import { createClientDevice } from '../log/libsignal-client.ts';
import type { Client, LiveRecords, SessionRecords } from '../log/libsignal-client.ts';
import { createNpmDevice } from './npm-libsignal.ts';
import type { NpmKeeping, NpmLibsignal } from './npm-libsignal.ts';

/** Encrypts one text for one device. */
export type EncryptFor = (name: string, text: Uint8Array) => Promise<unknown>;

/** `libsignal-client` with a settled session to each of the names: each of them answered once. */
export async function clientCrowd(
  client: Client,
  names: readonly string[],
  records: SessionRecords | LiveRecords,
): Promise<EncryptFor> {
  const own = createClientDevice(client, 'own', records);
  for (const name of names) {
    const peer = createClientDevice(client, name, { live: new Map() });
    await own.initiate(name, peer.bundle());
    await peer.accept('own', await own.encrypt(name, randomBytes(BODY_BYTES)));
    await own.decrypt(name, await peer.encrypt('own', randomBytes(BODY_BYTES)));
  }
  return (name, text) => own.encrypt(name, text);
}

/** npm `libsignal` with the same. */
export async function npmCrowd(
  library: NpmLibsignal,
  names: readonly string[],
  keeping: NpmKeeping,
): Promise<EncryptFor> {
  const own = createNpmDevice(library, keeping);
  for (const name of names) {
    const peer = createNpmDevice(library, 'live');
    await own.initiate(name, peer.bundle());
    await peer.decrypt('own', await own.encrypt(name, randomBytes(BODY_BYTES)));
    await own.decrypt(name, await peer.encrypt('own', randomBytes(BODY_BYTES)));
  }
  return (name, text) => own.encrypt(name, text);
}

/** Encrypts one new text for each of the names, all of them begun at once, which is never slower. */
export async function fanOut(encrypt: EncryptFor, names: readonly string[]): Promise<unknown[]> {
  const text = randomBytes(BODY_BYTES);
  return Promise.all(names.map((name) => encrypt(name, text)));
}

/** A file with a record for each session, and room for what is to be sent. */
export interface RecordFile extends SessionRecords {
  begin(): void;
  putOutbox(name: string, message: Uint8Array): void;
  /** Durable when it answers. */
  commit(): void;
  close(): void;
}

/** One row for each session, in the kind of table that is cheapest for records of this size. */
export function openRecordFile(path: string): RecordFile {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE session (address TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT');
  db.exec('CREATE TABLE outbox (address TEXT PRIMARY KEY, message BLOB NOT NULL) STRICT');
  const get = db.prepare<[string], Buffer>('SELECT record FROM session WHERE address = ?').pluck();
  const put = db.prepare(
    'INSERT INTO session (address, record) VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET record = excluded.record',
  );
  const putOutbox = db.prepare(
    'INSERT INTO outbox (address, message) VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET message = excluded.message',
  );
  const [begin, commit] = [db.prepare('BEGIN IMMEDIATE'), db.prepare('COMMIT')];
  return {
    get: (address) => get.get(address),
    put: (address, record) => void put.run(address, record),
    begin: () => void begin.run(),
    putOutbox: (name, message) => void putOutbox.run(name, message),
    commit: () => void commit.run(),
    close: () => void db.close(),
  };
}
