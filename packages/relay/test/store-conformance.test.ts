/** What every relay store must do, whatever it keeps its rows in. */

import { bytesToHex } from '@simsim/bytes';
import type { DeviceId, UserId } from '@simsim/relay-protocol';
import { claimIdFromBytes, LISTS_KEPT_MAX } from '@simsim/relay-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Change, Slice } from '../src/core/index.ts';
import type { TestDevice } from './people.ts';
import { deviceIdOf, TestUser, userIdOf } from './people.ts';
import type { TestStore } from './stores.ts';
import { BareRelay, memoryStore, sqliteStore } from './stores.ts';

const far = { after: 0, limit: 100, bytesMax: 1_000_000 };

describe.each([
  ['memory', memoryStore],
  ['sqlite', sqliteStore],
])('the %s store', (_name, make) => {
  let one: TestStore;
  let relay: BareRelay;
  let ali: TestUser;
  let phone: TestDevice;
  let address: { userId: UserId; deviceId: DeviceId };

  beforeEach(() => {
    one = make();
    relay = new BareRelay(one.store);
    ali = new TestUser('ali');
    phone = ali.makeDevice(1);
    address = { userId: ali.userId, deviceId: phone.deviceId };
    expect(relay.answer(ali.createAccount(phone, relay.nonce()))).toEqual({
      kind: 'createAccount',
    });
  });

  afterEach(() => one.dispose());

  const mail = (bytes = 10): Change => ({
    kind: 'mailStored',
    device: address,
    mail: {
      sender: address,
      envelopeId: ali.envelopeId(),
      kind: 'message',
      content: ali.entropy(bytes),
      storedAtMs: relay.nowMs,
    },
  });
  const apply = (...changes: Change[]): void =>
    one.store.transact((transaction) => transaction.apply(changes));
  const everything = (): Slice =>
    one.store.read({
      tokenHash: phone.tokenHash,
      users: [ali.userId],
      countsNonces: true,
      keysOf: [address],
      ownEntry: true,
      ownIdentity: true,
      succession: { ...address, since: 0 },
      ownUsersKeys: [address.deviceId],
      ownKeys: { oneTime: [1, 2, 3, 4, 50], kem: [1, 2, 3, 50, 1001] },
      mail: far,
      link: new Uint8Array(16),
    });
  const seqs = (): number[] => everything().mail?.mail.map((row) => row.seq) ?? [];

  /** One change of every kind, good in this order. */
  const everyChange = (): Change[] => [
    { kind: 'nonceIssued', nonce: ali.entropy(32), expiresAtMs: 1 },
    { kind: 'listChanged', list: { ...ali.createAccount(phone, new Uint8Array(32)).list } },
    { kind: 'signedPreKeyStored', device: address, key: ali.makeKeys(9, 0).signedPreKey },
    { kind: 'preKeysStored', device: address, keys: ali.makeKeys(50, 2).oneTimePreKeys },
    { kind: 'preKeyIssued', device: address, id: 1, atMs: 5 },
    {
      kind: 'keysCounted',
      device: address,
      counters: { count: 4, lastIssuedId: 1, highestSeenId: 51 },
    },
    { kind: 'lastResortStored', device: address, key: ali.makeKemKey(2000) },
    { kind: 'kemPreKeysStored', device: address, keys: [ali.makeKemKey(50)] },
    { kind: 'kemPreKeyIssued', device: address, id: 1 },
    { kind: 'oneTimeKeysForgotten', device: address },
    {
      kind: 'kemKeysCounted',
      device: address,
      counters: { count: 3, lastIssuedId: 1, highestSeenId: 50 },
    },
    mail(),
    { kind: 'mailAcknowledged', device: address, seqs: [1, 2] },
    mail(),
    {
      kind: 'postAccepted',
      device: address,
      postId: ali.postId(),
      bodyHash: ali.entropy(32),
      listVersion: 1,
      atMs: 5,
    },
    {
      kind: 'claimAnswered',
      device: address,
      claimId: claimIdFromBytes(ali.entropy(16)),
      bodyHash: ali.entropy(32),
      results: [{ deviceId: phone.deviceId, gone: true }],
      atMs: 5,
    },
    {
      kind: 'linkPut',
      address: new Uint8Array(16),
      ciphertext: ali.entropy(9),
      expiresAtMs: 5,
    },
    { kind: 'linkTaken', address: new Uint8Array(16) },
    {
      kind: 'deviceAdded',
      device: { userId: ali.userId, deviceId: deviceIdOf(2) },
      tokenHash: ali.entropy(32),
      signedPreKey: ali.makeKeys(1, 0).signedPreKey,
    },
    { kind: 'deviceRemoved', device: { userId: ali.userId, deviceId: deviceIdOf(2) } },
    { kind: 'headStored', device: address, head: ali.head(phone, 3) },
    { kind: 'identitySealed', device: address, sealed: ali.entropy(90) },
    {
      kind: 'deviceRenewed',
      device: address,
      tokenHash: ali.entropy(32),
      signedPreKey: ali.makeKeys(60, 0).signedPreKey,
    },
    { kind: 'deviceRemoved', device: address },
  ];

  test('keeps the lists of before, so many, and hands them out from a version on', () => {
    const versions = (since: number): number[] =>
      one.store
        .read({ succession: { ...address, since } })
        .succession?.lists.map(({ list }) => list.version) ?? [];
    expect(versions(0)).toEqual([1]);
    for (let version = 2; version <= LISTS_KEPT_MAX; version++) {
      ali.list = ali.nextList([phone.entry], phone);
      apply({ kind: 'listChanged', list: ali.list });
    }
    expect(versions(0).length).toBe(LISTS_KEPT_MAX);
    expect(versions(0)[0]).toBe(1);
    ali.list = ali.nextList([phone.entry], phone);
    apply({ kind: 'listChanged', list: ali.list });
    expect(versions(0).length).toBe(LISTS_KEPT_MAX);
    expect(versions(0)[0]).toBe(2);
    expect(versions(LISTS_KEPT_MAX)).toEqual([LISTS_KEPT_MAX, LISTS_KEPT_MAX + 1]);
    expect(versions(LISTS_KEPT_MAX + 9)).toEqual([LISTS_KEPT_MAX + 1]);
    const [, last] = one.store.read({
      succession: { ...address, since: LISTS_KEPT_MAX },
    }).succession?.lists ?? [undefined];
    expect(last).toEqual(ali.list);
    const stranger = { userId: userIdOf('nobody'), deviceId: phone.deviceId, since: 0 };
    expect(one.store.read({ succession: stranger })).not.toHaveProperty('succession');
  });

  test('keeps what was last sealed for a device, as long as there is the device', () => {
    const sealed = (): unknown =>
      one.store.read({ succession: { ...address, since: 0 } }).succession;
    expect(sealed()).not.toHaveProperty('sealed');
    const [first, second] = [ali.entropy(90), ali.entropy(90)];
    apply({ kind: 'identitySealed', device: address, sealed: first });
    apply({ kind: 'identitySealed', device: address, sealed: second });
    expect(sealed()).toMatchObject({ sealed: second });
    const { signedPreKey } = phone.keys;
    apply({ kind: 'deviceRenewed', device: address, tokenHash: ali.entropy(32), signedPreKey });
    expect(sealed()).toMatchObject({ sealed: second });
    apply({ kind: 'deviceRemoved', device: address });
    apply({ kind: 'deviceAdded', device: address, tokenHash: ali.entropy(32), signedPreKey });
    expect(sealed()).not.toHaveProperty('sealed');
  });

  test('undoes every kind of change when the work throws, after any number of them', () => {
    apply(mail(), mail(), mail());
    const before = everything();
    const changes = everyChange();
    for (let count = 1; count <= changes.length; count++) {
      const work = (): void =>
        one.store.transact((transaction) => {
          transaction.apply(changes.slice(0, count));
          throw new Error('struck');
        });
      expect(work).toThrow('struck');
      expect(everything()).toEqual(before);
    }
    apply(mail());
    expect(seqs()).toEqual([1, 2, 3, 4]);
  });

  test('reads inside a transaction what was changed before', () => {
    one.store.transact((transaction) => {
      transaction.apply([mail(), mail()]);
      const slice = transaction.read({ tokenHash: phone.tokenHash, mail: far });
      expect(slice.mail?.mail.map((row) => row.seq)).toEqual([1, 2]);
      transaction.apply([{ kind: 'mailAcknowledged', device: address, seqs: [1] }]);
      const later = transaction.read({ tokenHash: phone.tokenHash, mail: far });
      expect(later.mail?.mail.map((row) => row.seq)).toEqual([2]);
    });
  });

  test('never gives a mailbox number twice', () => {
    apply(mail(), mail());
    apply({ kind: 'mailAcknowledged', device: address, seqs: [1, 2] });
    apply(mail());
    expect(seqs()).toEqual([3]);
  });

  test('counts what waits, and acknowledging is idempotent', () => {
    apply(mail(10), mail(20), mail(30));
    const box = (): unknown => {
      const device = everything().accounts.get(ali.userId)?.devices.get(phone.deviceId);
      return [device?.mailCount, device?.mailBytes];
    };
    expect(box()).toEqual([3, 60]);
    apply({ kind: 'mailAcknowledged', device: address, seqs: [2, 2, 77] });
    apply({ kind: 'mailAcknowledged', device: address, seqs: [2] });
    expect(box()).toEqual([2, 40]);
  });

  test('pages a mailbox by count and by bytes, always giving at least one', () => {
    apply(mail(10), mail(10), mail(10));
    const page = (after: number, limit: number, bytesMax: number): unknown => {
      const slice = one.store.read({
        tokenHash: phone.tokenHash,
        mail: { after, limit, bytesMax },
      });
      return [slice.mail?.mail.map((row) => row.seq), slice.mail?.isEmpty];
    };
    expect(page(0, 2, 1000)).toEqual([[1, 2], false]);
    expect(page(2, 2, 1000)).toEqual([[3], true]);
    expect(page(0, 3, 20)).toEqual([[1, 2], false]);
    expect(page(0, 3, 1)).toEqual([[1], false]);
    expect(page(0, 3, 30)).toEqual([[1, 2, 3], true]);
    expect(page(3, 3, 1000)).toEqual([[], true]);
  });

  test('knows a caller by the whole hash of the token', () => {
    expect(everything().caller).toEqual(address);
    const close = phone.tokenHash.map((byte, i) => (i === 31 ? byte ^ 1 : byte));
    expect(one.store.read({ tokenHash: close }).caller).toBeUndefined();
    expect(
      one.store.read({ tokenHash: close, mail: far, ownKeys: { oneTime: [1], kem: [] } }),
    ).not.toHaveProperty('mail');
  });

  test('a removed device leaves nothing behind for a later one with its id', () => {
    const [postId, claimId] = [ali.postId(), claimIdFromBytes(ali.entropy(16))];
    const at = { atMs: 5, bodyHash: ali.entropy(32) };
    apply(mail(), { kind: 'postAccepted', device: address, postId, listVersion: 1, ...at });
    apply({ kind: 'claimAnswered', device: address, claimId, results: [], ...at });
    apply({ kind: 'deviceRemoved', device: address });
    expect(everything().caller).toBeUndefined();
    const { signedPreKey } = phone.keys;
    const { tokenHash } = phone;
    apply({ kind: 'deviceAdded', device: address, tokenHash, signedPreKey });
    const slice = one.store.read({
      tokenHash,
      posts: [postId],
      claim: claimId,
      mail: far,
      ownKeys: { oneTime: [1, 2], kem: [1] },
    });
    expect(slice.caller).toEqual(address);
    expect(slice.posts.size).toBe(0);
    expect(slice.claim).toBeUndefined();
    expect(slice.mail).toEqual({ mail: [], isEmpty: true });
    expect(slice.ownKeys).toMatchObject({ count: 0, lastIssuedId: 0, highestSeenId: 0 });
    expect(slice.ownKeys?.known.size).toBe(0);
    expect(slice.ownKeys?.kem).toEqual({
      count: 0,
      lastIssuedId: 0,
      highestSeenId: 0,
      known: new Map(),
    });
  });

  test('a renewed device keeps its mail, and has neither token, keys nor head of before', () => {
    apply(mail(), mail(), { kind: 'headStored', device: address, head: ali.head(phone, 3) });
    expect(everything().ownEntry).toEqual({ entry: phone.entry, head: ali.head(phone, 3) });
    const tokenHash = ali.entropy(32);
    const { signedPreKey } = ali.makeKeys(60, 0);
    apply({ kind: 'deviceRenewed', device: address, tokenHash, signedPreKey });
    expect(everything().caller).toBeUndefined();
    const slice = one.store.read({
      tokenHash,
      mail: far,
      ownEntry: true,
      ownKeys: { oneTime: [1, 2, 3], kem: [1, 2, 3] },
      keysOf: [address],
      users: [ali.userId],
    });
    expect(slice.mail?.mail.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(slice.ownEntry).toEqual({ entry: phone.entry });
    const none = { count: 0, lastIssuedId: 0, highestSeenId: 0, known: new Map() };
    expect(slice.ownKeys).toEqual({ ...none, signedPreKey, kem: none });
    const [keys] = slice.keysOf.values();
    expect(keys).not.toHaveProperty('nextOneTimePreKey');
    expect(keys?.kem).not.toHaveProperty('next');
    expect(keys?.kem).not.toHaveProperty('lastResort');
    const [device] = slice.accounts.get(ali.userId)?.devices.values() ?? [];
    expect(device).toEqual({ tokenHash, mailCount: 2, mailBytes: 20 });
  });

  test('forgets the one-time prekeys that nobody has, and no counter of ids', () => {
    const { count = 0, highestSeenId: highest = 0 } = everything().ownKeys ?? {};
    const counters = { count: count - 1, lastIssuedId: 1, highestSeenId: highest };
    apply(
      { kind: 'preKeyIssued', device: address, id: 1, atMs: 10 },
      { kind: 'keysCounted', device: address, counters },
    );
    const before = everything().ownKeys;
    one.store.forgetOneTimeKeys();
    const slice = everything();
    const { highestSeenId, lastIssuedId } = before ?? {};
    expect(slice.ownKeys).toMatchObject({ count: 0, highestSeenId, lastIssuedId });
    expect(slice.ownKeys?.kem).toMatchObject({
      count: 0,
      highestSeenId: before?.kem.highestSeenId,
    });
    expect([...(slice.ownKeys?.known.keys() ?? [])]).toEqual([1]);
    const [keys] = slice.keysOf.values();
    expect(keys).not.toHaveProperty('nextOneTimePreKey');
    expect(keys?.kem).not.toHaveProperty('next');
    expect(keys?.kem.lastResort).toBeDefined();
  });

  test('prunes what expired and keeps the rest', () => {
    const [oldPost, newPost] = [ali.postId(), ali.postId()];
    const old = ali.entropy(32);
    const post = { kind: 'postAccepted', device: address, bodyHash: old, listVersion: 1 } as const;
    apply(
      { ...post, postId: oldPost, atMs: 10 },
      { ...post, postId: newPost, atMs: 20 },
      { kind: 'preKeyIssued', device: address, id: 1, atMs: 10 },
      { kind: 'preKeyIssued', device: address, id: 2, atMs: 20 },
      { kind: 'nonceIssued', nonce: old, expiresAtMs: 30 },
      { kind: 'linkPut', address: new Uint8Array(16), ciphertext: old, expiresAtMs: 31 },
    );
    relay.nowMs = 10;
    apply(mail(10));
    relay.nowMs = 20;
    apply(mail(20));
    one.store.prune({ nowMs: 30, beforeMs: 20 });
    const slice = everything();
    const remembered = one.store.read({ tokenHash: phone.tokenHash, posts: [oldPost, newPost] });
    expect([...remembered.posts.keys()]).toEqual([newPost]);
    expect([...(slice.ownKeys?.known.keys() ?? [])]).toEqual([2, 3]);
    expect(one.store.read({ nonce: old }).nonceExpiresAtMs).toBeUndefined();
    expect(bytesToHex(slice.link?.ciphertext ?? new Uint8Array(0))).toBe(bytesToHex(old));
    expect(seqs()).toEqual([2]);
    const device = slice.accounts.get(ali.userId)?.devices.get(phone.deviceId);
    expect(device).toMatchObject({ mailCount: 1, mailBytes: 20 });
  });
});
