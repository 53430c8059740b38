/**
 * Mail that waits for a key leaves as soon as nothing stands in its way any more, whichever news says so
 * first (SES-89, SES-90).
 */

import { describe, expect, it } from 'vitest';
import { foreignList, listOf, only, takePost, twoUsers } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

const bo = user('bo');
const keyOf = (device: TestDevice): Uint8Array => device.own().identity.publicKey.bytes;

describe('mail that waits for another key', () => {
  it('leaves where the answer to an earlier post takes that key back', () => {
    const { world, a, b } = twoUsers();
    a.send([bo], 'before');
    world.settle();
    const tablet = world.link(b);
    a.send([bo], 'one');
    const earlier = takePost(a, b);
    a.run({ type: 'listLearned', list: foreignList(b) });
    a.send([bo], 'two');
    expect(a.record(bo).offered).toBeDefined();
    // The tablet is missing: the refusal brings the honest list, before the one that was asked for.
    a.post(earlier);
    expect(a.record(bo).offered).toBeUndefined();
    world.settle();
    expect(b.texts()).toEqual(['before', 'one', 'two']);
    expect(tablet.texts()).toEqual(['one', 'two']);
  });
});

describe('mail that waits for the key of one device', () => {
  /** Ada writes to verified keys only, and Bo has a tablet that she has not compared. */
  function waiting(): { world: World; a: TestDevice; phone: TestDevice; tablet: TestDevice } {
    const world = new World({ seed: 6, identityModel: 'per-device', trust: 'verified-only' });
    const [a, phone] = [world.create('ada'), world.create('bo')];
    const tablet = world.link(phone);
    a.send([bo], 'secret');
    world.settle();
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(phone), level: 'verified' });
    world.settle();
    expect([phone.texts(), tablet.texts()]).toEqual([[], []]);
    return { world, a, phone, tablet };
  }

  it('leaves where a list says that there is no such device any more', () => {
    const { world, a, phone, tablet } = waiting();
    world.remove(phone, tablet);
    a.run({ type: 'listLearned', list: listOf(phone) });
    world.settle();
    expect(phone.texts()).toEqual(['secret']);
  });

  it('hears of that by itself: while it waits, nothing else is posted that would tell', () => {
    const { world, a, phone, tablet } = waiting();
    world.remove(phone, tablet);
    a.sweep();
    world.settle();
    expect(phone.texts()).toEqual(['secret']);
    expect(only(a.effects.filter(({ type }) => type === 'recipientReleased'))).toBeDefined();
  });
});
