import { describe, expect, it } from 'vitest';
import { user, World } from './world.ts';

describe('a message to a user', () => {
  it('reaches every device of the user and the other devices of the sender, once', () => {
    const world = new World({ seed: 1 });
    const alice = world.create('alice');
    const bob = world.create('bob');
    const alice2 = world.link(alice);
    const bob2 = world.link(bob);
    alice.send([user('bob')], 'open sesame');
    world.settle();
    expect(bob.texts()).toEqual(['open sesame']);
    expect(bob2.texts()).toEqual(['open sesame']);
    expect(alice2.texts()).toEqual(['open sesame']);
    expect(alice.texts()).toEqual([]);
    bob2.send([user('alice')], 'hello');
    world.settle();
    expect(alice.texts()).toEqual(['hello']);
    expect(alice2.texts()).toEqual(['open sesame', 'hello']);
    expect(bob.texts()).toEqual(['open sesame', 'hello']);
  });
});
