/** Each request's refusals by name, and what it answers when it is repeated. */

import { encodeUtf8 } from '@simsim/bytes';
import { nodeCrypto as crypto } from '@simsim/crypto/node';
import type { AddDeviceRequest, CreateAccountRequest, Post } from '@simsim/relay-protocol';
import {
  claimIdFromBytes,
  deviceProofBytes,
  DEVICES_MAX,
  ENVELOPE_BYTES_MAX,
  LINK_BYTES_MAX,
  LINK_LIFE_MS,
  NONCE_LIFE_MS,
} from '@simsim/relay-protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../src/memory/index.ts';
import { NONCES_MAX } from '../src/core/index.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { deviceIdOf, TestUser, userIdOf } from '../src/conformance/people.ts';
import { BareRelay } from '../src/conformance/bare-relay.ts';

let relay: BareRelay;
let ali: TestUser;
let baba: TestUser;
let phone: TestDevice;
let desk: TestDevice;

function create(user: TestUser, id: number): TestDevice {
  const device = user.makeDevice(id);
  expect(relay.answer(user.createAccount(device, relay.nonce()))).toEqual({
    kind: 'createAccount',
  });
  return device;
}

const flipped = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));

beforeEach(() => {
  relay = new BareRelay(createMemoryStore());
  ali = new TestUser('ali');
  baba = new TestUser('baba');
  phone = create(ali, 7);
  desk = create(baba, 7);
});

describe('a new account', () => {
  let cassim: TestUser;
  let request: CreateAccountRequest;

  beforeEach(() => {
    cassim = new TestUser('cassim');
    request = cassim.createAccount(cassim.makeDevice(1), relay.nonce());
  });

  test('is made once, and the same request again succeeds again', () => {
    expect(relay.answer(request)).toEqual({ kind: 'createAccount' });
    const again = relay.call(request);
    expect(again.outcome).toEqual({ ok: true, value: { kind: 'createAccount' } });
    expect(again.changes).toEqual([]);
  });

  test('is refused to anybody else', () => {
    relay.call(request);
    const thief = new TestUser('cassim', 'thief');
    expect(relay.answer(thief.createAccount(thief.makeDevice(1), relay.nonce()))).toBe(
      'USER_EXISTS',
    );
    expect(relay.answer({ ...request, tokenHash: flipped(request.tokenHash) })).toBe('USER_EXISTS');
  });

  test.each<[string, (good: CreateAccountRequest) => CreateAccountRequest]>([
    ['BAD_PROOF', (good) => ({ ...good, identityProof: flipped(good.identityProof) })],
    ['BAD_PROOF', (good) => ({ ...good, deviceProof: flipped(good.deviceProof) })],
    ['BAD_PROOF', (good) => ({ ...good, tokenHash: flipped(good.tokenHash) })],
    ['BAD_PROOF', (good) => ({ ...good, keys: phone.keys })],
    ['BAD_LIST', (good) => ({ ...good, userId: userIdOf('other') })],
    ['BAD_LIST', (good) => ({ ...good, list: ali.nextList([phone.entry], phone) })],
    [
      'BAD_LIST',
      (good) => ({
        ...good,
        list: { ...good.list, identitySignature: flipped(good.list.identitySignature) },
      }),
    ],
    ['NONCE_UNKNOWN', (good) => ({ ...good, nonce: flipped(good.nonce) })],
  ])('%s', (code, change) => {
    const { outcome, changes } = relay.call(change(request));
    expect(outcome).toEqual({ ok: false, error: { code } });
    expect(changes).toEqual([]);
    expect(relay.answer(request)).toEqual({ kind: 'createAccount' });
  });

  test('needs a nonce that is fresh and unspent', () => {
    relay.call(request);
    const other = new TestUser('morgiana');
    const late = other.createAccount(other.makeDevice(1), request.nonce);
    expect(relay.answer(late)).toBe('NONCE_UNKNOWN');
    const nonce = relay.nonce();
    relay.nowMs += NONCE_LIFE_MS;
    expect(relay.answer(other.createAccount(other.makeDevice(1), nonce))).toBe('NONCE_UNKNOWN');
  });

  test('is refused where registration is closed', () => {
    relay.policy = { ...relay.policy, registration: 'closed' };
    expect(relay.answer(request)).toBe('FORBIDDEN');
  });
});

test('nonces are bounded', () => {
  for (let i = 0; i < NONCES_MAX; i++) relay.call({ kind: 'nonce' });
  expect(relay.answer({ kind: 'nonce' })).toBe('RATE_LIMITED');
  relay.store.prune({ nowMs: relay.nowMs + NONCE_LIFE_MS });
  expect(relay.answer({ kind: 'nonce' })).toMatchObject({ kind: 'nonce' });
});

describe('a new device', () => {
  let tablet: TestDevice;
  let request: AddDeviceRequest;

  beforeEach(() => {
    tablet = ali.makeDevice(3);
    request = ali.addDevice(tablet, phone, relay.nonce());
  });

  test('joins once, and the same request again succeeds again', () => {
    expect(relay.answer(request)).toEqual({ kind: 'addDevice' });
    expect(relay.call(request)).toMatchObject({ outcome: { ok: true }, changes: [] });
    ali.list = request.list;
    relay.join(ali, 4, tablet);
    expect(relay.answer(request)).toEqual({ kind: 'addDevice' });
  });

  test.each<[string, (good: AddDeviceRequest) => AddDeviceRequest]>([
    ['UNKNOWN_USER', (good) => ({ ...good, userId: userIdOf('nobody') })],
    ['NONCE_UNKNOWN', (good) => ({ ...good, nonce: flipped(good.nonce) })],
    ['BAD_PROOF', (good) => ({ ...good, deviceProof: flipped(good.deviceProof) })],
    ['BAD_PROOF', (good) => ({ ...good, tokenHash: flipped(good.tokenHash) })],
    ['BAD_LIST', (good) => ({ ...good, deviceId: deviceIdOf(99) })],
    [
      'BAD_LIST',
      (good) => ({
        ...good,
        list: { ...good.list, deviceSignature: flipped(good.list.deviceSignature) },
      }),
    ],
    [
      'BAD_APPROVAL',
      (good) => ({
        ...good,
        approval: { ...good.approval, signature: flipped(good.approval.signature) },
      }),
    ],
    [
      'BAD_APPROVAL',
      (good) => ({ ...good, approval: { ...good.approval, deviceId: deviceIdOf(4) } }),
    ],
    [
      'BAD_APPROVAL',
      (good) => ({ ...good, approval: { ...good.approval, approver: good.deviceId } }),
    ],
    ['DEVICE_EXISTS', (good) => ({ ...good, deviceId: phone.deviceId })],
  ])('%s', (code, change) => {
    const { outcome, changes } = relay.call(change(request));
    expect(outcome).toEqual({ ok: false, error: { code } });
    expect(changes).toEqual([]);
    expect(relay.answer(request)).toEqual({ kind: 'addDevice' });
  });

  test('may take the place of another one, whose mailbox and token go', () => {
    relay.call(request);
    ali.list = request.list;
    const desk = ali.makeDevice(5);
    const good = ali.addDevice(desk, phone, relay.nonce());
    const inPlace = (gone: TestDevice[]): AddDeviceRequest => {
      const isKept = ({ deviceId }: { deviceId: number }): boolean =>
        gone.every((device) => device.deviceId !== deviceId);
      const list = ali.nextList([...ali.current().devices.filter(isKept), desk.entry], phone);
      const { userId } = ali;
      const fields = { userId, deviceId: desk.deviceId, nonce: good.nonce, list: list.list };
      const { tokenHash, keys } = desk;
      const proof = [deviceProofBytes({ ...fields, tokenHash, keys })];
      return { ...good, list, deviceProof: crypto.signWithDeviceKey(desk.deviceKey, proof) };
    };
    // Not two at once, and never the one that approves.
    expect(relay.answer(inPlace([phone, tablet]))).toBe('BAD_LIST');
    expect(relay.answer(inPlace([phone]))).toBe('BAD_LIST');
    const { outcome, wakeups } = relay.call(inPlace([tablet]));
    expect(outcome).toEqual({ ok: true, value: { kind: 'addDevice' } });
    const address = { userId: ali.userId, deviceId: tablet.deviceId };
    expect(wakeups).toEqual([{ kind: 'removed', device: address }]);
    expect(relay.answer({ kind: 'fetch', after: 0, limit: 1 }, tablet)).toBe('UNAUTHORIZED');
  });

  test('may not bring another device along, drop one, or change one', () => {
    const other = ali.makeDevice(4);
    const lists = [
      [phone.entry, tablet.entry, other.entry],
      [tablet.entry],
      [{ ...phone.entry, registrationId: 9 }, tablet.entry],
    ];
    for (const entries of lists) {
      const list = ali.nextList(entries, phone);
      expect(relay.answer({ ...request, list })).toBe('BAD_LIST');
    }
  });

  test('cannot approve itself with the identity key alone', () => {
    const self = ali.addDevice(tablet, tablet, relay.nonce());
    expect(relay.answer(self)).toBe('BAD_APPROVAL');
  });

  test('cannot join by the word of a device that was removed', () => {
    relay.call(request);
    ali.list = request.list;
    const removal = ali.removeDevice(7, tablet);
    expect(relay.answer(removal, tablet)).toEqual({ kind: 'removeDevice' });
    ali.list = removal.list;
    expect(relay.answer(ali.addDevice(ali.makeDevice(4), phone, relay.nonce()))).toBe(
      'BAD_APPROVAL',
    );
  });

  test('meets LIST_MOVED when another was faster', () => {
    const rival = ali.makeDevice(4);
    expect(relay.answer(ali.addDevice(rival, phone, relay.nonce()))).toEqual({ kind: 'addDevice' });
    expect(relay.answer(request)).toBe('LIST_MOVED');
  });

  test('finds its keys there at once', () => {
    relay.call(request);
    const claimId = claimIdFromBytes(ali.entropy(16));
    const devices = [tablet.deviceId];
    const answer = relay.answer({ kind: 'claimKeys', claimId, userId: ali.userId, devices }, desk);
    expect(answer).toMatchObject({
      results: [{ deviceId: 3, bundle: { oneTimePreKey: { id: 1 } } }],
    });
  });

  test('a user has at most sixteen', () => {
    for (let id = 20; id < 20 + DEVICES_MAX - 1; id++) relay.join(ali, id, phone);
    const last = ali.addDevice(ali.makeDevice(50), phone, relay.nonce());
    expect(relay.answer(last)).toBe('BAD_LIST');
  });
});

describe('removal', () => {
  let tablet: TestDevice;
  beforeEach(() => {
    tablet = relay.join(ali, 3, phone);
  });

  test('is idempotent, wakes the removed device, and lets a device remove itself', () => {
    const request = ali.removeDevice(3, tablet);
    const { outcome, wakeups } = relay.call(request, tablet);
    expect(outcome.ok).toBe(true);
    expect(wakeups).toEqual([
      { kind: 'removed', device: { userId: 'ali', deviceId: tablet.deviceId } },
    ]);
    expect(relay.call(request, phone)).toMatchObject({ outcome: { ok: true }, changes: [] });
    expect(relay.answer(request, tablet)).toBe('UNAUTHORIZED');
  });

  test('needs the caller to be the signer, of the same user', () => {
    const request = ali.removeDevice(3, phone);
    expect(relay.answer(request, tablet)).toBe('FORBIDDEN');
    expect(relay.answer(request, desk)).toBe('FORBIDDEN');
    expect(relay.answer(request)).toBe('UNAUTHORIZED');
  });

  test('must not change or add anything, nor keep the same devices', () => {
    const other = ali.makeDevice(4);
    const lists = [
      [phone.entry, tablet.entry],
      [phone.entry, other.entry],
      [{ ...phone.entry, registrationId: 5 }],
    ];
    for (const entries of lists) {
      const list = ali.nextList(entries, phone);
      expect(relay.answer({ kind: 'removeDevice', list }, phone)).toBe('BAD_LIST');
    }
  });

  test('meets LIST_MOVED when the list is not the next', () => {
    const request = ali.removeDevice(3, phone);
    relay.join(ali, 4, phone);
    expect(relay.answer(request, phone)).toBe('LIST_MOVED');
  });
});

test('a list is given, unchanged, or of nobody', () => {
  const ask = (userId: string, since: number): unknown =>
    relay.answer({ kind: 'getList', userId: userIdOf(userId), since });
  expect(ask('ali', 0)).toEqual({ kind: 'getList', result: { kind: 'list', list: ali.list } });
  expect(ask('ali', 1)).toEqual({ kind: 'getList', result: { kind: 'unchanged' } });
  expect(ask('nobody', 0)).toEqual({ kind: 'getList', result: { kind: 'unknownUser' } });
});

describe('posting', () => {
  const post = (...posts: Post[]): unknown => {
    const answer = relay.answer({ kind: 'post', posts }, phone);
    return (answer as { results: unknown[] }).results;
  };
  const accepted = { kind: 'accepted', listVersion: 1 };

  test('one request may hold posts with different ends', () => {
    const good = ali.postTo(baba.userId, [desk.entry]);
    expect(
      post(good, ali.postTo(userIdOf('nobody'), [desk.entry]), ali.postTo(baba.userId, []), good, {
        ...ali.postTo(baba.userId, [desk.entry]),
        postId: good.postId,
      }),
    ).toEqual([
      accepted,
      { kind: 'unknownUser' },
      { kind: 'mismatch', missing: [7], extra: [], stale: [], list: baba.list },
      accepted,
      { kind: 'conflict' },
    ]);
  });

  test('tells missing, extra and stale at once, and stores nothing', () => {
    relay.join(baba, 3, desk);
    const envelopes = [
      ali.envelope({ ...desk.entry, registrationId: 16_383 }),
      ali.envelope({ ...desk.entry, deviceId: deviceIdOf(99) }),
    ];
    const wrong = { ...ali.postTo(baba.userId, []), envelopes };
    expect(post(wrong)).toEqual([
      { kind: 'mismatch', missing: [3], extra: [99], stale: [7], list: baba.list },
    ]);
    expect(relay.answer({ kind: 'fetch', after: 0, limit: 9 }, desk)).toMatchObject({
      envelopes: [],
    });
  });

  test('to oneself leaves the sending device out, down to nothing', () => {
    expect(post(ali.postTo(ali.userId, []))).toEqual([accepted]);
    expect(post(ali.postTo(ali.userId, [phone.entry]))).toMatchObject([
      { kind: 'mismatch', missing: [], extra: [7], stale: [] },
    ]);
  });

  test('to one device needs that very incarnation of it', () => {
    const one = (entry: TestDevice['entry']): Post => ({
      ...ali.postTo(baba.userId, [entry]),
      scope: 'device',
    });
    relay.join(baba, 3, desk);
    expect(post(one(desk.entry))).toEqual([{ kind: 'accepted', listVersion: 2 }]);
    expect(post(one({ ...desk.entry, registrationId: 16_383 }))).toEqual([{ kind: 'gone' }]);
    expect(post(one({ ...desk.entry, deviceId: deviceIdOf(99) }))).toEqual([{ kind: 'gone' }]);
  });

  test('too large a content is named', () => {
    const content = (length: number): Post =>
      ali.postTo(baba.userId, [desk.entry], new Uint8Array(length));
    expect(post(content(ENVELOPE_BYTES_MAX))).toEqual([accepted]);
    expect(post(content(ENVELOPE_BYTES_MAX + 1))).toEqual([{ kind: 'tooLarge' }]);
  });

  test('a mailbox takes so many envelopes and so many bytes, also within one request', () => {
    const one = (bytes: number): Post =>
      ali.postTo(baba.userId, [desk.entry], new Uint8Array(bytes));
    relay.policy = { ...relay.policy, mailboxCountMax: 2 };
    expect(post(one(1), one(1), one(1))).toEqual([accepted, accepted, { kind: 'mailboxFull' }]);
    expect(post(one(1))).toEqual([{ kind: 'mailboxFull' }]);
    relay.policy = { ...relay.policy, mailboxCountMax: 99, mailboxBytesMax: 10 };
    expect(post(one(9), one(8))).toEqual([{ kind: 'mailboxFull' }, accepted]);
  });
});

test('mail says how long it waited, never less than nothing', () => {
  const posts = [ali.postTo(baba.userId, [desk.entry])];
  relay.call({ kind: 'post', posts }, phone);
  relay.nowMs += 250;
  const page = { kind: 'fetch', after: 0, limit: 1 } as const;
  expect(relay.answer(page, desk)).toMatchObject({ envelopes: [{ waitedMs: 250 }] });
  relay.nowMs -= 1000;
  expect(relay.answer(page, desk)).toMatchObject({ envelopes: [{ waitedMs: 0 }] });
});

describe('a link', () => {
  const address = crypto.digest([encodeUtf8('address')]).slice(0, 16);
  const put = (ciphertext: Uint8Array): unknown =>
    relay.answer({ kind: 'putLink', address, ciphertext }, phone);
  const take = (): unknown => relay.answer({ kind: 'takeLink', address });

  test('is put once and taken once', () => {
    const [mine, other] = [encodeUtf8('mine'), encodeUtf8('other')];
    expect(take()).toEqual({ kind: 'takeLink' });
    expect(put(mine)).toEqual({ kind: 'putLink' });
    expect(put(mine)).toEqual({ kind: 'putLink' });
    expect(put(other)).toBe('ID_REUSED');
    expect(take()).toEqual({ kind: 'takeLink', ciphertext: mine });
    expect(take()).toEqual({ kind: 'takeLink' });
    expect(put(other)).toEqual({ kind: 'putLink' });
  });

  test('comes again for who took it, until its time is over, and for nobody else', () => {
    const [mine, other] = [encodeUtf8('mine'), encodeUtf8('other')];
    const taking = (taker: number): unknown =>
      relay.answer({ kind: 'takeLink', address, taker: new Uint8Array(16).fill(taker) });
    const found = { kind: 'takeLink', ciphertext: mine };
    expect(taking(1)).toEqual({ kind: 'takeLink' });
    put(mine);
    expect([taking(1), taking(1), taking(2), take()]).toEqual([
      found,
      found,
      { kind: 'takeLink' },
      { kind: 'takeLink' },
    ]);
    // Whoever left it did not hear that it was there, and leaves it once more.
    expect(put(mine)).toEqual({ kind: 'putLink' });
    expect([taking(2), taking(1)]).toEqual([{ kind: 'takeLink' }, found]);
    relay.nowMs += LINK_LIFE_MS;
    expect(taking(1)).toEqual({ kind: 'takeLink' });
    put(mine);
    taking(1);
    expect(put(other)).toEqual({ kind: 'putLink' });
    expect(taking(2)).toEqual({ kind: 'takeLink', ciphertext: other });
  });

  test('expires, and has a limit', () => {
    expect(put(new Uint8Array(LINK_BYTES_MAX + 1))).toBe('TOO_LARGE');
    put(encodeUtf8('late'));
    relay.nowMs += LINK_LIFE_MS;
    expect(take()).toEqual({ kind: 'takeLink' });
    expect(put(encodeUtf8('next'))).toEqual({ kind: 'putLink' });
  });
});

test('what needs a token is refused without one', () => {
  const posts = [ali.postTo(baba.userId, [desk.entry])];
  expect(relay.answer({ kind: 'post', posts })).toBe('UNAUTHORIZED');
  expect(relay.answer({ kind: 'ack', seqs: [1] })).toBe('UNAUTHORIZED');
  const stranger = ali.makeDevice(9);
  expect(relay.answer({ kind: 'uploadKeys', keys: stranger.keys }, stranger)).toBe('UNAUTHORIZED');
});
