/** What a decision reads of a log that holds much: what it is about, and nothing else. */

import { signDeviceList } from '@simsim/relay-protocol';
import { USER_PREFIX } from '@simsim/sesame';
import { expect, it } from 'vitest';
import { listOfOne, twoUsers } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user } from './world.ts';

/** Makes a device know some contacts more. */
function meet(device: TestDevice, by: TestDevice, count: number): void {
  const { deviceKey, identity } = by.own();
  const { crypto, entropy } = device.world;
  const { list } = listOfOne(by);
  for (let i = 0; i < count; i++) {
    const signers = { deviceKey, identity, entropy64: entropy(64) };
    const theirs = { ...list, userId: user(`contact ${i}`) };
    device.run({ type: 'listLearned', list: signDeviceList(theirs, signers, crypto) });
  }
}

it('a sweep reads the users that it looks at, however many more there are', () => {
  const { a, b } = twoUsers();
  meet(a, b, 300);
  a.restart();
  a.core.run([{ type: 'swept' }]);
  const read = a.log
    .streamsWithPrefix(USER_PREFIX)
    .filter((stream) => a.core.reader().get(stream) !== undefined);
  expect(read.length).toBe(200);
});

it('a first contact needs nothing that waits for others to be read', () => {
  const { world, a, b } = twoUsers();
  const c = world.create('cy');
  a.send([b.userId], 'for later');
  world.settle({ without: b });
  a.core.reader().clear();
  a.send([c.userId], 'the first line');
  world.settle({ without: b });
  expect(c.texts()).toEqual(['the first line']);
});
