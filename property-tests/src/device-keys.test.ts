/**
 * The per-device identity model (SES-22, SES-31, SES-32): whoever knows one device of a user knows those
 * that it stands for, also where lists were missed; a list that a stranger signs, or a device that was
 * removed, brings nobody in, and nothing goes to its keys.
 */

import { invariant } from '@simsim/bytes';
import type { SignedDeviceList } from '@simsim/relay-protocol';
import { currentDevices, listWithout, offersOf, registrationRequest } from '@simsim/sesame';
import type { Sabotage } from '@simsim/sesame';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkWorld } from './checks.ts';
import { testLaw } from './law.ts';
import { deliver, write } from './scene.ts';
import { listAtRelay, listBy, signerOf, stranger, vouchedFor, withVoucher } from './signers.ts';
import type { Signer } from './signers.ts';
import type { TestDevice } from './test-device.ts';
import { uploadFor } from './shell.ts';
import { createAtTwoRelays } from './two-relays.ts';
import { user, World } from './world.ts';

const [ada, bo] = [user('ada'), user('bo')];

const pinned = (device: TestDevice, of: Signer): boolean =>
  [...(device.record(bo).devicePins?.values() ?? [])].some(
    ({ identityKey }) => identityKey !== undefined && sameKey(identityKey, of),
  );
const sameKey = (key: Uint8Array, { identity }: Signer): boolean =>
  Buffer.compare(key, identity.publicKey.bytes) === 0;

interface Case {
  readonly seed: number;
  readonly steps: readonly { readonly deed: keyof typeof WEIGHTS; readonly n: number }[];
}

const WEIGHTS = { link: 3, remove: 2, send: 3, meet: 1, ghost: 2, thief: 2 } as const;
const deeds = fc.oneof(
  ...Object.entries(WEIGHTS).map(([name, weight]) => ({
    arbitrary: fc.constant(name as keyof typeof WEIGHTS),
    weight,
  })),
);

testLaw<Case>({
  name: 'device-keys',
  cases: fc.record({
    seed: fc.nat(1 << 20),
    steps: fc.array(fc.record({ deed: deeds, n: fc.nat(23) }), { minLength: 4, maxLength: 12 }),
  }),
  check: (story, sabotage) => play(story, sabotage),
  saboteurs: ['trust-any-signer', 'vouch-for-ever', 'keep-removed-keys', 'take-offered-key'],
});

/** Bo's devices come and go; Ada and those that are left see honest lists late, and false ones. */
function play({ seed, steps }: Case, sabotage: readonly Sabotage[]): void {
  const world = new World({ seed, identityModel: 'per-device', sabotage });
  const a = world.create('ada');
  world.create('bo');
  a.send([bo], 'hello');
  world.settle();
  const thieves: Signer[] = [];
  const own = (n: number): TestDevice => {
    const devices = world.devicesOf(bo);
    const device = devices[n % devices.length];
    invariant(device !== undefined, 'Bo keeps a device');
    return device;
  };
  const show = (device: TestDevice, by: Signer): void => {
    const before = device.record(bo);
    const previous = before.listHash;
    device.run({ type: 'listLearned', list: listBy(world, by, () => ({ previous })) });
    expect(device.record(bo).devices, 'sessions and devices').toEqual(before.devices);
    expect(pinned(device, by) && !thieves.includes(by), 'a stranger is known').toBe(false);
    // The honest list comes after it.
    device.run({ type: 'listLearned', list: listAtRelay(world) });
  };
  for (const { deed, n } of steps) {
    const victim = n % 2 === 0 ? a : own(n >> 1);
    if (deed === 'link' && world.devicesOf(bo).length < 4) world.link(own(n));
    if (deed === 'remove') {
      const [removed] = world.devicesOf(bo).filter((device) => device !== own(n));
      if (removed === undefined) continue;
      thieves.push(withVoucher(world, removed));
      world.remove(own(n), removed, n % 3 === 0 ? { compromised: true } : {});
    }
    if (deed === 'send') (n % 3 === 0 ? own(n) : a).send([n % 3 === 0 ? ada : bo], `line ${n}`);
    if (deed === 'meet') world.settle();
    if (deed === 'ghost') show(victim, stranger(world));
    const thief = thieves[n % Math.max(1, thieves.length)];
    // Whoever has not heard of the removal can know nothing of it.
    const hasHeard = victim.record(bo).listVersion === listAtRelay(world).list.version;
    if (deed !== 'thief' || thief === undefined || !hasHeard) continue;
    show(victim, thief);
    // It vouches for a stranger, and keeps out of sight itself.
    show(victim, vouchedFor(world, stranger(world, thief), thief));
  }
  world.settle();
  checkWorld(world);
}

/** Ada knows Bo, who has one device. */
function met(options: { trust?: 'verified-only' } = {}): {
  world: World;
  a: TestDevice;
  b: TestDevice;
} {
  const world = new World({ seed: 5, identityModel: 'per-device', ...options });
  return { world, a: world.create('ada'), b: world.create('bo') };
}

const told = (device: TestDevice, type: 'identityAdded' | 'identityChanged'): number[] =>
  device.effects.flatMap((effect) => (effect.type === type ? [effect.deviceId ?? 0] : []));

describe('a further device', () => {
  it('has a key of its own, which contacts are told of when the list first names it', () => {
    const { world, a, b } = met();
    write(a, b, 'one');
    world.settle();
    const b2 = world.link(b);
    const keys = [b, b2].map((device) => device.own().identity.publicKey.bytes);
    expect(keys[0]).not.toEqual(keys[1]);
    a.send([bo], 'two');
    world.settle();
    expect(told(a, 'identityAdded')).toEqual([b2.own().deviceId]);
    expect(told(a, 'identityChanged')).toEqual([]);
    checkWorld(world);
  });

  it('is known by those that stand for it, also to whoever missed the lists between', () => {
    const { world, a, b } = met();
    write(a, b, 'one');
    world.settle();
    const b2 = world.link(b);
    const b3 = world.link(b2);
    world.remove(b2, b);
    a.send([bo], 'two');
    world.settle();
    const added = [b2, b3].map((each) => each.own().deviceId);
    expect(new Set(told(a, 'identityAdded'))).toEqual(new Set(added));
    expect(told(a, 'identityChanged')).toEqual([]);
    checkWorld(world);
  });

  it('holds mail again where only what was verified is written to (SES-90)', () => {
    const { world, a, b } = met({ trust: 'verified-only' });
    const verify = (device: TestDevice): void => {
      const identityKey = device.own().identity.publicKey.bytes;
      a.run({ type: 'trustIdentity', userId: bo, identityKey, level: 'verified' });
      world.settle();
    };
    a.send([bo], 'one');
    world.settle();
    verify(b);
    expect(b.texts()).toEqual(['one']);
    const b2 = world.link(b);
    a.send([bo], 'two');
    world.settle();
    expect([...b.texts(), ...b2.texts()]).toEqual(['one']);
    verify(b2);
    expect([b.texts(), b2.texts()]).toEqual([['one', 'two'], ['two']]);
  });
});

describe('a device that joins', () => {
  it('is nobody by the word of a stranger, nor are two by the word of each other (SES-36)', () => {
    const { world, a, b } = met();
    write(a, b, 'one');
    world.settle();
    const one = stranger(world);
    const two = stranger(world, one);
    for (const second of [two, vouchedFor(world, two, one)]) {
      for (const device of [a, b]) {
        const { devices, listHash: previous } = device.record(bo);
        const list = listBy(world, vouchedFor(world, one, two), (next) => ({
          previous,
          devices: [...next.devices, second.entry],
        }));
        device.run({ type: 'listLearned', list });
        expect(device.record(bo).devices).toEqual(devices);
        expect([one, two].some((each) => pinned(device, each))).toBe(false);
      }
    }
  });

  it('proves that the identity key is its own (SES-96)', () => {
    const { world, b } = met();
    const device = world.approve(b);
    const request = registrationRequest(device.own(), uploadFor(device), world);
    invariant(request?.kind === 'addDevice', 'it joins a user that is there');
    const { identityProof, ...unproven } = request;
    invariant(identityProof !== undefined, 'it has a key of its own');
    const foreign = world.crypto.sign(b.own().identity, [new Uint8Array(1)], world.entropy(64));
    for (const forged of [unproven, { ...request, identityProof: foreign }]) {
      const outcome = world.tryAsk(forged);
      expect(outcome).toEqual({ ok: false, error: { code: 'BAD_PROOF' } });
    }
    expect(world.tryAsk(request).ok).toBe(true);
  });
});

describe('a device that removes itself', () => {
  it('cannot: nobody could check a list whose signer it does not name', () => {
    const { world, b } = met();
    world.link(b);
    b.learnOwnList();
    const left = listWithout(b.ownListInput(), b.own(), world);
    expect(left).toEqual({ ok: false, error: { code: 'SIGNER_LEAVES' } });
  });
});

describe('a device that came and went', () => {
  it('is a former one also in the list of somebody who never saw it there', () => {
    const { world, b } = met();
    const b2 = world.link(b);
    const b3 = world.link(b2);
    b2.learnOwnList();
    b2.send([ada], 'late');
    deliver(b2);
    world.remove(b3, b2);
    // Bo's first device knows the list of the time when it was alone.
    expect(b.record(bo).listVersion).toBe(1);
    world.link(b);
    const former = listAtRelay(world).list.former?.map(({ deviceId }) => deviceId);
    expect(former).toEqual([b2.own().deviceId]);
    world.settle();
    checkWorld(world);
  });
});

describe('another key of a device', () => {
  /** Ada knows two devices of Bo, and the relay says that the second one has another key. */
  function changed() {
    const { world, a, b } = met();
    const b2 = world.link(b);
    write(a, b, 'one');
    world.settle();
    const other = world.crypto.keyPair(world.entropy(32)).publicKey.bytes;
    const list = listBy(world, signerOf(b), ({ devices }) => ({
      previous: a.record(bo).listHash,
      devices: devices.map((entry) =>
        entry.deviceId === b2.own().deviceId ? { ...entry, identityKey: other } : entry,
      ),
    }));
    return { world, a, b, b2, other, list };
  }

  it('is told and waits for an answer; then it takes that device alone (SES-32)', () => {
    const { a, b, b2, other, list } = changed();
    const before = a.record(bo).devices;
    a.run({ type: 'listLearned', list });
    expect(told(a, 'identityChanged')).toEqual([b2.own().deviceId]);
    expect(a.record(bo).devices).toEqual(before);
    a.run({ type: 'trustIdentity', userId: bo, identityKey: other });
    const { devices } = a.record(bo);
    expect(devices.get(b.own().deviceId)).toEqual(before.get(b.own().deviceId));
    expect(devices.get(b2.own().deviceId)).toMatchObject({ inactive: [], registrationId: 0 });
  });

  it('is off the table where the application refuses it, or the honest list comes', () => {
    for (const how of ['refuse', 'list'] as const) {
      const { world, a, b, b2, list } = changed();
      a.run({ type: 'listLearned', list });
      a.send([bo], 'two');
      if (how === 'refuse') a.run({ type: 'refuseIdentity', userId: bo });
      a.run({ type: 'listLearned', list: listAtRelay(world) });
      a.send([bo], 'three');
      world.settle();
      const heard = how === 'refuse' ? ['one', 'three'] : ['one', 'two', 'three'];
      expect([b.texts(), b2.texts()]).toEqual([heard, heard]);
    }
  });

  it('under the same id is believed by an own device that may have missed a removal between', () => {
    const { world, a, b, b2 } = changed();
    const b3 = world.link(b);
    world.settle();
    const id = b2.own().deviceId;
    const other = stranger(world);
    const listAfter = (lists: number): SignedDeviceList =>
      listBy(world, signerOf(b), ({ version, devices }) => ({
        version: version - 1 + lists,
        previous: lists === 1 ? b3.record(bo).listHash : new Uint8Array(32),
        devices: devices.map((each) =>
          each.deviceId === id ? { ...other.entry, deviceId: id } : each,
        ),
      }));
    b3.learnOwnList();
    const next = b3.run({ type: 'listLearned', list: listAfter(1) })?.outcomes;
    expect(next).toEqual([{ kind: 'refused', rejection: { code: 'BAD_LIST' } }]);
    // Its own id is nobody else's, however many lists it missed.
    b2.learnOwnList();
    const own = b2.run({ type: 'listLearned', list: listAfter(2) })?.outcomes;
    expect(own).toEqual([{ kind: 'refused', rejection: { code: 'BAD_LIST' } }]);
    b3.run({ type: 'listLearned', list: listAfter(2) });
    expect(b3.record(bo).devicePins?.get(id)?.identityKey).toEqual(other.entry.identityKey);
    expect(b3.record(bo).devices.get(id)).toMatchObject({ inactive: [], registrationId: 7 });
    // A contact is asked.
    a.run({ type: 'listLearned', list: listAfter(2) });
    expect(told(a, 'identityChanged')).toEqual([id]);
  });

  it('that no device has shown cannot be accepted: it has no place', () => {
    const { a } = changed();
    const before = a.record(bo);
    const identityKey = new Uint8Array(32).fill(9);
    const outcomes = a.run({ type: 'trustIdentity', userId: bo, identityKey })?.outcomes;
    expect(outcomes).toEqual([{ kind: 'refused', rejection: { code: 'UNKNOWN_KEY' } }]);
    expect(a.record(bo)).toEqual(before);
  });
});

describe('an accepted key', () => {
  it('that a list of before left out again is accepted again where it is shown again', () => {
    const { world, a, b } = met();
    write(a, b, 'one');
    world.settle();
    const other = stranger(world);
    const { deviceId, identityKey = new Uint8Array(32) } = other.entry;
    const previous = a.record(bo).listHash;
    const list = listBy(world, other, () => ({ previous }));
    for (let i = 0; i < 2; i++) {
      a.run({ type: 'listLearned', list });
      a.run({ type: 'trustIdentity', userId: bo, identityKey });
      if (i === 0) a.run({ type: 'listLearned', list: listAtRelay(world) });
    }
    a.run({ type: 'listLearned', list });
    expect(currentDevices(a.record(bo)).map((each) => each.deviceId)).toContain(deviceId);
    expect(a.record(bo).devicePins?.get(deviceId)).toMatchObject({ identityKey });
    expect(offersOf(a.record(bo))).toEqual([]);
  });
});

describe('a stolen device', () => {
  it('is worth nothing once it is removed as such: no list, no mail under its key (SES-92)', () => {
    const { world, a, b } = met();
    const stolen = world.link(b);
    write(a, b, 'one');
    stolen.send([ada], 'mine');
    world.settle();
    const thief = withVoucher(world, stolen);
    // Begun while it was Bo's, and withheld by the relay until now.
    stolen.send([ada], 'in his name');
    deliver(stolen);
    const mail = a.fetch();
    world.remove(b, stolen, { compromised: true });
    a.send([bo], 'two');
    deliver(a);
    expect(a.record(bo).devices.has(stolen.own().deviceId)).toBe(false);
    a.receive(mail);
    world.settle();
    expect(a.texts()).toEqual(['mine']);
    for (const device of [a, b]) {
      const before = device.record(bo).devices;
      const previous = device.record(bo).listHash;
      device.run({ type: 'listLearned', list: listBy(world, thief, () => ({ previous })) });
      expect(device.record(bo).devices).toEqual(before);
    }
  });

  it('does not come back with a list of before, where an accepted key began the lists anew', () => {
    for (const how of [{}, { compromised: true }] as const) {
      const { world, a, b } = met();
      const stolen = world.link(b);
      write(a, b, 'one');
      world.settle();
      const before = listAtRelay(world);
      world.remove(b, stolen, how);
      const after = listAtRelay(world);
      a.run({ type: 'listLearned', list: after });
      // The relay shows one more device, and the application takes its key.
      const other = stranger(world);
      const previous = a.record(bo).listHash;
      a.run({ type: 'listLearned', list: listBy(world, other, () => ({ previous })) });
      const { identityKey = new Uint8Array(32) } = other.entry;
      a.run({ type: 'trustIdentity', userId: bo, identityKey });
      a.run({ type: 'listLearned', list: before });
      const current = currentDevices(a.record(bo)).map(({ deviceId }) => deviceId);
      expect(current).toEqual([b.own().deviceId]);
      a.send([bo], 'two');
      a.run({ type: 'listLearned', list: after });
      world.settle();
      expect([b.texts(), stolen.texts()]).toEqual([['one', 'two'], ['one']]);
    }
  });

  it('vouches for nobody, and no list that it signs is an own one (SES-36)', () => {
    const { world, b } = met();
    const stolen = world.link(b);
    b.learnOwnList();
    world.remove(b, stolen, { compromised: true });
    const ghost = stranger(world);
    const { voucher } = vouchedFor(world, ghost, signerOf(stolen)).entry;
    invariant(voucher !== undefined, 'it vouches');
    const previous = b.record(bo).listHash;
    // Nor does it in the name of a device that is there.
    const forged = { ...voucher, approver: b.own().deviceId };
    for (const word of [voucher, forged]) {
      const vouched = { ...ghost, entry: { ...ghost.entry, voucher: word } };
      const list = listBy(world, vouched, () => ({ previous }));
      const outcomes = b.run({ type: 'listLearned', list })?.outcomes;
      expect(outcomes).toEqual([{ kind: 'refused', rejection: { code: 'BAD_LIST' } }]);
    }
  });
});

describe('mail that waits for a key', () => {
  it('is asked for again where a list vouches for the key that an older one could not', () => {
    const { world, a, b } = met();
    const old = listAtRelay(world);
    const b2 = world.link(b);
    b2.send([ada], 'from the second');
    deliver(b2);
    a.receive(a.fetch());
    // The relay has an old list for Ada: whoever wrote is not in it, and whoever is did not write.
    a.run({ type: 'listLearned', list: old });
    expect(told(a, 'identityChanged')).toEqual([b.own().deviceId]);
    const mail = write(b, a, 'from the first');
    a.run({ type: 'envelope', envelope: mail, isListFresh: true });
    a.ask({ kind: 'ack', seqs: [mail.seq] });
    expect(a.record(bo).held).toHaveLength(1);
    a.run({ type: 'listLearned', list: listAtRelay(world) });
    world.settle();
    expect(new Set(a.texts())).toEqual(new Set(['from the second', 'from the first']));
    expect(a.record(bo).held).toBeUndefined();
  });

  it('is asked for again once that is accepted, whatever was shown for other devices before', () => {
    const world = new World({ seed: 9, identityModel: 'per-device' });
    const { ada: a, other } = createAtTwoRelays(world);
    const b = world.create('bo');
    write(a, b, 'before');
    world.settle();
    const thief = stranger(world);
    const entry = { ...thief.entry, deviceId: b.own().deviceId };
    const previous = a.record(bo).listHash;
    const list = listBy(world, { ...thief, entry }, () => ({ previous, devices: [entry] }));
    a.run({ type: 'listLearned', list });
    expect(told(a, 'identityChanged')).toEqual([entry.deviceId]);
    // Bo has lost his devices and begins anew.
    world.relay = other;
    world.devices.splice(world.devices.indexOf(b), 1);
    const anew = world.create('bo');
    anew.send([ada], 'it is me');
    world.settle();
    expect(a.record(bo).held).toHaveLength(1);
    const identityKey = anew.own().identity.publicKey.bytes;
    a.run({ type: 'trustIdentity', userId: bo, identityKey });
    world.settle();
    expect(a.texts()).toEqual(['it is me']);
    expect(a.record(bo).held).toBeUndefined();
  });
});

describe('the first mail of a stranger', () => {
  it('comes before any list says whose key it is; sessions stay when one does', () => {
    const { world, a, b } = met();
    world.link(b);
    b.send([ada], 'hello');
    deliver(b);
    a.receive(a.fetch());
    expect(a.record(bo).identityKey).toEqual(b.own().identity.publicKey.bytes);
    const { active } = a.record(bo).devices.get(b.own().deviceId) ?? {};
    a.run({ type: 'listLearned', list: listAtRelay(world) });
    const record = a.record(bo);
    expect(record.identityKey).toBeUndefined();
    expect(record.devicePins?.size).toBe(2);
    expect(record.devices.get(b.own().deviceId)?.active).toBe(active);
    expect(active).toBeDefined();
    world.settle();
    checkWorld(world);
  });
});
