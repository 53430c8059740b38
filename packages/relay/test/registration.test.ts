/** Who is a user and who is a device, and that neither changes its key (Sesame §2, §6.7). */

import { nodeCrypto as crypto } from '@simsim/crypto/node';
import { accountProofBytes } from '@simsim/relay-protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../src/memory/index.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';
import { BareRelay } from '../src/conformance/bare-relay.ts';

let relay: BareRelay;
let ali: TestUser;
let phone: TestDevice;

function remove(user: TestUser, id: number, by: TestDevice): void {
  const request = user.removeDevice(id, by);
  expect(relay.answer(request, by)).toEqual({ kind: 'removeDevice' });
  user.list = request.list;
}

const listOf = (user: TestUser): unknown =>
  relay.answer({ kind: 'getList', userId: user.userId, since: 0 });

beforeEach(() => {
  relay = new BareRelay(createMemoryStore());
  ali = new TestUser('ali');
  phone = ali.makeDevice(7);
  expect(relay.answer(ali.createAccount(phone, relay.nonce()))).toEqual({ kind: 'createAccount' });
});

describe('a user', () => {
  test('always has a device: the last one stays', () => {
    const tablet = relay.join(ali, 3, phone);
    remove(ali, 7, tablet);
    const before = listOf(ali);
    expect(relay.answer(ali.removeDevice(3, tablet), tablet)).toBe('BAD_LIST');
    expect(listOf(ali)).toEqual(before);
  });

  test('of a name that is taken is nobody else, whatever they prove', () => {
    const other = new TestUser('ali', 'another ali');
    const request = other.createAccount(other.makeDevice(9), relay.nonce());
    expect(relay.answer(request)).toBe('USER_EXISTS');
    expect(listOf(ali)).toMatchObject({ result: { list: ali.list } });
  });
});

describe('a device', () => {
  test('keeps its key for life: its id is not registered again with another one', () => {
    const other = ali.makeDevice(7);
    expect(other.entry.deviceKey).not.toEqual(phone.entry.deviceKey);
    const joining = ali.addDevice(ali.makeDevice(3), phone, relay.nonce());
    const again = { ...joining, deviceId: phone.deviceId, tokenHash: other.tokenHash };
    const list = ali.nextList([other.entry], phone);
    expect(relay.answer({ ...again, list })).toBe('DEVICE_EXISTS');
    // Nor under a new registration id, however well the list is signed.
    const { renewed, request } = ali.renewDevice(phone, relay.nonce());
    const { deviceKey } = other.entry;
    const replaced = ali.nextList([{ ...renewed.entry, deviceKey }], phone);
    expect(relay.answer({ ...request, list: replaced })).toBe('BAD_LIST');
    expect(listOf(ali)).toMatchObject({ result: { list: { list: { version: 1 } } } });
  });

  test('may come under an id of before once that one is removed, and finds nothing of it', () => {
    const tablet = relay.join(ali, 3, phone);
    const posts = [ali.postTo(ali.userId, [tablet.entry])];
    expect(relay.answer({ kind: 'post', posts }, phone)).toMatchObject({
      results: [{ kind: 'accepted' }],
    });
    remove(ali, 3, phone);
    const next = relay.join(ali, 3, phone);
    expect(next.entry.deviceKey).not.toEqual(tablet.entry.deviceKey);
    const page = { kind: 'fetch', after: 0, limit: 9 } as const;
    expect(relay.answer(page, next)).toMatchObject({ envelopes: [] });
    expect(relay.answer(page, tablet)).toBe('UNAUTHORIZED');
  });
});

describe('a stranger', () => {
  /** What Baba said to become a user; Mallory has seen it all, and has a device key of her own. */
  const seen = () => {
    const baba = new TestUser('baba');
    const desk = baba.makeDevice(1);
    const told = baba.createAccount(desk, relay.nonce());
    const mallory = new TestUser('baba', 'mallory');
    return { desk, told, mallory, device: mallory.makeDevice(1) };
  };

  test('who lacks the private key registers no public key of somebody else', () => {
    const { desk, told, mallory, device } = seen();
    const nonce = relay.nonce();
    const { userId, list } = told;
    const { deviceId, tokenHash, keys } = device;
    // Baba's own list, proven with Mallory's keys.
    const proof = [
      accountProofBytes({ userId, deviceId, nonce, list: list.list, tokenHash, keys }),
    ];
    const identityProof = crypto.sign(mallory.identity, proof, mallory.entropy(64));
    const deviceProof = crypto.signWithDeviceKey(device.deviceKey, proof);
    const stolen = { ...told, nonce, identityProof, deviceProof, tokenHash, keys };
    expect(relay.answer(stolen)).toBe('BAD_PROOF');
    // The device's key does not stand for the identity's.
    const byDesk = crypto.signWithDeviceKey(desk.deviceKey, proof);
    expect(relay.answer({ ...stolen, deviceProof: byDesk })).toBe('BAD_PROOF');
    // Mallory's own list that names Baba's public key.
    const forged = mallory.createAccount(device, nonce);
    const { identityKey = new Uint8Array(32) } = list.list;
    const named = { ...forged.list, list: { ...forged.list.list, identityKey } };
    expect(relay.answer({ ...forged, list: named })).toBe('BAD_LIST');
  });

  test('who lacks the private key registers no device key of somebody else', () => {
    const { desk, told, device } = seen();
    const { userId, list, nonce, tokenHash, keys } = told;
    const { deviceId } = desk;
    const proof = [
      accountProofBytes({ userId, deviceId, nonce, list: list.list, tokenHash, keys }),
    ];
    const deviceProof = crypto.signWithDeviceKey(device.deviceKey, proof);
    expect(relay.answer({ ...told, deviceProof })).toBe('BAD_PROOF');
    expect(relay.answer(told)).toEqual({ kind: 'createAccount' });
    const joining = ali.addDevice(ali.makeDevice(3), phone, relay.nonce());
    const other = { ...joining, deviceProof };
    expect(relay.answer(other)).toBe('BAD_PROOF');
    expect(relay.answer(joining)).toEqual({ kind: 'addDevice' });
  });

  test('who repeats what was said over another nonce is refused', () => {
    const { told } = seen();
    expect(relay.answer({ ...told, nonce: relay.nonce() })).toBe('BAD_PROOF');
    expect(relay.answer(told)).toEqual({ kind: 'createAccount' });
  });
});
