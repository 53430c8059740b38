/** What a relay does where another identity key follows a user's (SES-92). */

import type {
  DeviceId,
  PreKeyBundle,
  RemoveDeviceRequest,
  SignedDeviceList,
} from '@simsim/relay-protocol';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../src/memory/index.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';
import { BareRelay } from '../src/conformance/bare-relay.ts';

let relay: BareRelay;
let ali: TestUser;
let [phone, tablet, stolen]: TestDevice[] = [];
let baba: TestUser;
let laptop: TestDevice;

const device = (one: TestDevice | undefined): TestDevice => {
  if (one === undefined) throw new Error('the device was made');
  return one;
};

function bundleOf(deviceId: DeviceId): PreKeyBundle {
  const claimId = claimIdFromBytes(baba.entropy(16));
  const answer = relay.answer(
    { kind: 'claimKeys', claimId, userId: ali.userId, devices: [deviceId] },
    laptop,
  );
  return (answer as { results: [{ bundle: PreKeyBundle }] }).results[0].bundle;
}

const successionOf = (of: TestDevice, since: number): unknown =>
  relay.answer(ali.askSuccession(of, since));

const heirsOf = ({ heirs = [] }: RemoveDeviceRequest): NonNullable<RemoveDeviceRequest['heirs']> =>
  heirs;

beforeEach(() => {
  relay = new BareRelay(createMemoryStore());
  ali = new TestUser('ali');
  phone = ali.makeDevice(7);
  expect(relay.answer(ali.createAccount(phone, relay.nonce()))).toEqual({ kind: 'createAccount' });
  tablet = relay.join(ali, 3, phone);
  stolen = relay.join(ali, 9, phone);
  baba = new TestUser('baba');
  laptop = baba.makeDevice(1);
  relay.answer(baba.createAccount(laptop, relay.nonce()));
});

describe('another identity key', () => {
  test('comes with the removal of a device: each that stays has its sealed key, none has old keys', () => {
    const made = ali.succeed(9, device(phone));
    const { outcome, wakeups } = relay.call(made.request, phone);
    expect(outcome).toEqual({ ok: true, value: { kind: 'removeDevice' } });
    expect(wakeups).toEqual([
      {
        kind: 'keysLow',
        device: { userId: ali.userId, deviceId: device(tablet).deviceId },
        count: 0,
        kemCount: 0,
      },
      { kind: 'removed', device: { userId: ali.userId, deviceId: device(stolen).deviceId } },
    ]);
    const before = ali.list;
    ali.adopt(made);
    for (const heir of heirsOf(made.request)) {
      const of = ali.device(heir.deviceId);
      expect(successionOf(of, 3)).toEqual({
        kind: 'getSuccession',
        lists: [before, ali.list],
        sealed: heir.sealed,
      });
      const { signedPreKey, lastResortKemPreKey } = of.keys;
      const bundle = bundleOf(of.deviceId);
      expect(bundle.identityKey).toEqual(made.identity.publicKey.bytes);
      expect(bundle.signedPreKey).toEqual({
        ...signedPreKey,
        signature: heir.signedPreKey.signature,
      });
      expect(bundle.kemPreKey).toEqual({
        ...lastResortKemPreKey,
        signature: heir.lastResort?.signature,
      });
      expect(bundle).not.toHaveProperty('oneTimePreKey');
    }
    expect(successionOf(device(stolen), 3)).toBe('FORBIDDEN');
  });

  test('is taken again as the same, where the answer was lost', () => {
    const { request } = ali.succeed(9, device(phone));
    expect(relay.answer(request, phone)).toEqual({ kind: 'removeDevice' });
    const sealed = successionOf(device(tablet), 0);
    expect(relay.answer({ ...request, heirs: [] }, phone)).toEqual({ kind: 'removeDevice' });
    expect(successionOf(device(tablet), 0)).toEqual(sealed);
  });

  test('is taken of one of two that remove at the same time', () => {
    const [mine, theirs] = [ali.succeed(9, device(phone)), ali.succeed(9, device(tablet))];
    expect(relay.answer(mine.request, phone)).toEqual({ kind: 'removeDevice' });
    expect(relay.answer(theirs.request, tablet)).toBe('LIST_MOVED');
    expect(successionOf(device(phone), 9)).toMatchObject({ lists: [mine.request.list] });
  });

  test('needs one heir for each device that stays, and no other', () => {
    const { request } = ali.succeed(9, device(phone));
    const heirs = heirsOf(request);
    const [one, two] = heirs;
    if (one === undefined || two === undefined) throw new Error('two devices stay');
    const foreign = { ...two, deviceId: device(stolen).deviceId };
    for (const wrong of [[], [one], [...heirs, foreign], [one, foreign]]) {
      expect(relay.answer({ ...request, heirs: wrong }, phone)).toBe('BAD_LIST');
    }
    const plain = ali.removeDevice(9, device(phone));
    expect(relay.answer({ ...plain, heirs }, phone)).toBe('BAD_LIST');
  });

  test('signs the prekeys that are there, or has to look again', () => {
    const { request } = ali.succeed(9, device(phone));
    const keys = ali.makeKeys(40, 2);
    relay.answer({ kind: 'uploadKeys', keys }, tablet);
    expect(relay.answer(request, phone)).toBe('LIST_MOVED');
    const asked = {
      kind: 'getSignedKeys',
      devices: [device(phone), device(tablet)].map(({ deviceId }) => deviceId),
    } as const;
    const { signedPreKey, lastResortKemPreKey: lastResort } = keys;
    const { signedPreKey: own, lastResortKemPreKey: ownLast } = device(phone).keys;
    expect(relay.answer(asked, phone)).toEqual({
      kind: 'getSignedKeys',
      devices: [
        { deviceId: device(phone).deviceId, signedPreKey: own, lastResort: ownLast },
        { deviceId: device(tablet).deviceId, signedPreKey, lastResort },
      ],
    });
    expect(relay.answer(asked, laptop)).toEqual({ kind: 'getSignedKeys', devices: [] });
  });

  test('is refused to whoever has the former identity key alone', () => {
    const asPhone = ali.succeed(3, device(stolen)).request;
    const list: SignedDeviceList = {
      ...asPhone.list,
      list: { ...asPhone.list.list, signer: device(phone).deviceId },
    };
    expect(relay.answer({ ...asPhone, list }, stolen)).toBe('FORBIDDEN');
    expect(relay.answer({ ...asPhone, list }, phone)).toBe('BAD_LIST');
  });
});

describe('keys that the former identity key signed', () => {
  test('are refused by name, and taken once another has signed', () => {
    const made = ali.succeed(9, device(phone));
    const former = ali.identity.publicKey.bytes;
    relay.answer(made.request, phone);
    ali.adopt(made);
    const keys = ali.makeKeys(40, 2);
    const upload = (identityKey: Uint8Array): unknown =>
      relay.answer({ kind: 'uploadKeys', keys, identityKey }, tablet);
    const before = bundleOf(device(tablet).deviceId);
    expect(upload(former)).toBe('IDENTITY_CHANGED');
    expect(bundleOf(device(tablet).deviceId)).toEqual(before);
    expect(upload(made.identity.publicKey.bytes)).toMatchObject({ isSignedPreKeyTaken: true });
    expect(bundleOf(device(tablet).deviceId).signedPreKey).toEqual(keys.signedPreKey);
  });
});

describe('a thief with all that the removed device had', () => {
  test('neither removes, links nor renews, nor uploads, nor gets what was sealed', () => {
    const thief = device(stolen);
    const before = { identity: ali.identity, list: ali.list };
    const made = ali.succeed(9, device(phone));
    relay.answer(made.request, phone);
    const listed = relay.answer({ kind: 'getList', userId: ali.userId, since: 0 });
    ali.list = made.request.list;
    ali.identity = before.identity;
    const joining = ali.makeDevice(5);
    const link = ali.addDevice(joining, thief, relay.nonce());
    expect(relay.answer(link)).toBe('BAD_APPROVAL');
    expect(relay.answer(ali.removeDevice(7, thief), thief)).toBe('UNAUTHORIZED');
    expect(relay.answer(ali.renewDevice(thief, relay.nonce()).request)).toBe('FORBIDDEN');
    expect(relay.answer({ kind: 'uploadKeys', keys: thief.keys }, thief)).toBe('UNAUTHORIZED');
    expect(relay.answer({ kind: 'fetch', after: 0, limit: 1 }, thief)).toBe('UNAUTHORIZED');
    expect(successionOf(thief, 0)).toBe('FORBIDDEN');
    const asAnother = ali.askSuccession(device(tablet), 0, thief.deviceKey);
    expect(relay.answer(asAnother)).toBe('FORBIDDEN');
    expect(relay.answer({ kind: 'getList', userId: ali.userId, since: 0 })).toEqual(listed);
  });
});
