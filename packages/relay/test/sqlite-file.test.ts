/** What only the file can get wrong: durability settings, strange files, reopening. */

import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PreKeyBundle } from '@simsim/relay-protocol';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore, RelayStoreError } from '../src/index.ts';
import { TestUser } from '../src/conformance/people.ts';
import { BareRelay } from '../src/conformance/bare-relay.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-file-'));
  file = join(folder, 'relay.db');
});

afterEach(() => rmSync(folder, { recursive: true }));

function codeOf(open: () => unknown): string {
  try {
    open();
    return 'opened';
  } catch (error) {
    return error instanceof RelayStoreError ? error.code : String(error);
  }
}

test('everything is there again after closing and opening', () => {
  const store = openSqliteStore(file);
  const relay = new BareRelay(store);
  const ali = new TestUser('ali');
  const phone = ali.makeDevice(1);
  relay.call(ali.createAccount(phone, relay.nonce()));
  const self = ali.postTo(ali.userId, [phone.entry]);
  relay.call({ kind: 'post', posts: [{ ...self, scope: 'device' }] }, phone);
  const query = {
    tokenHash: phone.tokenHash,
    users: [ali.userId],
    posts: [self.postId],
    keysOf: [phone],
    mail: { after: 0, limit: 9, bytesMax: 999 },
  };
  const before = store.read(query);
  expect(before.mail?.mail).toHaveLength(1);
  expect(before.posts.size).toBe(1);
  store.close();
  const again = openSqliteStore(file);
  expect(again.read(query)).toEqual(before);
  again.close();
});

/** What a file of before KEM prekeys looks like: all migrations but the first taken back. */
function withoutKemKeys(): void {
  const database = new Database(file);
  database.exec('drop index claim_by_age');
  database.exec('alter table link drop column taker');
  database.exec('drop table kem_pre_key');
  database.exec('drop table former_list');
  for (const column of [
    'sealed_identity',
    'head',
    'last_resort_id',
    'last_resort_key',
    'last_resort_signature',
    'kem_count',
    'kem_last_issued_id',
    'kem_highest_seen_id',
  ]) {
    database.exec(`alter table device drop column ${column}`);
  }
  database.pragma('user_version = 1');
  database.close();
}

test('a file of before KEM prekeys goes on: bundles without, until its devices upload some', () => {
  const store = openSqliteStore(file);
  const relay = new BareRelay(store);
  const ali = new TestUser('ali');
  const phone = ali.makeDevice(1);
  relay.call(ali.createAccount(phone, relay.nonce()));
  store.close();
  withoutKemKeys();
  const again = openSqliteStore(file);
  const later = new BareRelay(again);
  const claim = (): PreKeyBundle => {
    const claimId = claimIdFromBytes(ali.entropy(16));
    const devices = [phone.deviceId];
    const answer = later.answer({ kind: 'claimKeys', claimId, userId: ali.userId, devices }, phone);
    return (answer as { results: [{ bundle: PreKeyBundle }] }).results[0].bundle;
  };
  const before = claim();
  expect(before.oneTimePreKey?.id).toBe(1);
  expect(before).not.toHaveProperty('kemPreKey');
  expect(later.answer({ kind: 'uploadKeys', keys: phone.keys }, phone)).toMatchObject({
    kem: { count: 3, refusedIds: [] },
    isLastResortTaken: true,
  });
  expect(claim().kemPreKey).toEqual(phone.keys.oneTimeKemPreKeys[0]);
  again.close();
});

test('what a killed relay left in the WAL is in the file before anything is added to it', () => {
  const store = openSqliteStore(file);
  const relay = new BareRelay(store);
  const ali = new TestUser('ali');
  relay.call(ali.createAccount(ali.makeDevice(1), relay.nonce()));
  // A kill leaves the two as they are.
  const left = join(folder, 'left.db');
  for (const end of ['', '-wal']) copyFileSync(`${file}${end}`, `${left}${end}`);
  store.close();
  const again = openSqliteStore(left);
  // What a power loss takes that finds nothing of the WAL on the medium.
  const lasting = join(folder, 'lasting.db');
  copyFileSync(left, lasting);
  again.close();
  const last = openSqliteStore(lasting);
  expect(last.read({ users: [ali.userId] }).accounts.size).toBe(1);
  last.close();
});

test('the file is for its owner only and survives power loss by its settings', () => {
  openSqliteStore(file).close();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const database = new Database(file, { readonly: true });
  expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
  database.close();
});

test('a second relay is refused while one has the file, by whatever name, and can look', () => {
  const store = openSqliteStore(file);
  const link = join(folder, 'link.db');
  symlinkSync(file, link);
  for (const path of [file, link]) expect(codeOf(() => openSqliteStore(path))).toBe('IN_USE');
  const beside = new Database(file, { readonly: true });
  expect(beside.prepare('select count(*) from account').pluck().get()).toBe(0);
  beside.close();
  // Whoever was refused has taken nothing: the file is still held.
  expect(codeOf(() => openSqliteStore(file))).toBe('IN_USE');
  store.close();
  openSqliteStore(link).close();
});

test('a file of something else is refused and left alone', () => {
  const other = new Database(file);
  other.exec('create table precious (a)');
  other.close();
  expect(codeOf(() => openSqliteStore(file))).toBe('DAMAGED');
  const left = new Database(file, { readonly: true });
  expect(left.prepare('select count(*) from precious').pluck().get()).toBe(0);
  left.close();
  expect(existsSync(`${file}-lock`)).toBe(false);
});

test('a file that is no database is refused', () => {
  writeFileSync(file, 'x'.repeat(5000));
  expect(codeOf(() => openSqliteStore(file))).toContain('file is not a database');
});

test('a file of a newer version is refused', () => {
  openSqliteStore(file).close();
  const database = new Database(file);
  database.pragma('user_version = 99');
  database.close();
  expect(codeOf(() => openSqliteStore(file))).toBe('DAMAGED');
});

test('a list that cannot be read is an error, not an absent user', () => {
  const store = openSqliteStore(file);
  const relay = new BareRelay(store);
  const ali = new TestUser('ali');
  relay.call(ali.createAccount(ali.makeDevice(1), relay.nonce()));
  store.close();
  const database = new Database(file);
  database.exec("update account set list = x'01ff'");
  database.close();
  const damaged = openSqliteStore(file);
  expect(codeOf(() => damaged.read({ users: [ali.userId] }))).toBe('DAMAGED');
  damaged.close();
});
