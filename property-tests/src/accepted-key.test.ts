/**
 * A key that the application has accepted, before any list was seen under it: a list that names it beside
 * others is the relay's word for those, unless the key itself stands for them (SES-31, SES-88).
 */

import { invariant } from '@simsim/bytes';
import { parseDeviceId, signDeviceList } from '@simsim/relay-protocol';
import type { DeviceId, SignedDeviceList } from '@simsim/relay-protocol';
import type { Effect } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { deliver, listOf, twoUsers } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

const [ada, bo] = [user('ada'), user('bo')];
const keyOf = (device: TestDevice): Uint8Array => device.own().identity.publicKey.bytes;

/** A list of a device's user by somebody else, in the per-device model: it has that device, and a stranger. */
function joinedList(device: TestDevice): { list: SignedDeviceList; stranger: DeviceId } {
  const { userId, deviceId, registrationId, deviceKey } = device.own();
  const { crypto, entropy } = device.world;
  const identity = crypto.keyPair(entropy(32));
  const signer = crypto.signingKeyPair(entropy(32));
  const other = parseDeviceId((deviceId % 127) + 1);
  invariant(other.ok, 'an id is free');
  const list = signDeviceList(
    {
      userId,
      version: 1,
      previous: new Uint8Array(32),
      devices: [
        { deviceId, registrationId, deviceKey: deviceKey.publicKey, identityKey: keyOf(device) },
        {
          deviceId: other.value,
          registrationId: 7,
          deviceKey: signer.publicKey,
          identityKey: identity.publicKey.bytes,
        },
      ],
      signer: other.value,
    },
    { deviceKey: signer, identity, entropy64: entropy(64) },
    crypto,
  );
  return { list, stranger: other.value };
}

const heldFor = (device: TestDevice): string[] =>
  device.effects.flatMap((effect: Effect) =>
    effect.type === 'recipientHeld' ? [effect.reason] : [],
  );

/** Ada has mail of Bo, has seen no list of his, and has compared his key. */
function compared(): { world: World; a: TestDevice; b: TestDevice } {
  const { world, a, b } = twoUsers();
  b.send([ada], 'hello');
  deliver(b);
  a.receive(a.fetch());
  a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(b), level: 'verified' });
  return { world, a, b };
}

describe('a key that was compared', () => {
  it('is joined by no other in a list that a stranger signed', () => {
    const { world, a, b } = compared();
    const { list, stranger } = joinedList(b);
    a.run({ type: 'listLearned', list });
    expect(a.record(bo)).toMatchObject({ identityKey: keyOf(b), trust: 'verified' });
    expect(a.record(bo).devices.has(stranger)).toBe(false);
    a.send([bo], 'for bo alone');
    expect(heldFor(a)).toEqual(['IDENTITY_CHANGED']);
    // The honest list is under the very key: what was shown beside it was nothing.
    a.run({ type: 'listLearned', list: listOf(b) });
    world.settle();
    expect(b.texts()).toEqual(['for bo alone']);
  });
});

describe('a key of one device that was compared', () => {
  it('is joined by those that it stands for, and by another once that is accepted', () => {
    for (const first of ['phone', 'tablet'] as const) {
      const world = new World({ seed: 4, identityModel: 'per-device' });
      const [a, phone] = [world.create('ada'), world.create('bo')];
      const tablet = world.link(phone);
      const [by, other] = first === 'phone' ? [phone, tablet] : [tablet, phone];
      by.send([ada], 'hello');
      deliver(by);
      a.receive(a.fetch());
      a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(by), level: 'verified' });
      a.send([bo], 'to both');
      world.settle();
      // The phone approved the tablet and signed the list; the tablet has signed nothing.
      expect(heldFor(a)).toEqual(first === 'phone' ? [] : ['IDENTITY_CHANGED']);
      if (first === 'tablet') {
        a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(other) });
        world.settle();
      }
      expect([by.texts(), other.texts()]).toEqual([['to both'], ['hello', 'to both']]);
      expect(a.record(bo).devicePins?.size).toBe(2);
    }
  });
});
