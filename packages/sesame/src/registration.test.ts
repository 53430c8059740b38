import fc from 'fast-check';
import { accountProofBytes, deviceProofBytes, KEM_PUBLIC_KEY_BYTES } from '@simsim/relay-protocol';
import type { PreKeyUpload } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import { crypto, entropyOf, userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import { createLinkOffer, openProvision } from './link.ts';
import type { OwnDevice } from './own-device.ts';
import { answerOffer } from './own-list.ts';
import { decodeRegistration, encodeRegistration, registrationRequest } from './registration.ts';
import { valueOfKind } from './stream-codec.ts';
import { DEVICE_STREAM, userStream } from './streams.ts';

const env = { crypto, entropy: entropyOf(1) };
const ada = userNamed('ada');
const nonce = new Uint8Array(32).fill(7);
const keys: PreKeyUpload = {
  signedPreKey: { id: 1, publicKey: new Uint8Array(32), signature: new Uint8Array(64) },
  oneTimePreKeys: [],
  lastResortKemPreKey: {
    id: 2,
    publicKey: new Uint8Array(KEM_PUBLIC_KEY_BYTES),
    signature: new Uint8Array(64),
  },
  oneTimeKemPreKeys: [],
};

function ownOf(slice: MemorySlice): OwnDevice {
  const own = valueOfKind('device', slice.value(DEVICE_STREAM));
  if (own === undefined) throw new Error('the device was made');
  return own;
}

function firstDevice(): MemorySlice {
  const slice = new MemorySlice();
  slice.take({ type: 'create', userId: ada, oneTimeKeys: 0 });
  return slice;
}

function secondDevice(first: MemorySlice): MemorySlice {
  first.take({ type: 'registered' });
  const { keys: linkKeys, offer } = createLinkOffer(env);
  const record = valueOfKind('user', first.value(userStream(ada)));
  if (record === undefined) throw new Error('the own record is there');
  const answer = answerOffer({ own: ownOf(first), record }, { offer, contacts: [] }, env);
  if (!answer.ok) throw new Error('an honest offer is answered');
  const { ciphertext } = answer.value;
  const opened = openProvision({ keys: linkKeys, offer, ciphertext }, crypto);
  if (!opened.ok) throw new Error('an honest answer opens');
  const slice = new MemorySlice(2);
  slice.take({
    type: 'linked',
    provision: opened.value,
    keys: linkKeys,
    registrationId: offer.registrationId,
    oneTimeKeys: 0,
  });
  return slice;
}

describe('a registration', () => {
  it('reads back as it was kept, with and without an approval', () => {
    for (const slice of [firstDevice(), secondDevice(firstDevice())]) {
      const kept = ownOf(slice).registration;
      const registration = decodeRegistration(kept);
      if (registration === undefined) throw new Error('a registration was kept');
      expect(encodeRegistration(registration)).toEqual(kept);
    }
  });

  it('is refused or read from any bytes, never thrown at', () => {
    const whole = ownOf(secondDevice(firstDevice())).registration;
    const near = fc
      .record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) })
      .map(({ at, byte }) => whole.with(at, byte));
    fc.assert(
      fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        const read = decodeRegistration(bytes);
        if (read !== undefined) expect(encodeRegistration(read)).toEqual(bytes);
      }),
    );
  });

  it('of a first device proves both its keys over the nonce (SES-96)', () => {
    const own = ownOf(firstDevice());
    const request = registrationRequest(own, { nonce, keys }, env);
    if (request?.kind !== 'createAccount') throw new Error('a first device makes an account');
    const { list } = request.list;
    const proof = [accountProofBytes({ ...request, deviceId: own.deviceId, list })];
    expect(crypto.verify(own.identity.publicKey, proof, request.identityProof)).toBe(true);
    expect(crypto.verifyDeviceKey(own.deviceKey.publicKey, proof, request.deviceProof)).toBe(true);
    expect(request.tokenHash).toEqual(crypto.digest([crypto.exportSecret(own.token)]));
  });

  it('of a further device proves its own key and carries its approval', () => {
    const own = ownOf(secondDevice(firstDevice()));
    const request = registrationRequest(own, { nonce, keys }, env);
    if (request?.kind !== 'addDevice') throw new Error('a further device is added');
    const proof = [deviceProofBytes({ ...request, list: request.list.list })];
    expect(crypto.verifyDeviceKey(own.deviceKey.publicKey, proof, request.deviceProof)).toBe(true);
    expect(request.approval.deviceId).toBe(own.deviceId);
  });

  it('says the same however often it is made, but for its proofs', () => {
    const own = ownOf(firstDevice());
    const [first, again] = [1, 2].map((seed) =>
      registrationRequest(own, { nonce, keys }, { crypto, entropy: entropyOf(seed) }),
    );
    expect(first?.list).toEqual(again?.list);
    expect(first?.tokenHash).toEqual(again?.tokenHash);
  });

  it('is over once the relay took it, and no secret of it stays', () => {
    const slice = firstDevice();
    slice.take({ type: 'registered' });
    const own = ownOf(slice);
    expect(own.registration.length).toBe(0);
    expect(registrationRequest(own, { nonce, keys }, env)).toBeUndefined();
  });
});
