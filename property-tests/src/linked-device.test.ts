/** What a new device is told of contacts by the one that approved it (decision 042). */

import { describe, expect, it } from 'vitest';
import { listOf } from './scene.ts';
import { user, World } from './world.ts';

const bo = user('bo');

describe.each(['per-user', 'per-device'] as const)('a new device, %s', (identityModel) => {
  it('believes no older list of a contact than its approver does', () => {
    const world = new World({ seed: 3, identityModel });
    const [a, b] = [world.create('ada'), world.create('bo')];
    const stolen = world.link(b);
    const before = listOf(b);
    a.send([bo], 'hello');
    world.settle();
    world.remove(b, stolen);
    a.run({ type: 'listLearned', list: listOf(b) });
    const tablet = world.link(a);
    const { listVersion, listHash } = a.record(bo);
    expect(tablet.record(bo)).toMatchObject({ listVersion, listHash });
    // A relay that wishes the removed device back.
    tablet.run({ type: 'listLearned', list: before });
    expect(tablet.record(bo).devices.size).toBe(0);
    tablet.send([bo], 'not for the thief');
    world.settle();
    expect([b.texts(), stolen.texts()]).toEqual([['hello', 'not for the thief'], ['hello']]);
  });
});
