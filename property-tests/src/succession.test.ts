/**
 * The single steps by which another identity key is made, published and followed (SES-92): what each
 * crash, lie and absence leaves behind.
 */

import { equalBytes, invariant } from '@simsim/bytes';
import { claimIdFromBytes, findDevice } from '@simsim/relay-protocol';
import type { RelayAnswer } from '@simsim/relay-protocol';
import { PRE_KEYS_STREAM, successionAsk } from '@simsim/sesame';
import type { Effect } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { checkDevice } from './checks.ts';
import { endsOf, factNames, listOf, reportOf, spoilt, write } from './scene.ts';
import { publish, succeed } from './shell.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

const [ada, bo] = [user('ada'), user('bo')];
const keyOf = (device: TestDevice): Uint8Array => device.freshOwn().identity.publicKey.bytes;

interface Scene {
  readonly world: World;
  readonly phone: TestDevice;
  readonly tablet: TestDevice;
  readonly stolen: TestDevice;
  readonly peer: TestDevice;
}

function scene(seed = 92): Scene {
  const world = new World({ seed, oneTimeKeys: 3 });
  const phone = world.create('ada');
  const tablet = world.link(phone);
  const stolen = world.link(phone);
  const peer = world.create('bo');
  for (const device of [phone, tablet, peer]) device.send([bo, ada], `from ${device.label}`);
  world.settle();
  return { world, phone, tablet, stolen, peer };
}

function begin({ phone, stolen }: Scene, by = phone): void {
  by.learnOwnList();
  by.run({ type: 'removeCompromised', deviceId: stolen.own().deviceId });
  by.freshOwn();
}

function gone({ world, stolen }: Scene): void {
  world.devices.splice(world.devices.indexOf(stolen), 1);
  world.journal.removed(stolen);
}

function remove(of: Scene): void {
  begin(of);
  gone(of);
  of.phone.work();
}

/** How the relay says that the own list of a device went on, before somebody meddles with it. */
function wordFor(device: TestDevice): Extract<RelayAnswer, { kind: 'getSuccession' }> {
  const answer = device.ask(successionAsk(device.ownListInput(), device.world.crypto));
  invariant(answer.kind === 'getSuccession', 'the relay knows its users');
  return answer;
}

const doubts = (device: TestDevice): string[] =>
  device.effects.flatMap((effect: Effect) =>
    effect.type === 'identityUnproven' ? [effect.reason] : [],
  );

const statusOf = (device: TestDevice): unknown => {
  const { identityKey, listVersion, listHash } = device.record(ada);
  return { own: keyOf(device), identityKey, listVersion, listHash };
};

describe('a device that removes another one as compromised', () => {
  it('makes the next key durable before the relay hears of it, and goes on after a crash', () => {
    const all = scene();
    const { world, phone, tablet } = all;
    const before = keyOf(phone);
    begin(all);
    const made = phone.own().successor?.identity.publicKey.bytes;
    expect(listOf(phone).list.identityKey).toEqual(before);
    phone.restart();
    gone(all);
    phone.work();
    expect([keyOf(phone), listOf(phone).list.identityKey]).toEqual([made, made]);
    expect(phone.own().successor).toBeUndefined();
    tablet.replenish(1);
    expect(keyOf(tablet)).toEqual(made);
    world.settle();
    for (const device of [phone, tablet]) checkDevice(device);
  });

  it('finds that the relay took the key where the answer was lost', () => {
    const all = scene();
    const { phone } = all;
    begin(all);
    const made = phone.own().successor?.identity.publicKey.bytes;
    expect(publish(phone)).toBeUndefined();
    gone(all);
    phone.restart();
    phone.work();
    expect(keyOf(phone)).toEqual(made);
    expect(factNames(phone).filter((name) => name === 'IdentitySucceeded')).toHaveLength(1);
  });

  it('gets the key back where its state was put back to before', () => {
    const all = scene();
    const { world, phone, tablet } = all;
    phone.flush();
    const image = phone.image();
    remove(all);
    const next = keyOf(phone);
    phone.restore(image, 'both');
    expect(keyOf(phone)).not.toEqual(next);
    expect(phone.prove()).toBe(true);
    expect(keyOf(phone)).toEqual(next);
    tablet.replenish(1);
    phone.send([bo], 'after all');
    world.settle();
    expect(tablet.texts()).toContain('after all');
    checkDevice(phone);
  });

  it('signs the prekeys that are there: one that was replaced meanwhile is no obstacle', () => {
    const all = scene();
    const { world, phone, tablet } = all;
    begin(all);
    // The tablet replaces its prekeys after they were looked at.
    const keys = phone.ask({
      kind: 'getSignedKeys',
      devices: [phone.own().deviceId, tablet.own().deviceId],
    });
    invariant(keys.kind === 'getSignedKeys', 'own devices are shown');
    world.nowMs += 8 * 24 * 3600 * 1000;
    tablet.sweep();
    tablet.upload();
    gone(all);
    succeed(phone);
    expect(keyOf(phone)).toEqual(listOf(phone).list.identityKey);
    expect(phone.own().successor).toBeUndefined();
  });

  it('drops its key, and nothing else, where another own device was quicker', () => {
    const all = scene();
    const { phone, tablet, stolen } = all;
    begin(all, tablet);
    begin(all);
    const mine = phone.own().successor?.identity.publicKey.bytes;
    expect(publish(tablet)).toBeUndefined();
    gone(all);
    expect(publish(phone)).toBe('LIST_MOVED');
    phone.work();
    tablet.work();
    expect(keyOf(phone)).toEqual(keyOf(tablet));
    expect(keyOf(phone)).not.toEqual(mine);
    expect(phone.own().successor).toBeUndefined();
    expect(findDevice(listOf(phone).list, stolen.own().deviceId)).toBeUndefined();
  });

  it('drops it where the list moved on under the former key, or the relay will not have it', () => {
    const all = scene();
    const { world, phone, stolen } = all;
    const before = keyOf(phone);
    begin(all);
    const third = world.link(phone);
    phone.work();
    expect([keyOf(phone), phone.own().successor]).toEqual([before, undefined]);
    expect(factNames(phone)).toContain('SuccessionDropped');
    begin(all);
    phone.run({ type: 'successionRefused' });
    expect([keyOf(phone), phone.freshOwn().successor]).toEqual([before, undefined]);
    // And may do it again.
    remove(all);
    expect(keyOf(phone)).not.toEqual(before);
    third.replenish(1);
    expect(keyOf(third)).toEqual(keyOf(phone));
    expect(keyOf(stolen)).toEqual(before);
  });

  it('does not begin twice, nor remove itself or whoever is not there', () => {
    const all = scene();
    const { phone, stolen, peer } = all;
    const codeOf = (device: TestDevice, deviceId = stolen.own().deviceId): unknown => {
      const outcome = device.run({ type: 'removeCompromised', deviceId })?.outcomes[0];
      return outcome?.kind === 'refused' ? outcome.rejection.code : outcome?.kind;
    };
    expect(codeOf(phone, phone.own().deviceId)).toBe('SIGNER_LEAVES');
    expect(codeOf(peer)).toBe('UNKNOWN_DEVICE');
    phone.learnOwnList();
    expect(codeOf(phone)).toBe('done');
    expect(codeOf(phone)).toBe('REMOVAL_PENDING');
    stolen.run({ type: 'revoked' });
    expect(codeOf(stolen, phone.own().deviceId)).toBe('DEVICE_REVOKED');
  });

  it('makes anew all that the key signs; nobody is given what the former key signed', () => {
    const all = scene();
    const { world, phone, tablet, peer } = all;
    const before = phone.core.reader().value('prekeys', PRE_KEYS_STREAM);
    remove(all);
    const after = phone.core.reader().value('prekeys', PRE_KEYS_STREAM);
    invariant(before !== undefined && after !== undefined, 'a device has prekeys');
    expect(after.signed[0]?.id).toBeGreaterThan(before.nextId - 1);
    expect(Math.min(...after.batches, ...after.kemBatches)).toBeGreaterThan(before.nextId - 1);
    const { crypto } = world;
    for (const device of [phone, tablet]) {
      const { deviceId } = device.own();
      const claimId = claimIdFromBytes(world.entropy(16));
      const told = peer.ask({ kind: 'claimKeys', claimId, userId: ada, devices: [deviceId] });
      const [result] = told.kind === 'claimKeys' ? told.results : [];
      invariant(result !== undefined && 'bundle' in result, 'there are keys');
      const { identityKey, signedPreKey, kemPreKey } = result.bundle;
      expect(identityKey).toEqual(keyOf(phone));
      const by = crypto.publicKey(identityKey);
      invariant(by !== undefined && kemPreKey !== undefined, 'the keys are whole');
      const isSigned = (type: number, key: Uint8Array, signature: Uint8Array): boolean =>
        crypto.verify(by, [Uint8Array.of(type), key], signature);
      expect(isSigned(5, signedPreKey.publicKey, signedPreKey.signature)).toBe(true);
      expect(isSigned(8, kemPreKey.publicKey, kemPreKey.signature)).toBe(true);
    }
  });
});

describe('a device that stays', () => {
  it('follows also where it was away while the list changed several times, under keys of several', () => {
    const all = scene();
    const { world, phone, tablet, stolen } = all;
    // A new phone removes the old one, which was stolen too: the tablet knows neither list.
    const newPhone = world.link(phone);
    remove(all);
    newPhone.replenish(1);
    expect(keyOf(newPhone)).toEqual(keyOf(phone));
    begin({ ...all, stolen: phone }, newPhone);
    gone({ ...all, stolen: phone });
    newPhone.work();
    const next = keyOf(newPhone);
    expect(wordFor(tablet).lists.length).toBe(4);
    tablet.replenish(1);
    expect(keyOf(tablet)).toEqual(next);
    newPhone.send([bo], 'to the tablet too');
    world.settle();
    expect(tablet.texts()).toContain('to the tablet too');
    expect(doubts(tablet)).toEqual([]);
    expect([phone, stolen].some((device) => equalBytes(keyOf(device), next))).toBe(false);
  });

  it('takes nothing of it where the key was not sealed for it, and says so; later it may', () => {
    const all = scene();
    const { phone, tablet } = all;
    remove(all);
    const before = statusOf(tablet);
    const { lists, sealed } = wordFor(tablet);
    invariant(sealed !== undefined, 'it was sealed');
    tablet.run({ type: 'succession', lists });
    expect([doubts(tablet), statusOf(tablet)]).toEqual([['NOT_SEALED'], before]);
    tablet.run({ type: 'succession', lists, sealed: sealed.map((byte, i) => byte ^ +(i === 50)) });
    const { sealed: phones } = wordFor(phone);
    invariant(phones !== undefined, 'the phone has its own');
    tablet.run({ type: 'succession', lists, sealed: phones });
    expect([doubts(tablet).length, statusOf(tablet)]).toEqual([3, before]);
    tablet.run({ type: 'succession', lists, sealed });
    expect(keyOf(tablet)).toEqual(keyOf(phone));
  });

  it('takes nothing of it along a chain with a gap, or from another beginning', () => {
    const all = scene();
    const { world, phone, tablet } = all;
    remove(all);
    world.link(phone);
    const before = statusOf(tablet);
    const { lists, sealed } = wordFor(tablet);
    invariant(sealed !== undefined && lists.length === 3, 'the list changed twice');
    const [first, second, third] = lists as [
      (typeof lists)[0],
      (typeof lists)[0],
      (typeof lists)[0],
    ];
    for (const told of [[], [second, third], [first, third], [first, second, second], [third]])
      tablet.run({ type: 'succession', lists: told, sealed });
    expect(statusOf(tablet)).toEqual(before);
    expect(new Set(doubts(tablet))).toEqual(new Set(['UNPROVEN']));
    tablet.run({ type: 'succession', lists, sealed });
    expect(keyOf(tablet)).toEqual(keyOf(phone));
  });

  it('keeps copies for own devices until the relay has said how the list went on', () => {
    const all = scene();
    const { world, phone, tablet } = all;
    remove(all);
    tablet.send([bo], 'meanwhile');
    for (const item of tablet.posts) tablet.post(item);
    const held = tablet.effects.filter(({ type }) => type === 'recipientHeld');
    expect(held).toMatchObject([{ userId: ada, reason: 'IDENTITY_CHANGED' }]);
    expect(held[0]).not.toHaveProperty('identityKey');
    tablet.restart();
    world.settle();
    expect(phone.texts()).toContain('meanwhile');
    expect(keyOf(tablet)).toEqual(keyOf(phone));
  });

  it('gives up copies for own devices, and no others, where a relay goes on lying', () => {
    const all = scene();
    const { world, phone, tablet, peer } = all;
    remove(all);
    const { lists } = wordFor(tablet);
    tablet.send([bo], 'meanwhile');
    for (const item of tablet.posts) tablet.post(item);
    tablet.run({ type: 'succession', lists });
    expect(reportOf(tablet).filter(([to]) => to === ada)).toContainEqual([ada, 'BAD_LIST']);
    world.settle({ without: phone });
    expect(peer.texts()).toContain('meanwhile');
  });
});

describe('a first message that does not open', () => {
  it('is asked about once, at the relay and then at its sender, as the first thing of a process too', () => {
    const world = new World({ seed: 7, oneTimeKeys: 3 });
    const [a, b] = [world.create('ada'), world.create('bo')];
    const mail = write(b, a, 'hello');
    a.restart();
    a.takeIn([spoilt(mail)]);
    expect(endsOf(a)).toEqual([]);
    expect(a.effects.at(-1)?.type).toBe('succeed');
    a.work();
    world.settle();
    expect(endsOf(a)).toContainEqual({ state: 'resend-requested', reason: 'BAD_MAC' });
    expect(a.texts()).toEqual(['hello']);
  });
});

describe('a peer', () => {
  it('looks it up though it dies between the word and the list', () => {
    const all = scene();
    const { world, phone, peer } = all;
    remove(all);
    phone.work();
    peer.takeIn(peer.fetch());
    peer.restart();
    world.settle();
    expect(peer.record(ada).offered).toEqual(keyOf(phone));
  });

  it('is told at once, also where it only reads, in the sessions there are (SES-92, SES-89)', () => {
    const all = scene();
    const { world, phone, tablet, peer } = all;
    const former = keyOf(phone);
    remove(all);
    expect(factNames(phone)).toContain('ContactsTold');
    expect(phone.freshOwn().toldUpTo).toBeUndefined();
    world.settle({ without: tablet });
    const told = peer.effects.flatMap((effect) =>
      effect.type === 'identityChanged' ? [effect.identityKey] : [],
    );
    expect(told).toEqual([keyOf(phone)]);
    expect(peer.record(ada)).toMatchObject({ identityKey: former, offered: keyOf(phone) });
    expect(factNames(tablet)).not.toContain('ContactsTold');
  });

  it('sends nothing under the other key unasked, and nothing verified is left of it (SES-90)', () => {
    const all = scene();
    const { world, phone, tablet, peer } = all;
    const former = keyOf(phone);
    peer.run({ type: 'trustIdentity', userId: ada, identityKey: former, level: 'verified' });
    remove(all);
    peer.send([ada], 'for whom');
    world.settle();
    expect([phone, tablet].flatMap((device) => device.texts())).not.toContain('for whom');
    expect(peer.record(ada)).toMatchObject({ identityKey: former, offered: keyOf(phone) });
    peer.run({ type: 'trustIdentity', userId: ada, identityKey: keyOf(phone) });
    world.settle();
    expect(peer.record(ada)).toMatchObject({ identityKey: keyOf(phone), trust: 'accepted' });
    for (const device of [phone, tablet]) expect(device.texts()).toContain('for whom');
  });
});
