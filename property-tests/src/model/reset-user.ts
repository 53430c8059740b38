/** A user who lost every device, and whom the relay's owner lets begin anew under the same name. */

import { invariant } from '@simsim/bytes';
import { parseDeviceId } from '@simsim/relay-protocol';
import type { DeviceId, UserId } from '@simsim/relay-protocol';
import type { Change } from '@simsim/relay/core';
import { createMemoryStore } from '@simsim/relay/memory';
import { TestDevice } from '../test-device.ts';
import { addressOf } from './model-state.ts';
import type { Model } from './model-state.ts';
import type { Town } from './town.ts';

/** The old devices are gone, their mail too; the new one has another identity key. */
export function resetUser(town: Town, userId: UserId): TestDevice {
  const { world, model } = town;
  for (const device of world.devicesOf(userId)) {
    const { deviceId } = device.own();
    world.relay.transact((relay) =>
      relay.apply([{ kind: 'deviceRemoved', device: { userId, deviceId } }]),
    );
    world.devices.splice(world.devices.indexOf(device), 1);
    world.journal.removed(device);
    town.lost(device.address);
  }
  const device = new TestDevice(world);
  const deviceId = freeId(model, userId);
  const oneTimeKeys = world.options.oneTimeKeys ?? 0;
  const { identityModel } = town;
  device.run({ type: 'create', userId, deviceId, oneTimeKeys, identityModel });
  enrolAnew(town, device);
  device.run({ type: 'registered' });
  device.freshOwn();
  world.devices.push(device);
  town.moveIn(device);
  return device;
}

/** Registers as a user whom the relay does not know, and has the relay believe it. */
function enrolAnew({ world }: Town, device: TestDevice): void {
  const { relay } = world;
  const blank = createMemoryStore();
  const changes: Change[] = [];
  world.relay = {
    ...blank,
    transact: (work) =>
      blank.transact((transaction) =>
        work({
          read: (query) => transaction.read(query),
          apply(more) {
            changes.push(...more);
            transaction.apply(more);
          },
        }),
      ),
  };
  device.enrol();
  world.relay = relay;
  const isOfDevice = ({ kind }: Change): boolean => kind !== 'nonceIssued' && kind !== 'nonceSpent';
  relay.transact((transaction) => transaction.apply(changes.filter(isOfDevice)));
}

/** One that no device of the user ever had, so that nobody takes one for another. */
function freeId({ devices }: Model, userId: UserId): DeviceId {
  for (let id = 1; ; id++) {
    const deviceId = parseDeviceId(id);
    invariant(deviceId.ok, 'some id is free');
    if (!devices.has(addressOf({ userId, deviceId: deviceId.value }))) return deviceId.value;
  }
}
