/** A stranger's first message to a device, made as the engine makes it. */

import { invariant } from '@simsim/bytes';
import type { IncomingEnvelope, SignedDeviceList } from '@simsim/relay-protocol';
import { envelopeIdFromBytes, messageIdFromBytes } from '@simsim/relay-protocol';
import { uploadOf } from '../src/pre-keys.ts';
import { decodeRegistration } from '../src/registration.ts';
import { valueOfKind } from '../src/stream-codec.ts';
import { DEVICE_STREAM, PRE_KEYS_STREAM } from '../src/streams.ts';
import { deviceNumbered, userNamed } from './arbitraries.ts';
import { MemorySlice } from './memory-slice.ts';

const [ada, bo] = [userNamed('ada'), userNamed('bo')];

/** A device without one-time prekeys: every stranger uses the last resort. */
export function newDevice(name: string, seed: number): MemorySlice {
  const slice = new MemorySlice(seed);
  const deviceId = deviceNumbered(seed);
  slice.take({ type: 'create', userId: userNamed(name), deviceId, oneTimeKeys: 0 });
  return slice;
}

/** Ada's first message to Bo, from a device of hers that is as new as the seed. */
export function firstMail(to: MemorySlice, seed: number): IncomingEnvelope {
  const from = newDevice('ada', seed);
  from.take({ type: 'registered' });
  const own = valueOfKind('device', to.value(DEVICE_STREAM));
  const preKeys = valueOfKind('prekeys', to.value(PRE_KEYS_STREAM));
  const registration = own && decodeRegistration(own.registration);
  invariant(own && preKeys && registration !== undefined, 'bo is made and not registered yet');
  const messageId = messageIdFromBytes(new Uint8Array(16).fill(seed));
  from.take({ type: 'listLearned', list: registration.list });
  from.take({ type: 'send', messageId, to: [bo], body: Uint8Array.of(1) });
  const keys = uploadOf(preKeys, { oneTime: [], kem: [] }, to.env.crypto);
  const { deviceId, registrationId, identity } = own;
  const identityKey = identity.publicKey.bytes;
  const { signedPreKey, lastResortKemPreKey: kemPreKey } = keys;
  const bundle = { deviceId, registrationId, identityKey, signedPreKey, kemPreKey };
  const { effects } = from.take({
    type: 'claimed',
    userId: bo,
    results: [{ deviceId, bundle }],
    sends: [messageId],
    resends: [],
  });
  const content = effects.flatMap((effect) =>
    effect.type === 'post' ? effect.post.envelopes.map((each) => each.content) : [],
  )[0];
  invariant(content !== undefined, 'a session was begun');
  return {
    seq: seed,
    sender: ada,
    senderDevice: deviceNumbered(seed),
    envelopeId: envelopeIdFromBytes(new Uint8Array(16).fill(seed)),
    kind: 'message',
    content,
    waitedMs: 0,
  };
}

/** Ada's list, as the device of this seed made it. */
export function listOfAda(seed: number): SignedDeviceList {
  const own = valueOfKind('device', newDevice('ada', seed).value(DEVICE_STREAM));
  const registration = own && decodeRegistration(own.registration);
  invariant(registration !== undefined, 'a new device has a registration');
  return registration.list;
}
