/** Sesame's sending loop, rule by rule (§3.3): each story goes straight to its point. */

import { bytesToHex, invariant } from '@simsim/bytes';
import { chainsStream, SEND_ROUNDS_MAX, sessionStream } from '@simsim/sesame';
import { parseMessage } from '@simsim/session';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDevice, checkNoResends, checkWorld } from './checks.ts';
import {
  answer,
  answerClaims,
  deliver,
  entryOf,
  foreignList,
  listOf,
  only,
  reportOf,
  spoilt,
  takePost,
  twoUsers,
  unsigned,
  write,
} from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

type Item = TestDevice['posts'][number];

const devicesOf = ({ post }: Item): number[] => post.envelopes.map(({ deviceId }) => deviceId);
const contentsOf = ({ post }: Item): string[] =>
  post.envelopes.map(({ content }) => bytesToHex(content));
const idsOf = (...devices: TestDevice[]): number[] =>
  devices.map((device) => device.own().deviceId).sort((a, b) => a - b);

describe('a send to several users', () => {
  it('reaches whom it can, whatever goes wrong with others, and says who got it', () => {
    const world = new World({ seed: 1 });
    const [a, b, c] = [world.create('ada'), world.create('bo'), world.create('cy')];
    a.send([user('bo')], 'before');
    world.settle();
    a.send([user('bo'), user('cy'), user('nobody')], 'to three');
    for (const item of a.posts) a.post(item);
    answerClaims(a, (result, userId) => (userId === 'cy' ? unsigned(result) : result));
    world.settle();
    expect([b.texts(), c.texts()]).toEqual([['before', 'to three'], []]);
    const third = reportOf(a).slice(2);
    expect(Object.fromEntries(third)).toEqual({
      ada: 'reached',
      bo: 'reached',
      cy: 'BAD_BUNDLE',
      nobody: 'UNKNOWN_USER',
    });
    expect(a.effects.filter(({ type }) => type === 'sendDone')).toHaveLength(2);
    expect(write(a, c, 'again').senderDevice).toBe(a.own().deviceId);
    world.settle();
    expect(c.texts()).toEqual(['again']);
    for (const device of world.devices) checkDevice(device);
  });
});

describe('a round', () => {
  it('goes to no device that is gone, and over the active session only', () => {
    const { world, a, b } = twoUsers();
    const b2 = world.link(b);
    // Both begin at once: Ada has two sessions with Bo's first device.
    a.send([user('bo')], 'one');
    b.send([user('ada')], 'two');
    deliver(a);
    deliver(b);
    world.settle();
    a.send([user('bo')], 'three');
    world.settle();
    world.remove(b, b2);
    a.send([user('bo')], 'four');
    deliver(a);
    expect(entryOf(a, b2).staleAt).toBeDefined();
    a.send([user('bo')], 'five');
    const before = a.log.tip().seq;
    expect(devicesOf(takePost(a, b))).toEqual(idsOf(b));
    a.send([user('bo')], 'six');
    const { active, inactive } = entryOf(a, b);
    expect(inactive).not.toEqual([]);
    invariant(active !== undefined, 'they have talked');
    const { userId, deviceId } = b.own();
    const used = [...a.log.events()].filter(({ seq }) => seq > before).map((event) => event.stream);
    expect(used).toContain(sessionStream({ userId, deviceId, session: active }));
    for (const session of inactive) {
      expect(used).not.toContain(sessionStream({ userId, deviceId, session }));
    }
  });

  it('after a refusal has exactly the devices of now, and nothing of the one before', () => {
    const { world, a, b } = twoUsers();
    const b2 = world.link(b);
    a.send([user('bo')], 'before');
    world.settle();
    world.remove(b, b2);
    const b3 = world.link(b);
    a.send([user('bo')], 'now');
    const first = takePost(a, b);
    expect(devicesOf(first)).toEqual(idsOf(b, b2));
    answer(a, first, a.handOver(first));
    expect(entryOf(a, b2).staleAt).toBeDefined();
    expect(only(a.claims).devices).toEqual([b3.own().deviceId]);
    answerClaims(a, (result) => result);
    const second = takePost(a, b);
    expect(devicesOf(second)).toEqual(idsOf(b, b3));
    expect(contentsOf(second).filter((one) => contentsOf(first).includes(one))).toEqual([]);
    answer(a, second, a.handOver(second));
    world.settle();
    expect([b.texts(), b3.texts()]).toEqual([['before', 'now'], ['now']]);
    checkWorld(world);
  });

  it('names every copy by an id of its own', () => {
    const { world, a, b } = twoUsers();
    world.link(b);
    for (const text of ['1', '2']) {
      a.send([user('bo')], text);
      world.settle();
    }
    a.send([user('bo')], '3');
    a.send([user('bo')], '4');
    const ids = a.posts.flatMap(({ post }) => post.envelopes.map(({ envelopeId }) => envelopeId));
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(4);
  });
});

describe('a user whom the relay does not know any more', () => {
  it('is sent to no more, and late mail of theirs still opens', () => {
    const { world, a, b } = twoUsers();
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      write(from, to, 'before');
      world.settle();
    }
    write(b, a, 'late');
    a.send([user('bo')], 'to nobody');
    answer(a, takePost(a, b), { kind: 'unknownUser' });
    expect(reportOf(a).at(-1)).toEqual(['bo', 'UNKNOWN_USER']);
    expect(a.record(user('bo')).staleAt).toBeDefined();
    expect(entryOf(a, b).active, 'kept for late mail').toBeDefined();
    a.send([user('bo')], 'later');
    expect(devicesOf(takePost(a, b))).toEqual([]);
    a.takeIn(a.fetch());
    expect(a.texts()).toEqual(['before', 'late']);
    expect(a.record(user('bo')).staleAt, 'mail brings nobody back').toBeDefined();
  });
});

describe('keys that were claimed', () => {
  it('of two new devices, one of them bad, begin no session with either', () => {
    const { world, a, b } = twoUsers();
    const b2 = world.link(b);
    a.send([user('bo')], 'x');
    for (const item of a.posts) a.post(item);
    const before = a.record(user('bo'));
    answerClaims(a, (result) =>
      result.deviceId === Math.max(...idsOf(b, b2)) ? unsigned(result) : result,
    );
    expect(a.record(user('bo'))).toEqual(before);
    expect(a.log.streamsWithPrefix('session/')).toEqual([]);
    expect(reportOf(a)).toContainEqual(['bo', 'BAD_BUNDLE']);
    a.send([user('bo')], 'y');
    world.settle();
    expect([b.texts(), b2.texts()]).toEqual([['y'], ['y']]);
  });

  it('under another identity key begin none: the message waits, and that is told', () => {
    const { world, a, b } = twoUsers();
    const identityKey = world.crypto.keyPair(world.entropy(32)).publicKey.bytes;
    a.send([user('bo')], 'x');
    for (const item of a.posts) a.post(item);
    answerClaims(a, (result) =>
      'gone' in result ? result : { ...result, bundle: { ...result.bundle, identityKey } },
    );
    expect(entryOf(a, b).active).toBeUndefined();
    expect(a.posts).toEqual([]);
    const held = a.effects.flatMap((effect) =>
      effect.type === 'recipientHeld' ? [[effect.userId, effect.reason]] : [],
    );
    expect(held).toEqual([['bo', 'IDENTITY_CHANGED']]);
    // The list shows the pinned key again: nothing was lost.
    world.settle();
    expect(b.texts()).toEqual(['x']);
  });

  it('twice for one device begin one session', () => {
    const { world, a, b } = twoUsers();
    for (const text of ['one', 'two']) a.send([user('bo')], text);
    for (const item of a.posts) a.post(item);
    expect(a.claims).toHaveLength(2);
    for (const claim of a.claims) a.claim(claim);
    expect(entryOf(a, b)).toMatchObject({ inactive: [] });
    expect(a.log.streamsWithPrefix('session/')).toHaveLength(1);
    world.settle();
    expect(b.texts().sort()).toEqual(['one', 'two']);
  });
});

describe('a session begun here', () => {
  /** What waits for a device, as it looks on the outside. */
  const outside = (device: TestDevice) =>
    device
      .fetch()
      .filter(({ kind }) => kind === 'message')
      .map(({ content }) => {
        const parsed = parseMessage(content);
        invariant(parsed.ok, 'honest mail is well-formed');
        return parsed.value;
      });

  it('begins again and again, the same, until something decrypts on it; then never', () => {
    const { world, a, b } = twoUsers();
    for (const text of ['1', '2', '3']) write(a, b, text);
    const first = outside(b).map((message) => {
      invariant(message.kind === 'initiation', 'nothing has come back yet');
      const { inner: _, ...header } = message;
      return header;
    });
    expect(first).toHaveLength(3);
    for (const header of first) expect(header).toEqual(first[0]);
    expect(first[0]?.identityKey).toEqual(a.own().identity.publicKey.bytes);
    b.takeIn(b.fetch());
    write(b, a, 'answer');
    a.receive(a.fetch());
    write(a, b, '4');
    expect(outside(b).at(-1)?.kind).toBe('regular');
    world.settle();
    expect(b.texts()).toEqual(['1', '2', '3', '4']);
  });

  it('is not ended by damaged mail, nor by what decrypts on another one', () => {
    const { world, a, b } = twoUsers();
    write(a, b, '1');
    const { active: session } = entryOf(a, b);
    invariant(session !== undefined, 'a session has begun');
    const { userId, deviceId } = b.own();
    const isOpen = (): boolean =>
      a.core.reader().value('chains', chainsStream({ userId, deviceId, session }))?.pending !==
      undefined;
    const mail = write(b, a, 'begun by Bo');
    a.takeIn([mail]);
    expect(a.texts()).toEqual(['begun by Bo']);
    expect(isOpen(), 'mail of another session').toBe(true);
    b.takeIn(b.fetch());
    const reply = write(b, a, 'an answer');
    a.takeIn([spoilt(reply)]);
    expect(isOpen(), 'damage').toBe(true);
    a.takeIn([reply]);
    expect(isOpen(), 'an answer').toBe(false);
    world.settle();
    expect(a.texts()).toEqual(['begun by Bo', 'an answer']);
  });

  it('has a name of its own, also where two begin in the same millisecond', () => {
    const { world, a, b } = twoUsers();
    a.send([user('bo')], 'x');
    deliver(a);
    const { active: first } = entryOf(a, b);
    // What is renewed is renewed at the very same time.
    const { nowMs } = world;
    a.run({ type: 'trustIdentity', userId: user('bo'), identityKey: new Uint8Array(32).fill(9) });
    const identityKey = b.own().identity.publicKey.bytes;
    a.run({ type: 'trustIdentity', userId: user('bo'), identityKey });
    world.nowMs = nowMs;
    a.send([user('bo')], 'y');
    deliver(a);
    expect(entryOf(a, b).active).toBeDefined();
    expect(entryOf(a, b).active).not.toBe(first);
    world.settle();
    expect(b.texts().sort()).toEqual(['x', 'y']);
  });
});

describe('an answer that is lost', () => {
  it('costs no message key twice: the same bytes go again, and the next line has the next place', () => {
    const { world, a, b } = twoUsers();
    a.send([user('bo')], '1');
    world.settle();
    b.send([user('ada')], 'hello');
    world.settle();
    a.send([user('bo')], '2');
    const [lost] = a.posts.filter(({ post }) => post.recipient === b.userId);
    invariant(lost !== undefined, 'a post waits');
    expect(a.handOver(lost).kind).toBe('accepted');
    a.restart();
    const [again] = a.posts.filter(({ post }) => post.recipient === b.userId);
    expect(again?.post).toEqual(lost.post);
    a.send([user('bo')], '3');
    deliver(a);
    const places = b.fetch().map(({ content }) => {
      const parsed = parseMessage(content);
      invariant(parsed.ok && parsed.value.kind === 'regular', 'they have talked');
      return parsed.value.header.counter;
    });
    expect(new Set(places).size, 'no place twice').toBe(places.length);
    world.settle();
    expect(b.texts()).toEqual(['1', '2', '3']);
    checkNoResends(world);
  });
});

describe('an answer that never comes', () => {
  /** How long a send is kept. */
  const RECORD_MS = 14 * 24 * 3600 * 1000;
  const away = (world: World): void => {
    world.nowMs += RECORD_MS + 1;
  };

  it('to a post is told when the send ends, and nothing of it leaves any more', () => {
    const { world, a, b } = twoUsers();
    a.send([user('bo')], 'before');
    world.settle();
    const told = reportOf(a).length;
    a.send([user('bo')], 'never');
    away(world);
    a.sweep();
    expect(reportOf(a).slice(told)).toEqual([
      ['bo', 'EXPIRED'],
      ['ada', 'EXPIRED'],
    ]);
    expect(a.log.outbox()).toEqual([]);
    world.settle();
    a.restart();
    a.sweep();
    a.send([user('bo')], 'after');
    world.settle();
    expect(b.texts()).toEqual(['before', 'after']);
    const failures = reportOf(a).filter(([, became]) => became !== 'reached');
    expect(failures, 'once').toHaveLength(2);
    for (const device of world.devices) checkDevice(device);
  });

  it('to a claim is told as well, and to a post that was taken: then only it is lost', () => {
    const { world, a, b } = twoUsers();
    const c = world.create('cy');
    a.send([user('bo'), user('cy')], 'to two');
    for (const item of a.posts) a.post(item);
    expect(a.claims.map(({ userId }) => userId).sort()).toEqual(['bo', 'cy']);
    const [claim] = a.claims.filter(({ userId }) => userId === 'bo');
    invariant(claim !== undefined, 'keys are fetched first');
    a.claim(claim);
    a.handOver(takePost(a, b));
    away(world);
    a.sweep();
    expect(Object.fromEntries(reportOf(a))).toEqual({
      ada: 'reached',
      bo: 'EXPIRED',
      cy: 'EXPIRED',
    });
    expect(a.effects.filter(({ type }) => type === 'sendDone')).toHaveLength(1);
    a.claims = [];
    world.settle();
    expect([b.texts(), c.texts()]).toEqual([['to two'], []]);
  });
});

describe('a relay that lies in its answers', () => {
  it('and never accepts ends the send, and nothing else', () => {
    const { world, a, b } = twoUsers();
    a.send([user('bo')], 'before');
    world.settle();
    const list = listOf(b);
    a.send([user('bo')], 'refused for ever');
    let rounds = 0;
    for (; rounds < SEND_ROUNDS_MAX + 5; rounds++) {
      if (a.posts.every(({ post }) => post.recipient !== b.userId)) break;
      const item = takePost(a, b);
      expect(devicesOf(item)).toEqual(idsOf(b));
      const { deviceId } = b.own();
      const [old, fresh] = rounds % 2 === 0 ? [[deviceId], []] : [[], [deviceId]];
      answer(a, item, { kind: 'mismatch', missing: fresh, extra: old, stale: [], list });
    }
    expect(rounds).toBe(SEND_ROUNDS_MAX);
    expect(reportOf(a).at(-1)).toEqual(['bo', 'TOO_MANY_ROUNDS']);
    write(a, b, 'after');
    world.settle();
    expect(b.texts()).toEqual(['before', 'after']);
  });

  it('and shows another key now and then ends the send too: its word makes no rounds count anew', () => {
    const { a, b } = twoUsers();
    write(a, b, 'before');
    const [list, foreign] = [listOf(b), foreignList(b)];
    a.send([user('bo')], 'back and forth');
    let rounds = 0;
    for (; rounds < SEND_ROUNDS_MAX + 5; rounds++) {
      if (a.posts.every(({ post }) => post.recipient !== b.userId)) break;
      const told = { kind: 'mismatch', missing: [], extra: [], stale: [], list: foreign } as const;
      answer(a, takePost(a, b), told);
      a.run({ type: 'listLearned', list });
    }
    expect(rounds).toBe(SEND_ROUNDS_MAX);
    expect(reportOf(a).at(-1)).toEqual(['bo', 'TOO_MANY_ROUNDS']);
  });

  it('is believed what the user signed and nothing else', () => {
    const { world, a, b } = twoUsers();
    a.send([user('bo')], 'before');
    world.settle();
    const honest = listOf(b);
    const [device] = honest.list.devices;
    invariant(device !== undefined, 'a list has a device');
    const changed = fc.constantFrom<Partial<typeof honest.list>>(
      { devices: [] },
      { devices: [device, device] },
      { devices: [{ ...device, registrationId: (device.registrationId % 16_383) + 1 }] },
      { devices: [{ ...device, deviceKey: new Uint8Array(32) }] },
      { devices: [{ ...device, deviceId: a.own().deviceId }] },
      { devices: listOf(a).list.devices, userId: user('ada') },
      { version: honest.list.version + 1 },
      { version: honest.list.version + 2 },
      { version: honest.list.version + 2, devices: [{ ...device, deviceId: a.own().deviceId }] },
      { identityKey: new Uint8Array(32).fill(7) },
    );
    const ids = fc.uniqueArray(fc.constantFrom(a.own().deviceId, b.own().deviceId), {
      maxLength: 2,
    });
    fc.assert(
      fc.property(changed, ids, ids, (change, missing, extra) => {
        const before = a.record(user('bo'));
        a.send([user('bo')], 'x');
        const list = { ...honest, list: { ...honest.list, ...change } };
        answer(a, takePost(a, b), { kind: 'mismatch', missing, extra, stale: [], list });
        expect(reportOf(a).at(-1)?.[1]).toMatch(/^(BAD_LIST|IDENTITY_CHANGED)$/);
        expect(a.record(user('bo'))).toEqual(before);
      }),
      { numRuns: 30 },
    );
    world.settle();
    write(a, b, 'after');
    world.settle();
    expect(b.texts()).toEqual(['before', 'after']);
  });
});

describe('a device that no list names', () => {
  it('gets no message, though its own was read: its user’s key alone makes nobody a device', () => {
    const { world, a, b } = twoUsers();
    const tablet = world.link(b);
    tablet.send([a.userId], 'from the tablet');
    for (let i = 0; i < 4; i++) tablet.work();
    a.takeIn(a.fetch());
    expect(a.texts()).toEqual(['from the tablet']);
    a.send([b.userId], 'secret');
    const [post] = a.posts.filter(({ post: { recipient } }) => recipient === b.userId);
    expect(post?.post.envelopes).toEqual([]);
    world.settle();
    expect([...b.texts(), ...tablet.texts()].filter((text) => text === 'secret')).toHaveLength(2);
  });
});

describe('a relay that says there is no such user as the own one', () => {
  it('is not believed: own devices get their copies and receipts', () => {
    const { world, a } = twoUsers();
    const tablet = world.link(a);
    a.send([user('bo')], 'lied about');
    const item = a.posts.find(({ post }) => post.recipient === a.userId);
    if (item === undefined) throw new Error('a copy goes to own devices');
    a.posts = a.posts.filter((each) => each !== item);
    const { postId } = item.post;
    a.run({ type: 'posted', postId, origin: item.origin, result: { kind: 'unknownUser' } });
    expect(a.record(a.userId).staleAt).toBeUndefined();
    a.send([user('bo')], 'after');
    world.settle();
    expect(tablet.texts()).toContain('after');
    expect(tablet.log.streamsWithPrefix('send/')).toEqual([]);
  });
});
