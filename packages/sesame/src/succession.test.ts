import { createWriter, encodeUtf8, equalBytes } from '@simsim/bytes';
import type { KeyPair } from '@simsim/crypto';
import { deviceListHash } from '@simsim/relay-protocol';
import type { KemPreKey, SignedKeys } from '@simsim/relay-protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crypto, deviceNumbered, entropyOf, userNamed } from '../test/arbitraries.ts';
import type { OwnDevice } from './own-device.ts';
import { openWithKey, sealToKey } from './seal-to-key.ts';
import { createStateWriter } from './sealed-state.ts';
import { followLists, makeSuccessor, openSuccessor, successionRequest } from './succession.ts';
import { emptyUserRecord } from './user-record.ts';
import type { UserRecord } from './user-record.ts';

const entropy = entropyOf(92);
const env = { crypto, entropy };
const userId = userNamed('ada');
const identity = crypto.keyPair(entropy(32));
const [phone, tablet, stolen] = [1, 2, 3].map((id) => device(id)) as [
  OwnDevice,
  OwnDevice,
  OwnDevice,
];

function device(id: number): OwnDevice {
  return {
    userId,
    deviceId: deviceNumbered(id),
    registrationId: id,
    identity,
    deviceKey: crypto.signingKeyPair(entropy(32)),
    token: crypto.importSecret('name', entropy(32)),
    status: 'registered',
    registration: new Uint8Array(0),
  };
}

/** What one of them knows of the others. */
function recordOf(own: OwnDevice): UserRecord {
  const others = [phone, tablet, stolen].filter((each) => each !== own);
  return {
    ...emptyUserRecord(userId),
    identityKey: identity.publicKey.bytes,
    listVersion: 4,
    listHash: new Uint8Array(32).fill(4),
    devices: new Map(
      others.map(({ deviceId, registrationId, deviceKey }) => [
        deviceId,
        { deviceId, registrationId, deviceKey: deviceKey.publicKey, inactive: [] },
      ]),
    ),
  };
}

function made(): Extract<ReturnType<typeof makeSuccessor>, { ok: true }>['value'] {
  const result = makeSuccessor({ own: phone, record: recordOf(phone) }, stolen.deviceId, env);
  if (!result.ok) throw new Error('a listed device can be removed');
  return result.value;
}

const keyOf = (pair: KeyPair | undefined): Uint8Array | undefined =>
  pair && crypto.exportSecret(pair.privateKey);

describe('the next identity key', () => {
  it('is sealed for each device that stays, this one too, and for no other', () => {
    const { identity: next, list, sealed } = made();
    expect([...sealed.keys()]).toEqual([phone.deviceId, tablet.deviceId]);
    for (const own of [phone, tablet]) {
      const blob = sealed.get(own.deviceId) ?? new Uint8Array(0);
      const opened = openSuccessor(own, { list: list.list, sealed: blob }, { crypto });
      expect(keyOf(opened)).toEqual(keyOf(next));
      expect(opened?.publicKey.bytes).toEqual(list.list.identityKey);
    }
    for (const blob of sealed.values()) {
      for (const as of [stolen, { ...stolen, deviceId: tablet.deviceId }])
        expect(openSuccessor(as, { list: list.list, sealed: blob }, { crypto })).toBeUndefined();
    }
  });

  it('opens as that of its own list only, undamaged, where it was meant for', () => {
    const { list, sealed } = made();
    const blob = sealed.get(tablet.deviceId) ?? new Uint8Array(0);
    const others = [
      { ...list.list, version: list.list.version + 1 },
      { ...list.list, identityKey: identity.publicKey.bytes },
      { ...list.list, userId: userNamed('bo') },
      made().list.list,
    ];
    for (const other of others)
      expect(openSuccessor(tablet, { list: other, sealed: blob }, { crypto })).toBeUndefined();
    const phones = sealed.get(phone.deviceId) ?? new Uint8Array(0);
    expect(openSuccessor(tablet, { list: list.list, sealed: phones }, { crypto })).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(blob.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const spoilt = blob.map((byte, i) => (i === at ? byte ^ mask : byte));
        expect(
          openSuccessor(tablet, { list: list.list, sealed: spoilt }, { crypto }),
        ).toBeUndefined();
      }),
      { numRuns: 30 },
    );
  });

  it('is refused where another key was sealed than the list names', () => {
    const { list, identity: next } = made();
    const other = crypto.keyPair(entropy(32));
    const key = crypto.agreementKeyOf(tablet.deviceKey.publicKey);
    if (key === undefined) throw new Error('a device key agrees');
    // The form, word for word: somebody who signs a list may seal what they like for it.
    const ad = createWriter()
      .text('Simsim identity succession 1')
      .text(userId)
      .varint(list.list.version)
      .raw(deviceListHash(list.list, crypto))
      .u8(tablet.deviceId)
      .finish();
    const opens = (pair: KeyPair): boolean => {
      const parts = createStateWriter(1).pair(pair).finish();
      const purpose = { key, info: encodeUtf8('simsim/succession/v1'), ad: [ad] };
      const sealed = sealToKey(purpose, parts, env) ?? new Uint8Array(0);
      return openSuccessor(tablet, { list: list.list, sealed }, { crypto }) !== undefined;
    };
    expect(opens(next)).toBe(true);
    expect(opens(other)).toBe(false);
    expect(opens({ publicKey: next.publicKey, privateKey: other.privateKey })).toBe(false);
  });

  it('never throws at any bytes', () => {
    const { list } = made();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (sealed) => {
        expect(openSuccessor(tablet, { list: list.list, sealed }, { crypto })).toBeUndefined();
      }),
    );
  });

  it('names its list: without the device, with all others as they are, signed by both keys', () => {
    const { list, identity: next } = made();
    expect(list.list.devices.map(({ deviceId }) => deviceId)).toEqual([
      phone.deviceId,
      tablet.deviceId,
    ]);
    expect(list.list).toMatchObject({
      version: 5,
      previous: recordOf(phone).listHash,
      identityKey: next.publicKey.bytes,
      signer: phone.deviceId,
    });
  });

  it('is not made to remove who is not there, or the only one', () => {
    const record = recordOf(phone);
    expect(makeSuccessor({ own: phone, record }, deviceNumbered(99), env)).toMatchObject({
      error: { code: 'UNKNOWN_DEVICE' },
    });
    const alone = { ...record, devices: new Map() };
    expect(makeSuccessor({ own: phone, record: alone }, phone.deviceId, env)).toMatchObject({
      error: { code: 'LAST_DEVICE' },
    });
  });
});

describe('the request to take it', () => {
  const signedBy = (by: KeyPair, type: number, id: number, publicKey: Uint8Array): KemPreKey => ({
    id,
    publicKey,
    signature: crypto.sign(by, [Uint8Array.of(type), publicKey], entropy(64)),
  });
  const keysOf = ({ deviceId }: OwnDevice, id: number, by: KeyPair = identity): SignedKeys => ({
    deviceId,
    signedPreKey: signedBy(by, 5, id, entropy(32)),
    lastResort: signedBy(by, 8, id + 1, new Uint8Array(1568)),
  });

  it('signs what the relay has of each, in the form of its kind', () => {
    const successor = made();
    const keys = [keysOf(tablet, 7), keysOf(phone, 3)];
    const request = successionRequest({ ...phone, successor }, keys, env);
    expect(request?.heirs?.map(({ deviceId }) => deviceId)).toEqual([1, 2]);
    const next = successor.identity.publicKey;
    for (const heir of request?.heirs ?? []) {
      const held = keys.find(({ deviceId }) => deviceId === heir.deviceId);
      const { signedPreKey, lastResort } = heir;
      expect(signedPreKey.id).toBe(held?.signedPreKey.id);
      const isSigned = (type: number, key: Uint8Array, signature: Uint8Array): boolean =>
        crypto.verify(next, [Uint8Array.of(type), key], signature);
      const none = new Uint8Array(0);
      expect(isSigned(5, held?.signedPreKey.publicKey ?? none, signedPreKey.signature)).toBe(true);
      expect(lastResort?.id).toBe(held?.lastResort?.id);
      expect(isSigned(8, held?.lastResort?.publicKey ?? none, lastResort?.signature ?? none)).toBe(
        true,
      );
    }
  });

  it('is not made where the relay does not know the keys of each', () => {
    const own = { ...phone, successor: made() };
    expect(successionRequest(own, [keysOf(phone, 3)], env)).toBeUndefined();
    expect(successionRequest(phone, [keysOf(phone, 3), keysOf(tablet, 7)], env)).toBeUndefined();
  });

  it('vouches for no key that the former one did not sign, whatever the relay shows', () => {
    const successor = made();
    const relays = crypto.keyPair(entropy(32));
    const shown = [keysOf(phone, 3), keysOf(tablet, 7, relays)];
    const request = successionRequest({ ...phone, successor }, shown, env);
    const isSigned = (request?.heirs ?? []).map(({ signedPreKey }, i) => {
      const { publicKey } = shown[i]?.signedPreKey ?? { publicKey: new Uint8Array(0) };
      const parts = [Uint8Array.of(5), publicKey];
      return crypto.verify(successor.identity.publicKey, parts, signedPreKey.signature);
    });
    expect(isSigned).toEqual([true, false]);
  });
});

describe('lists are followed', () => {
  it('from the very one that is known, and no other', () => {
    const { list } = made();
    const record = {
      ...emptyUserRecord(userId),
      listVersion: list.list.version,
      listHash: deviceListHash(list.list, crypto),
    };
    expect(followLists(record, [list], { crypto })).toEqual({ newest: list.list });
    expect(followLists(record, [], { crypto })).toBeUndefined();
    const other = { ...record, listHash: new Uint8Array(32) };
    expect(followLists(other, [list], { crypto })).toBeUndefined();
    expect(followLists({ ...record, listVersion: 9 }, [list], { crypto })).toBeUndefined();
    expect(followLists(record, [list, list], { crypto })).toBeUndefined();
  });
});

describe('sealing to a key', () => {
  it('opens with its private half, for its purpose, and gives the ephemeral key away', () => {
    const pair = crypto.keyPair(entropy(32));
    const purpose = { info: Uint8Array.of(1), ad: [Uint8Array.of(2)] };
    const sealed = sealToKey({ key: pair.publicKey, ...purpose }, [Uint8Array.of(9)], env);
    if (sealed === undefined) throw new Error('a sound key is sealed to');
    expect(openWithKey({ key: pair.privateKey, ...purpose }, sealed, crypto)).toEqual(
      Uint8Array.of(9),
    );
    const other = { info: Uint8Array.of(1), ad: [Uint8Array.of(3)] };
    expect(openWithKey({ key: pair.privateKey, ...other }, sealed, crypto)).toBeUndefined();
    const again = sealToKey({ key: pair.publicKey, ...purpose }, [Uint8Array.of(9)], env);
    expect(again !== undefined && equalBytes(again, sealed)).toBe(false);
  });
});
