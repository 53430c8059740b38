/** Sesame's receiving, rule by rule (§3.4): each story goes straight to its point. */

import type { IncomingEnvelope } from '@simsim/relay-protocol';
import { allSessionsOf, INACTIVE_SESSIONS_MAX, userStream } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { checkDevice } from './checks.ts';
import { factsOf, stateOf } from './log-state.ts';
import { deliver, endsOf, entryOf, listOf, loseMail, spoilt, twoUsers, write } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user } from './world.ts';

/** All of a log but what waits to leave: a retry request may. */
function withoutOutbox(device: TestDevice): Record<string, string> {
  const entries = Object.entries(stateOf(device.log));
  return Object.fromEntries(entries.filter(([key]) => !key.startsWith('outbox ')));
}

/** The same, but for a number that no tag covers: no digest tells that it came before. */
function disguised(mail: IncomingEnvelope): IncomingEnvelope {
  const content = Uint8Array.of(...mail.content, 5 << 3, 77);
  return { ...mail, seq: 1_000_001, content };
}

describe('first messages', () => {
  it('begin a session from any of them, also where the first are lost', () => {
    const { world, a, b } = twoUsers();
    for (const text of ['1', '2']) write(a, b, text);
    loseMail(b);
    write(a, b, '3');
    b.takeIn(b.fetch());
    expect(b.texts()).toEqual(['3']);
    expect(entryOf(b, a).active).toBe(entryOf(a, b).active);
    b.send([user('ada')], 'heard');
    world.settle();
    expect(a.texts()).toEqual(['heard']);
  });

  it('of one session begin one, however many of them come, and how often', () => {
    const { world, a, b } = twoUsers();
    for (const text of ['1', '2', '3']) write(a, b, text);
    const mail = b.fetch();
    for (const each of [...mail, ...mail].reverse()) b.takeIn([each]);
    b.takeIn(mail.map(disguised));
    expect(b.log.streamsWithPrefix('session/')).toHaveLength(1);
    expect(entryOf(b, a)).toMatchObject({ active: entryOf(a, b).active, inactive: [] });
    world.settle();
    expect(b.texts()).toEqual(['3', '2', '1']);
  });

  it.each([0, 3])(
    'that come again after their session ended begin none (%i one-time prekeys)',
    (oneTimeKeys) => {
      const { a, b } = twoUsers({ oneTimeKeys });
      const mail = write(a, b, '1');
      const later = write(a, b, '2');
      b.receive([mail]);
      b.run({ type: 'forgetUser', userId: user('ada') });
      expect(allSessionsOf(entryOf(b, a))).toEqual([]);
      b.takeIn([mail]);
      expect(endsOf(b).at(-1)).toEqual({ state: 'duplicate' });
      b.takeIn([disguised(mail)]);
      expect(allSessionsOf(entryOf(b, a))).toEqual([]);
      b.takeIn([later]);
      expect(endsOf(b).at(-1)).toEqual({ state: 'resend-requested', reason: 'SESSION_ENDED' });
      expect(allSessionsOf(entryOf(b, a))).toEqual([]);
      expect(b.texts()).toEqual(['1']);
      checkDevice(b);
    },
  );

  it('under a key that nobody knows harm no session, no record and no prekey', () => {
    const { world, a, b } = twoUsers();
    write(a, b, 'real');
    world.settle();
    b.send([user('ada')], 'real');
    world.settle();
    // A stranger claims Bo's keys, and posts as Ada: a relay may say so.
    const mallory = world.create('mallory');
    const forged = write(mallory, b, 'trust me');
    const { userId: sender, deviceId: senderDevice } = a.own();
    const before = withoutOutbox(b);
    b.takeIn([{ ...forged, sender, senderDevice }]);
    expect(withoutOutbox(b)).toEqual(before);
    // The list of Ada's devices disproves it.
    const { active } = b.record(user('ada')).devices.get(senderDevice) ?? {};
    b.fetchLists();
    expect(b.record(user('ada')).devices.get(senderDevice)).toMatchObject({ active, inactive: [] });
    expect(b.record(user('ada')).offered).toBeUndefined();
    expect(b.effects.some(({ type }) => type === 'foreignKey')).toBe(true);
    b.takeIn([forged]);
    expect(b.texts()).toEqual(['real', 'trust me']);
    write(a, b, 'still here');
    world.settle();
    expect(b.texts().at(-1)).toBe('still here');
  });
});

describe('a message', () => {
  /** Bo begins one session after the other, and writes two lines in each. */
  const withSessions = (count: number) => {
    const scene = twoUsers({ oneTimeKeys: 8 });
    const { a, b } = scene;
    const mail = Array.from({ length: count }, (_, i) => {
      // His record of Ada begins anew, and with it all sessions.
      const key = a.own().identity.publicKey.bytes;
      for (const identityKey of [new Uint8Array(32).fill(1), key]) {
        b.run({ type: 'trustIdentity', userId: user('ada'), identityKey });
      }
      return { first: write(b, a, `first of ${i}`), second: write(b, a, `second of ${i}`) };
    });
    return { ...scene, mail };
  };

  it('of a session that is gone is no repeat, though another session has been at its place', () => {
    const { world, a, b } = twoUsers();
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      write(from, to, 'hello');
      world.settle();
    }
    const late = write(a, b, 'late');
    loseMail(b);
    b.run({ type: 'forgetUser', userId: user('ada') });
    write(b, a, 'anew');
    world.settle();
    for (const text of ['1', '2', '3', '4', '5']) write(a, b, text);
    world.settle();
    const toldOf = (mail: IncomingEnvelope): boolean => {
      b.takeIn([mail]);
      expect(endsOf(b).at(-1)).toMatchObject({ state: 'resend-requested' });
      return b.effects.some(({ type }) => type === 'keyRepeated');
    };
    expect(toldOf(late)).toBe(false);
    const used = write(a, b, 'used');
    b.takeIn([used]);
    expect(toldOf(spoilt(used))).toBe(true);
  });

  it('that no session opens changes none of them, however many are tried', () => {
    const { a, b, mail } = withSessions(INACTIVE_SESSIONS_MAX + 1);
    a.takeIn(mail.map(({ first }) => first));
    expect(allSessionsOf(entryOf(a, b))).toHaveLength(INACTIVE_SESSIONS_MAX + 1);
    write(a, b, 'heard');
    b.takeIn(b.fetch());
    // From here on Bo's mail is regular, and says of no session that it is the one.
    const regular = write(b, a, 'regular');
    const before = withoutOutbox(a);
    for (const each of [spoilt(regular), spoilt(mail[0]?.second ?? regular)]) a.takeIn([each]);
    expect(endsOf(a).slice(-2)).toMatchObject([
      { state: 'resend-requested' },
      { state: 'resend-requested' },
    ]);
    expect(withoutOutbox(a)).toEqual(before);
    a.takeIn([regular]);
    expect(a.texts().at(-1)).toBe('regular');
  });

  it('opens on an inactive session, which is the active one then, the others in their order', () => {
    const { a, b, mail } = withSessions(4);
    a.takeIn(mail.map(({ first }) => first));
    const { active: third, inactive } = entryOf(a, b);
    const [second, first, oldest] = inactive;
    a.takeIn([mail[1]?.second].filter((each) => each !== undefined));
    expect(a.texts().at(-1)).toBe('second of 1');
    expect(entryOf(a, b)).toMatchObject({ active: first, inactive: [third, second, oldest] });
    a.send([b.userId], 'on the one that is active');
    // Bo's list names the device that so far only its own mail told of; its session is used.
    while (a.work());
    const used = [...factsOf(a.log)].findLast(({ name }) => name === 'MessageSent')?.stream;
    expect(used).toContain(first);
  });

  it('that begins yet another session leaves no more of them than the limit says', () => {
    const { a, b, mail } = withSessions(3 * INACTIVE_SESSIONS_MAX);
    for (const { first } of mail) a.takeIn([first]);
    expect(allSessionsOf(entryOf(a, b))).toHaveLength(INACTIVE_SESSIONS_MAX + 1);
    for (const prefix of ['session/', 'chains/']) {
      expect(a.log.streamsWithPrefix(prefix)).toHaveLength(INACTIVE_SESSIONS_MAX + 1);
    }
    checkDevice(a);
  });

  it('that is damaged costs the session nothing, nor the key that was kept for it', () => {
    const { world, a, b } = twoUsers();
    write(a, b, '1');
    world.settle();
    write(b, a, '2');
    world.settle();
    const [third, fourth, fifth] = ['3', '4', '5'].map((text) => write(a, b, text));
    for (const mail of [fourth, third, fifth].filter((each) => each !== undefined)) {
      const before = withoutOutbox(b);
      b.takeIn([spoilt(mail)]);
      expect(withoutOutbox(b)).toEqual(before);
      b.takeIn([mail]);
    }
    expect(b.texts()).toEqual(['1', '4', '3', '5']);
  });

  it('of a device that nobody knows leaves no record behind', () => {
    const { world, a, b } = twoUsers();
    write(a, b, '1');
    world.settle();
    write(b, a, '2');
    world.settle();
    const mail = write(a, b, '3');
    b.run({ type: 'listLearned', list: listOf(a) });
    const before = stateOf(b.log);
    const strangers = [
      { sender: user('nobody'), senderDevice: mail.senderDevice },
      { sender: mail.sender, senderDevice: b.own().deviceId },
    ];
    for (const stranger of strangers) {
      b.takeIn([{ ...mail, seq: 1_000_000, ...stranger }]);
      b.fetchLists();
      expect(endsOf(b).at(-1)).toEqual({ state: 'dead', reason: 'UNKNOWN_DEVICE' });
    }
    expect(stateOf(b.log)).toEqual(before);
    expect(b.log.streamsWithPrefix(userStream(user('nobody')))).toEqual([]);
    b.takeIn([mail]);
    expect(b.texts()).toEqual(['1', '3']);
  });

  it('of this very device, as the relay says, is nothing', () => {
    const { world, a, b } = twoUsers();
    const mail = write(a, b, 'x');
    const { userId: sender, deviceId: senderDevice } = b.own();
    const before = stateOf(b.log);
    b.takeIn([{ ...mail, seq: 1_000_000, sender, senderDevice }]);
    expect(endsOf(b).at(-1)).toEqual({ state: 'dead', reason: 'FROM_SELF' });
    expect(stateOf(b.log)).toEqual(before);
    world.settle();
  });
});

describe('late mail of a removed device', () => {
  it('opens, and makes it no target again', () => {
    const { world, a, b } = twoUsers();
    const b2 = world.link(b);
    // Both begin at once, and each keeps to the session of the other.
    a.send([user('bo')], 'to both');
    b2.send([user('ada')], 'known');
    for (const device of [a, b2]) deliver(device);
    world.settle();
    write(b2, a, 'late');
    b2.run({ type: 'forgetUser', userId: user('ada') });
    write(b2, a, 'late, on a session of its own');
    world.remove(b, b2);
    a.send([user('bo')], 'now');
    deliver(a);
    const { staleAt, inactive } = entryOf(a, b2);
    expect(staleAt).toBeDefined();
    expect(inactive).toHaveLength(1);
    a.receive(a.fetch());
    expect(a.texts()).toEqual(['known', 'late', 'late, on a session of its own']);
    expect(entryOf(a, b2).staleAt).toBe(staleAt);
    a.send([user('bo')], 'later');
    const [post] = a.posts.filter(({ post: { recipient } }) => recipient === b.userId);
    expect(post?.post.envelopes.map(({ deviceId }) => deviceId)).toEqual([b.own().deviceId]);
  });
});
