/**
 * What each trust policy lets out (SES-35, SES-36, SES-88…91): mail to a user whose key is not trusted
 * waits, on sending, receiving and resending alike; it leaves once the application has spoken, or the
 * relay shows the pinned key again, and is given up only where the application refuses.
 */

import { invariant } from '@simsim/bytes';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import { DEFAULT_EXPIRY } from '@simsim/sesame';
import type { Effect, TrustPolicy } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { createAs, foreignList, forgedRetry, lastEnvelope } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { createAtTwoRelays } from './two-relays.ts';
import { user, World } from './world.ts';

const [ada, bo] = [user('ada'), user('bo')];

function met(trust?: TrustPolicy): { world: World; a: TestDevice; b: TestDevice } {
  const world = new World({ seed: 13, ...(trust && { trust }) });
  return { world, a: world.create('ada'), b: world.create('bo') };
}

const keyOf = (device: TestDevice): Uint8Array => device.own().identity.publicKey.bytes;
const heldFor = (device: TestDevice): string[] =>
  device.effects.flatMap((effect) => (effect.type === 'recipientHeld' ? [effect.reason] : []));
const failures = (device: TestDevice): (string | undefined)[] =>
  device.effects.flatMap((effect: Effect) =>
    effect.type === 'recipientDone' && effect.failure !== undefined ? [effect.failure] : [],
  );

describe('verified-only', () => {
  it('holds mail until the key was verified; accepting it is not enough (SES-90)', () => {
    const { world, a, b } = met('verified-only');
    a.send([bo], 'secret');
    world.settle();
    expect(heldFor(a)).toEqual(['UNVERIFIED']);
    expect(b.texts()).toEqual([]);
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(b) });
    world.settle();
    expect(b.texts()).toEqual([]);
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(b), level: 'verified' });
    world.settle();
    expect(b.texts()).toEqual(['secret']);
    expect(failures(a)).toEqual([]);
  });

  it('takes what comes from anybody, and holds the answer', () => {
    const { world, a, b } = met('verified-only');
    b.run({ type: 'trustIdentity', userId: ada, identityKey: keyOf(a), level: 'verified' });
    b.send([ada], 'question');
    world.settle();
    expect(a.texts()).toEqual(['question']);
    a.send([bo], 'answer');
    world.settle();
    expect(b.texts()).toEqual([]);
    expect(a.record(bo).trust).toBeUndefined();
  });

  it('keeps what waits over restarts and for longer than any record', () => {
    const { world, a, b } = met('verified-only');
    a.send([bo], 'secret');
    world.settle();
    for (let month = 0; month < 4; month++) {
      world.nowMs += 30 * 24 * 3600 * 1000;
      a.restart();
      a.sweep();
    }
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(b), level: 'verified' });
    world.settle();
    expect(b.texts()).toEqual(['secret']);
  });

  it('lets own devices have their copies', () => {
    const { world, a } = met('verified-only');
    const tablet = world.link(a);
    a.send([bo], 'note');
    world.settle();
    expect(tablet.texts()).toEqual(['note']);
  });
});

describe('asking about each key', () => {
  it('lets mail out once the key was accepted', () => {
    const { world, a, b } = met('ask');
    a.send([bo], 'first');
    world.settle();
    expect(heldFor(a)).toEqual(['UNVERIFIED']);
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(b) });
    a.send([bo], 'second');
    world.settle();
    expect(b.texts().sort()).toEqual(['first', 'second']);
  });

  it('gives up what waits where the key is refused, and only that', () => {
    const { world, a, b } = met('ask');
    a.send([bo], 'first');
    world.settle();
    a.run({ type: 'refuseIdentity', userId: bo });
    expect(failures(a)).toEqual(['IDENTITY_REFUSED']);
    expect(a.log.streamsWithPrefix('send/')).toEqual([]);
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(b) });
    a.send([bo], 'second');
    world.settle();
    expect(b.texts()).toEqual(['second']);
  });
});

describe('refusing one key', () => {
  it('refuses no other that came in its place meanwhile', () => {
    const { world, a, b } = met();
    a.send([bo], 'before');
    world.settle();
    const list = foreignList(b);
    a.run({ type: 'listLearned', list });
    a.send([bo], 'waits');
    const refuse = (identityKey: Uint8Array): unknown =>
      a.run({ type: 'refuseIdentity', userId: bo, identityKey })?.outcomes;
    for (const key of [keyOf(b), new Uint8Array(32).fill(7)]) {
      expect(refuse(key)).toMatchObject([{ rejection: { code: 'UNKNOWN_KEY' } }]);
    }
    expect(heldFor(a)).toEqual(['IDENTITY_CHANGED']);
    refuse(list.list.identityKey ?? keyOf(b));
    expect(failures(a)).toEqual(['IDENTITY_REFUSED']);
    expect(a.record(bo)).toMatchObject({ identityKey: keyOf(b) });
    expect(a.record(bo).offered).toBeUndefined();
  });
});

describe('a pinned key', () => {
  it('outlives the last record of its user: another one is told (SES-35)', () => {
    const { world, a, b } = met();
    a.send([bo], 'before');
    world.settle();
    a.run({ type: 'claimFailed', userId: bo, sends: [], resends: [] });
    world.nowMs += DEFAULT_EXPIRY.latencyMs + 1000;
    a.sweep();
    expect(a.record(bo).devices.size).toBe(0);
    const list = foreignList(b);
    a.run({ type: 'listLearned', list });
    const told = a.effects.flatMap((effect) =>
      effect.type === 'identityChanged' ? [effect.identityKey] : [],
    );
    expect(told).toEqual([list.list.identityKey]);
    expect(a.record(bo)).toMatchObject({ identityKey: keyOf(b), devices: new Map() });
  });
});

describe('another key', () => {
  it('that the relay takes back holds mail no longer', () => {
    const { world, a, b } = met();
    a.send([bo], 'before');
    world.settle();
    a.run({ type: 'listLearned', list: foreignList(b) });
    a.send([bo], 'meanwhile');
    expect(heldFor(a)).toEqual(['IDENTITY_CHANGED']);
    // The next honest answer is under the pinned key.
    world.settle();
    expect(a.record(bo).offered).toBeUndefined();
    expect(b.texts()).toEqual(['before', 'meanwhile']);
  });

  it('is not told again and again', () => {
    const { world, a, b } = met();
    a.send([bo], 'before');
    world.settle();
    const list = foreignList(b);
    for (let i = 0; i < 3; i++) a.run({ type: 'listLearned', list });
    const told = a.effects.filter(({ type }) => type === 'identityChanged');
    expect(told.length).toBe(1);
  });

  it('ends what was verified', () => {
    const { a, b } = met();
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(b), level: 'verified' });
    const list = foreignList(b);
    const { identityKey = new Uint8Array(32) } = list.list;
    a.run({ type: 'listLearned', list });
    expect(a.record(bo)).toMatchObject({ trust: 'verified', offered: identityKey });
    a.run({ type: 'trustIdentity', userId: bo, identityKey });
    expect(a.record(bo)).toMatchObject({ trust: 'accepted', identityKey });
  });

  it('for the own user is a lie and never an offer (SES-36)', () => {
    const { world, a } = met();
    const tablet = world.link(a);
    const outcomes = a.run({ type: 'listLearned', list: foreignList(a) })?.outcomes;
    expect(outcomes).toEqual([{ kind: 'refused', rejection: { code: 'BAD_LIST' } }]);
    expect(a.record(ada).offered).toBeUndefined();
    a.send([bo], 'still');
    world.settle();
    expect(tablet.texts()).toEqual(['still']);
  });

  it('among the claimed keys of an own device begins no session with it (SES-36)', () => {
    const { world, a } = met();
    const tablet = world.link(a);
    a.learnOwnList();
    a.send([bo], 'still');
    while (a.posts.length > 0) for (const item of a.posts) a.post(item);
    const claim = a.claims.find(({ userId }) => userId === ada);
    invariant(claim !== undefined, 'the other device has no session yet');
    const claimId = claimIdFromBytes(world.entropy(16));
    const answer = a.ask({ kind: 'claimKeys', claimId, userId: ada, devices: claim.devices });
    invariant(answer.kind === 'claimKeys', 'a claim is answered');
    const { publicKey } = world.crypto.keyPair(world.entropy(32));
    const results = answer.results.map((result) =>
      'gone' in result
        ? result
        : { ...result, bundle: { ...result.bundle, identityKey: publicKey.bytes } },
    );
    a.claims = a.claims.filter((each) => each !== claim);
    const { sends, resends } = claim;
    a.run({ type: 'claimed', userId: ada, results, sends, resends });
    expect(a.record(ada).offered).toBeUndefined();
    expect(a.record(ada).devices.get(tablet.own().deviceId)?.active).toBeUndefined();
    expect(keyOf(a)).toEqual(keyOf(tablet));
    // The copy waits until the relay has said how the own list went on, which is: it did not.
    world.settle();
    expect(failures(a)).toEqual([]);
    expect(tablet.texts()).toEqual(['still']);
  });

  it('in a list that its own key did not sign is no offer but a lie', () => {
    const { world, a, b } = met();
    a.send([bo], 'before');
    world.settle();
    const { list, ...signatures } = foreignList(b);
    const identityKey = world.crypto.keyPair(world.entropy(32)).publicKey.bytes;
    const outcomes = a.run({
      type: 'listLearned',
      list: { ...signatures, list: { ...list, identityKey } },
    })?.outcomes;
    expect(outcomes).toEqual([{ kind: 'refused', rejection: { code: 'BAD_LIST' } }]);
    expect(a.record(bo).offered).toBeUndefined();
  });

  it('is not sent to by a resend either, until it is accepted (SES-79)', () => {
    const world = new World({ seed: 14 });
    const { ada: a, other } = createAtTwoRelays(world);
    const b = world.create('bo');
    a.send([bo], 'unread');
    while (a.work());
    const [sent] = b.fetch();
    if (sent === undefined) throw new Error('it was sent');
    // From here on another relay answers, with another bo.
    world.relay = other;
    world.devices.splice(world.devices.indexOf(b), 1);
    const impostor = world.create('bo');
    a.takeIn([forgedRetry(impostor, sent.envelopeId)]);
    world.settle();
    expect(impostor.texts()).toEqual([]);
    expect(a.record(bo).offered).toEqual(keyOf(impostor));
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(impostor) });
    a.send([bo], 'welcome');
    world.settle();
    expect(impostor.texts()).toContain('welcome');
  });

  it('gets no session for a retry request in the name of a known device (T-19)', () => {
    const world = new World({ seed: 15 });
    const { ada: a, other } = createAtTwoRelays(world);
    const b = world.create('bo');
    a.send([bo], 'unread');
    while (a.work());
    world.relay = other;
    world.devices.splice(world.devices.indexOf(b), 1);
    const impostor = createAs(world, 'bo', b.own().deviceId);
    const active = (): string | undefined => a.record(bo).devices.get(b.own().deviceId)?.active;
    const before = active();
    a.takeIn([forgedRetry(b, lastEnvelope(a, b))]);
    // The first answer, in the session there is, is kept by the relay; it asks again.
    a.posts = [];
    a.takeIn([forgedRetry(b, lastEnvelope(a, b))]);
    for (const claim of a.claims) a.claim(claim);
    expect(a.posts).toEqual([]);
    expect(active()).toBe(before);
    expect(a.record(bo).offered).toEqual(keyOf(impostor));
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(impostor) });
    world.settle();
    expect(impostor.texts()).toEqual(['unread']);
  });

  it('keeps requests waiting for as long as it is offered (SES-79)', () => {
    const { world, a, b } = met();
    a.send([bo], 'unread');
    while (a.work());
    a.run({ type: 'listLearned', list: foreignList(b) });
    a.takeIn([forgedRetry(b, lastEnvelope(a, b))]);
    expect([a.posts, a.claims]).toEqual([[], []]);
    a.run({ type: 'refuseIdentity', userId: bo });
    a.sweep();
    expect(a.posts.length).toBe(1);
    world.settle();
    expect(b.texts()).toEqual(['unread']);
  });

  it('has mail asked for once it is accepted, also where the list that says of whom comes late', () => {
    const world = new World({ seed: 16 });
    const { ada: a, other } = createAtTwoRelays(world);
    const b = world.create('bo');
    a.send([bo], 'before');
    world.settle();
    world.relay = other;
    world.devices.splice(world.devices.indexOf(b), 1);
    a.isProven = false;
    const again = world.create('bo');
    again.send([ada], 'it is me');
    world.settle();
    expect(a.record(bo).offered).toEqual(keyOf(again));
    a.run({ type: 'trustIdentity', userId: bo, identityKey: keyOf(again) });
    // It is killed before the relay has answered.
    a.restart();
    a.sweep();
    world.settle();
    expect(a.texts()).toEqual(['it is me']);
    expect(a.record(bo).held).toBeUndefined();
  });
});
