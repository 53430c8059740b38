/** What an application sees of identity keys: who is known, who is asked about, and what waits. */

import { describe, expect, it } from 'vitest';
import type { Trust, TrustQuestion } from '@simsim/device';
import { houseForEach, next } from './house.ts';

const house = houseForEach();
const { device, linked } = house;

/** A policy that holds everything, and a way to wait for its next question. */
function holding(): { trust: Trust; asked: Promise<TrustQuestion> } {
  let tell: (question: TrustQuestion) => void = () => undefined;
  const asked = new Promise<TrustQuestion>((resolve) => (tell = resolve));
  const trust: Trust = (question) => {
    tell(question);
    return 'hold';
  };
  return { trust, asked };
}

describe('the identity key of a user', () => {
  it('is told with what stands behind it, and of a stranger nothing is (SES-88)', async () => {
    const alice = await device('alice');
    const bob = await device('bob');
    expect(alice.identityOf('bob')).toBeUndefined();
    await alice.send('bob', 'hello');
    const key = bob.identityOf('bob')?.key ?? new Uint8Array(0);
    expect(alice.identityOf('bob')).toEqual({ key, trust: 'seen' });
    await alice.trustIdentity('bob', key, { verified: true });
    expect(alice.identityOf('bob')).toEqual({ key, trust: 'verified' });
  });
});

describe('the identity keys of devices', () => {
  it('of each device is shown where each has its own (SES-88)', async () => {
    const alice = await device('alice');
    const bob = await device('bob', { identityModel: 'per-device' });
    await alice.send('bob', 'one');
    expect(alice.identityOf('bob')).toBeUndefined();
    const tablet = await linked(bob, 'tablet');
    const added = new Promise((resolve) => {
      alice.health$.subscribe((event) => {
        if (event.type === 'identityAdded') resolve(event.deviceId);
      });
    });
    await alice.send('bob', 'two');
    expect((await next(tablet)).text).toBe('two');
    expect(await added).toBe(tablet.deviceId);
    const known = alice.identitiesOf('bob');
    expect(new Map(known.map(({ deviceId, trust }) => [deviceId, trust]))).toEqual(
      new Map([bob, tablet].map(({ deviceId }) => [deviceId, 'seen'])),
    );
    const first = known.find(({ deviceId }) => deviceId === bob.deviceId);
    // What bob reads out to be compared, on either of his devices.
    for (const own of [bob, tablet]) {
      const shown = own.identitiesOf('bob').map(({ key }) => key);
      expect(shown).toContainEqual(first?.key);
    }
    await alice.trustIdentity('bob', first?.key ?? new Uint8Array(0), { verified: true });
    const { identityModel, devices } = alice.inspect('bob');
    expect(identityModel).toBe('per-device');
    expect(new Map(devices.map(({ deviceId, identity }) => [deviceId, identity?.trust]))).toEqual(
      new Map([
        [bob.deviceId, 'verified'],
        [tablet.deviceId, 'seen'],
      ]),
    );
    await expect(alice.trustIdentity('bob', new Uint8Array(32))).rejects.toThrow('UNKNOWN_KEY');
    await tablet.send('alice', 'three');
    expect((await next(alice)).text).toBe('three');
  });
});

describe('a function that is asked', () => {
  it('lets mail out by its answer, and is told which key it is about', async () => {
    const questions: TrustQuestion[] = [];
    const trust: Trust = (question) => {
      questions.push(question);
      return 'accepted';
    };
    const alice = await device('alice', { trust });
    const bob = await device('bob');
    const report = await alice.send('bob', 'hello');
    expect(report.recipients.find(({ user }) => user === 'bob')?.held).toBe('UNVERIFIED');
    expect((await next(bob)).text).toBe('hello');
    expect(questions).toEqual([{ user: 'bob', key: bob.identityOf('bob')?.key }]);
    expect(alice.identityOf('bob')?.trust).toBe('accepted');
  });

  it('is asked again about what waits when the device is opened again', async () => {
    const before = holding();
    const alice = await device('alice', { trust: before.trust });
    const bob = await device('bob');
    await alice.send('bob', 'hello');
    const { key } = await before.asked;
    await alice.close();
    const after = holding();
    const again = await device('alice', { trust: after.trust });
    expect(await after.asked).toEqual({ user: 'bob', key });
    await again.trustIdentity('bob', key);
    expect((await next(bob)).text).toBe('hello');
  });

  it('is asked again about a key that nothing was sent under when the device is opened again', async () => {
    const before = holding();
    const alice = await device('alice', { trust: before.trust });
    const bob = await device('bob');
    const lost = await linked(bob, 'tablet');
    await bob.send('alice', 'hello');
    await next(alice);
    await bob.remove(lost.deviceId, { compromised: true });
    const { key } = await before.asked;
    await alice.close();
    const after = holding();
    const again = await device('alice', { trust: after.trust });
    expect((await after.asked).key).toEqual(key);
    await bob.send('alice', 'under the other key');
    await again.trustIdentity('bob', key);
    expect((await next(again)).text).toBe('under the other key');
  });

  it('waits for nothing more where the device is opened without it', async () => {
    const { trust, asked } = holding();
    const alice = await device('alice', { trust });
    const bob = await device('bob');
    await alice.send('bob', 'hello');
    await asked;
    await alice.close();
    await device('alice');
    expect((await next(bob)).text).toBe('hello');
  });

  it('undoes by a late answer nothing that was said of the key meanwhile', async () => {
    for (const late of ['accepted', 'refuse'] as const) {
      let answer: (word: typeof late) => void = () => undefined;
      const answered = new Promise<typeof late>((resolve) => (answer = resolve));
      const [alice, bob] = [
        await device(`alice-${late}`, { trust: () => answered }),
        await device(`bob-${late}`),
      ];
      const user = `bob-${late}`;
      await alice.send(user, 'hello');
      const key = bob.identityOf(user)?.key ?? new Uint8Array(0);
      await alice.trustIdentity(user, key, { verified: true });
      expect((await next(bob)).text).toBe('hello');
      answer(late);
      await answered;
      const { recipients } = await alice.send(user, 'again');
      expect(recipients.find((each) => each.user === user)?.failure).toBeUndefined();
      expect((await next(bob)).text).toBe('again');
      expect(alice.identityOf(user)?.trust).toBe('verified');
    }
  });
});
