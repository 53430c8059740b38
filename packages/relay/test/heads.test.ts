/** Heads of devices, and devices that take a new registration id after their state was put back. */

import type { DeviceHead, Post } from '@simsim/relay-protocol';
import { claimIdFromBytes, findDevice } from '@simsim/relay-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';
import type { TestStore } from './stores.ts';
import { BareRelay } from '../src/conformance/bare-relay.ts';
import { memoryStore, sqliteStore } from './stores.ts';

const NONE = new Uint8Array(32);

describe.each([
  ['memory', memoryStore],
  ['sqlite', sqliteStore],
])('heads at a relay over the %s store', (_name, make) => {
  let one: TestStore;
  let relay: BareRelay;
  let ali: TestUser;
  let phone: TestDevice;
  let tablet: TestDevice;

  beforeEach(() => {
    one = make();
    relay = new BareRelay(one.store);
    ali = new TestUser('ali');
    phone = ali.makeDevice(1);
    tablet = ali.makeDevice(2);
    relay.answer(ali.createAccount(phone, relay.nonce()));
    const add = ali.addDevice(tablet, phone, relay.nonce());
    expect(relay.answer(add)).toEqual({ kind: 'addDevice' });
    ali.list = add.list;
  });

  afterEach(() => one.dispose());

  const exchange = (head: DeviceHead, as = phone): unknown =>
    relay.answer({ kind: 'exchangeHead', head }, as);
  const before = (head?: DeviceHead): unknown =>
    head === undefined ? { kind: 'exchangeHead' } : { kind: 'exchangeHead', before: head };
  const post = (): Post => ali.postTo(ali.userId, [tablet.entry]);
  const stored = (device = tablet): number | undefined =>
    one.store.read({
      tokenHash: device.tokenHash,
      mail: { after: 0, limit: 100, bytesMax: 1_000_000 },
    }).mail?.mail.length;

  test('the newest is kept, word for word, for each device by itself', () => {
    const heads = [3, 9, 7, 9, 10].map((seq, i) => ali.head(phone, seq, i + 1));
    const [a, b, , , e] = heads;
    expect(heads.map((head) => exchange(head))).toEqual([
      before(),
      before(a),
      before(b),
      before(b),
      before(b),
    ]);
    expect(exchange(ali.head(tablet, 2), tablet)).toEqual(before());
    expect(exchange(ali.head(phone, 1))).toEqual(before(e));
  });

  test('a head by another key, for another incarnation, or altered is refused', () => {
    const fine = ali.head(phone, 5);
    const other = { ...phone, entry: { ...phone.entry, registrationId: 16_383 } };
    for (const bad of [ali.head(tablet, 5), ali.head(other, 5), { ...fine, seq: 6 }]) {
      expect(exchange(bad)).toBe('BAD_HEAD');
      const from = { head: bad, expected: NONE };
      expect(relay.answer({ kind: 'post', posts: [post()], from }, phone)).toBe('BAD_HEAD');
    }
    expect(relay.answer({ kind: 'exchangeHead', head: fine })).toBe('UNAUTHORIZED');
    expect(stored()).toBe(0);
    expect(exchange(fine)).toEqual(before());
  });

  test('of two copies that post, the first stops the other before anything is stored', () => {
    const common = ali.head(phone, 10, 1);
    exchange(common);
    const from = (head: DeviceHead, expected: DeviceHead) => ({ head, expected: expected.hash });
    const mine = ali.head(phone, 12, 2);
    const first = { kind: 'post', posts: [post()], from: from(mine, common) } as const;
    expect(relay.answer(first, phone)).toMatchObject({ results: [{ kind: 'accepted' }] });
    const copys = ali.head(phone, 30, 3);
    const second = { kind: 'post', posts: [post()], from: from(copys, common) } as const;
    expect(relay.answer(second, phone)).toBe('HEAD_MOVED');
    expect(stored()).toBe(1);
    // The lost answer of an accepted post is no copy.
    expect(relay.answer(first, phone)).toMatchObject({ results: [{ kind: 'accepted' }] });
    expect(stored()).toBe(1);
    expect(exchange(copys)).toEqual(before(mine));
  });

  test('a device without a head at the relay may expect anything', () => {
    const from = { head: ali.head(phone, 4), expected: new Uint8Array(32).fill(9) };
    const request = { kind: 'post', posts: [post()], from } as const;
    expect(relay.answer(request, phone)).toMatchObject({ results: [{ kind: 'accepted' }] });
    expect(exchange(ali.head(phone, 1))).toEqual(before(from.head));
  });

  test('a renewed device starts afresh: no head, other keys, its mail there, the copy shut out', () => {
    exchange(ali.head(phone, 10));
    relay.answer({ kind: 'post', posts: [ali.postTo(ali.userId, [phone.entry])] }, tablet);
    const { renewed, request } = ali.renewDevice(phone, relay.nonce());
    const decision = relay.call(request);
    expect(decision.outcome).toEqual({ ok: true, value: { kind: 'renewDevice' } });
    expect(decision.wakeups).toEqual([
      { kind: 'removed', device: { userId: ali.userId, deviceId: phone.deviceId } },
    ]);
    ali.list = request.list;
    expect(relay.answer(request), 'the answer was lost').toEqual({ kind: 'renewDevice' });
    expect(exchange(ali.head(phone, 11))).toBe('UNAUTHORIZED');
    expect(exchange(ali.head(phone, 11), renewed)).toBe('BAD_HEAD');
    expect(exchange(ali.head(renewed, 2), renewed)).toEqual(before());
    expect(stored(renewed)).toBe(1);
    const toOld = relay.answer(
      { kind: 'post', posts: [ali.postTo(ali.userId, [phone.entry])] },
      tablet,
    );
    expect(toOld).toMatchObject({ results: [{ kind: 'mismatch', stale: [phone.deviceId] }] });
    const claim = relay.answer(
      {
        kind: 'claimKeys',
        claimId: claimIdFromBytes(ali.entropy(16)),
        userId: ali.userId,
        devices: [phone.deviceId],
      },
      tablet,
    );
    const { registrationId } = renewed.entry;
    expect(claim).toMatchObject({
      results: [{ bundle: { registrationId, oneTimePreKey: { id: 500 }, kemPreKey: { id: 500 } } }],
    });
  });

  test('of two copies that renew, one wins', () => {
    const [mine, copys] = [1, 2].map(() => ali.renewDevice(phone, relay.nonce()));
    expect(mine && relay.answer(mine.request)).toEqual({ kind: 'renewDevice' });
    expect(copys && relay.answer(copys.request)).toBe('BAD_LIST');
    expect(mine && exchange(ali.head(mine.renewed, 1), mine.renewed)).toEqual(before());
    expect(copys && exchange(ali.head(copys.renewed, 1), copys.renewed)).toBe('UNAUTHORIZED');
  });

  test('a renewal that changes more, lacks a proof, or is signed by others is refused', () => {
    const fresh = () => ali.renewDevice(phone, relay.nonce());
    const { request } = fresh();
    expect(relay.answer({ ...request, nonce: ali.entropy(32) })).toBe('NONCE_UNKNOWN');
    expect(relay.answer({ ...request, deviceProof: ali.entropy(64) })).toBe('BAD_PROOF');
    expect(relay.answer({ ...request, tokenHash: ali.entropy(32) })).toBe('BAD_PROOF');
    const entry = findDevice(request.list.list, phone.deviceId) ?? phone.entry;
    const lists = [
      ali.nextList([entry], phone),
      ali.nextList([entry, { ...tablet.entry, registrationId: 5 }], phone),
      ali.nextList([{ ...entry, deviceKey: tablet.entry.deviceKey }, tablet.entry], phone),
      ali.nextList([entry, tablet.entry], tablet),
    ];
    for (const list of lists) expect(relay.answer({ ...request, list })).toBe('BAD_LIST');
    const late = { ...request.list.list, version: request.list.list.version + 1 };
    expect(relay.answer({ ...request, list: ali.sign(late, phone) })).toBe('LIST_MOVED');
    const gone = ali.removeDevice(1, tablet);
    expect(relay.answer(gone, tablet)).toEqual({ kind: 'removeDevice' });
    expect(relay.answer(request)).toBe('FORBIDDEN');
  });
});
