/** A device that two relays know, so that one of them can show it another world. */

import { createMemoryStore } from '@simsim/relay/memory';
import { TestDevice } from './test-device.ts';
import { user } from './world.ts';
import type { World } from './world.ts';

/** Makes Ada known to two relays that know nothing of each other. */
export function createAtTwoRelays(world: World): { ada: TestDevice; other: World['relay'] } {
  const first = world.relay;
  const other = createMemoryStore();
  const ada = new TestDevice(world);
  ada.run({ type: 'create', userId: user('ada'), oneTimeKeys: world.options.oneTimeKeys ?? 0 });
  world.relay = other;
  ada.enrol();
  world.relay = first;
  ada.register();
  world.devices.push(ada);
  return { ada, other };
}
