/** UserRecords and DeviceRecords of real devices (Sesame §3.1, §3.2): who has one, and whose it is. */

import { sessionsOf } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { checkWorld } from './checks.ts';
import { createAs, entryOf, listOf, listOfOne, twoUsers, write } from './scene.ts';
import { World } from './world.ts';

describe('a device', () => {
  it('has a record of its own user, and none of itself, whatever lists and mail say', () => {
    const { world, a, b } = twoUsers();
    const { deviceId } = a.own();
    const others = (): number[] => [...a.record(a.userId).devices.keys()];
    expect(others()).toEqual([]);
    const a2 = world.link(a);
    write(b, a, 'to both');
    a.learnOwnList();
    world.settle();
    expect(others()).toEqual([a2.own().deviceId]);
    world.remove(a, a2);
    const a3 = world.link(a);
    a3.send([b.userId], 'hello');
    world.settle();
    expect(new Set(others())).toEqual(new Set([a2.own().deviceId, a3.own().deviceId]));
    expect([...a.record(a.userId).devices.keys()]).not.toContain(deviceId);
    const own = `session/${a.userId}.${deviceId}/`;
    expect(a.log.streamsWithPrefix(own)).toEqual([]);
    checkWorld(world);
  });

  it('keeps its identity over a restart', () => {
    const { world, a, b } = twoUsers();
    const before = a.own();
    a.restart();
    expect(a.own().identity.publicKey.bytes).toEqual(before.identity.publicKey.bytes);
    write(b, a, 'to whom I knew');
    a.send([b.userId], 'from whom you knew');
    world.settle();
    expect([a.texts(), b.texts()]).toEqual([['to whom I knew'], ['from whom you knew']]);
    expect(b.effects.some(({ type }) => type === 'identityChanged')).toBe(false);
  });
});

describe('two devices of the same id', () => {
  it('of different users share neither record, session nor mailbox', () => {
    const world = new World({ seed: 1 });
    const a = world.create('ada');
    const { deviceId } = a.own();
    const b = createAs(world, 'bo', deviceId);
    const c = createAs(world, 'cy', deviceId);
    a.send([b.userId, c.userId], 'to both');
    world.settle();
    expect(entryOf(a, b).active).not.toBe(entryOf(a, c).active);
    expect(a.log.streamsWithPrefix('session/')).toHaveLength(2);
    write(b, a, 'from bo');
    write(c, a, 'from cy');
    world.settle();
    const from = a.delivered.map(({ sender, body }) => [sender, new TextDecoder().decode(body)]);
    expect(from).toEqual([
      ['bo', 'from bo'],
      ['cy', 'from cy'],
    ]);
    checkWorld(world);
  });
});

describe('a device under the id and the registration id of another one', () => {
  it('begins anew: its key tells that it is somebody else (T-23)', () => {
    const { world, a, b } = twoUsers();
    write(a, b, 'one');
    world.settle();
    expect(sessionsOf(entryOf(a, b))).toHaveLength(1);
    const deviceKey = world.crypto.signingKeyPair(world.entropy(32));
    const list = listOfOne(b, { deviceKey, after: listOf(b).list });
    a.run({ type: 'listLearned', list });
    const { deviceKey: listed, registrationId, staleAt } = entryOf(a, b);
    expect([listed, registrationId]).toEqual([deviceKey.publicKey, b.own().registrationId]);
    expect(staleAt).toBeUndefined();
    expect(sessionsOf(entryOf(a, b))).toEqual([]);
    expect(a.log.streamsWithPrefix(`session/${b.userId}.`)).toEqual([]);
  });
});

describe('a record', () => {
  it('is after a restart what it was, in the order it had', () => {
    const { world, a, b } = twoUsers();
    for (let i = 0; i < 3; i++) {
      const key = a.own().identity.publicKey.bytes;
      for (const identityKey of [new Uint8Array(32).fill(1), key]) {
        b.run({ type: 'trustIdentity', userId: a.userId, identityKey });
      }
      write(b, a, `session ${i}`);
      a.takeIn(a.fetch());
    }
    const before = a.record(b.userId);
    const sessions = sessionsOf(entryOf(a, b));
    expect(sessions).toHaveLength(3);
    a.restart();
    expect(a.record(b.userId)).toEqual(before);
    expect(sessionsOf(entryOf(a, b))).toEqual(sessions);
    world.settle();
  });
});
