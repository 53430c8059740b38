/** Traps the engine once fell into, each as the shortest story that leads there. */

import { hexToBytes, invariant } from '@simsim/bytes';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import { SEND_ROUNDS_MAX } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { checkDevice, checkWorld } from './checks.ts';
import { factsOf } from './log-state.ts';
import { factNames, foreignList } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

const ada = user('ada');
const bo = user('bo');

function twoUsers(options: { oneTimeKeys?: number } = {}): {
  world: World;
  a: TestDevice;
  b: TestDevice;
} {
  const world = new World({ seed: 1, ...options });
  return { world, a: world.create('ada'), b: world.create('bo') };
}

/** Posts and claims until everything is at the relay. */
function deliver(device: TestDevice): void {
  for (let i = 0; i < 6; i++) device.work();
}

function only<T>(items: readonly T[]): T {
  const [item] = items;
  invariant(item !== undefined && items.length === 1, 'there is one');
  return item;
}

/** What a device would post for an envelope that it cannot read. */
function retryOf(mail: IncomingEnvelope, from: TestDevice): IncomingEnvelope {
  const content = hexToBytes(mail.envelopeId);
  invariant(content !== undefined, 'ids are hexadecimal');
  const { userId: sender, deviceId: senderDevice } = from.own();
  return { ...mail, seq: 1_000_000, sender, senderDevice, kind: 'retry', content };
}

describe('late mail', () => {
  it('of a session that ended heals instead of writing to a closed stream', () => {
    const { world, a, b } = twoUsers({ oneTimeKeys: 0 });
    for (const text of ['1', '2']) {
      a.send([bo], text);
      deliver(a);
    }
    const [first, second] = b.fetch();
    invariant(first !== undefined && second !== undefined, 'two lines wait');
    b.takeIn([first]);
    const other = world.crypto.keyPair(world.entropy(32)).publicKey.bytes;
    for (const identityKey of [other, a.own().identity.publicKey.bytes]) {
      b.run({ type: 'trustIdentity', userId: ada, identityKey });
    }
    b.takeIn([second]);
    world.settle();
    expect(b.texts()).toEqual(['1', '2']);
    checkDevice(b);
  });

  it.each(['list known before', 'list known afterwards'])(
    'of a removed device makes it no target again, %s',
    (when) => {
      const { world, a, b } = twoUsers();
      const b2 = world.link(b);
      b2.send([ada], 'late');
      deliver(b2);
      if (when === 'list known before') {
        a.send([bo], 'both');
        world.settle();
        b2.send([ada], 'later');
        deliver(b2);
      }
      world.remove(b, b2);
      a.send([bo], 'one');
      deliver(a);
      a.takeIn(a.fetch());
      // Sent before any answer tells that the device is gone.
      a.send([bo], 'two');
      deliver(a);
      expect([...factsOf(a.log)].map(({ name }) => name)).not.toContain('SendFailed');
      world.settle();
      checkWorld(world);
    },
  );
});

describe('a user who was gone', () => {
  it('and comes back is sent to with the sessions of before, also after a restart', () => {
    const { world, a, b } = twoUsers();
    a.send([bo], '1');
    world.settle();
    a.send([bo], '2');
    const { post, origin } = only(a.posts.filter((item) => item.post.recipient === bo));
    a.posts = a.posts.filter((item) => item.post.postId !== post.postId);
    a.run({ type: 'posted', postId: post.postId, origin, result: { kind: 'unknownUser' } });
    a.restart();
    a.send([bo], '3');
    world.settle();
    expect(b.texts()).toEqual(['1', '3']);
  });
});

describe('a retry request', () => {
  it('of a device linked since is served after a look at the list', () => {
    const { world, a, b } = twoUsers();
    a.send([bo], '1');
    deliver(a);
    const mail = only(b.fetch());
    const b2 = world.link(b);
    a.takeIn([retryOf(mail, b2)]);
    deliver(a);
    checkDevice(a);
    world.settle();
    expect([b.texts(), b2.texts()]).toEqual([['1'], ['1']]);
  });

  it('of a device that no list names makes no session', () => {
    const { world, a, b } = twoUsers();
    const b2 = world.link(b);
    world.remove(b, b2);
    a.send([bo], '1');
    deliver(a);
    const mail = only(b.fetch());
    a.takeIn([retryOf(mail, b2)]);
    deliver(a);
    checkDevice(a);
    expect([...factsOf(a.log)].map(({ name }) => name)).not.toContain('Resent');
    const ends = a.effects.flatMap((effect) => (effect.type === 'acknowledge' ? [effect.end] : []));
    expect(ends).toEqual([{ state: 'dead', reason: 'RESEND_REFUSED' }]);
  });

  it('for each of three messages resends on the session, then renews it once for all', () => {
    const { world, a, b } = twoUsers();
    for (const text of ['1', '2', '3']) {
      a.send([bo], text);
      deliver(a);
    }
    const sessions = (): number | undefined =>
      a.record(bo).devices.get(b.own().deviceId)?.inactive.length;
    const first = b.fetch();
    for (const mail of first) a.takeIn([retryOf(mail, b)]);
    expect(a.claims).toEqual([]);
    deliver(a);
    expect(sessions()).toBe(0);
    for (const mail of b.fetch().slice(first.length)) a.takeIn([retryOf(mail, b)]);
    expect(a.claims.length).toBe(1);
    deliver(a);
    expect(sessions()).toBe(1);
    world.settle();
    expect(b.texts().sort()).toEqual(['1', '2', '3']);
  });

  it('that comes again and again fills no log', () => {
    // Served at once, or waiting until the application has spoken of a key.
    for (const waits of [false, true]) {
      const { a, b } = twoUsers();
      a.send([bo], '1');
      deliver(a);
      const retry = retryOf(only(b.fetch()), b);
      if (waits) a.run({ type: 'listLearned', list: foreignList(b) });
      a.takeIn([retry]);
      const { seq } = a.log.tip();
      for (let i = 0; i < 5; i++) a.takeIn([retry]);
      expect(a.log.tip().seq).toBe(seq);
      expect(factNames(a).includes('Resent')).toBe(!waits);
    }
  });

  it('whose keys cannot be trusted sends nothing', () => {
    const { world, a, b } = twoUsers();
    a.send([bo], '1');
    deliver(a);
    a.takeIn([retryOf(only(b.fetch()), b)]);
    deliver(a);
    const again = b.fetch().slice(1);
    a.takeIn([retryOf(only(again), b)]);
    const { userId, sends, resends, devices } = only(a.claims);
    const claimId = claimIdFromBytes(world.entropy(16));
    const answer = a.ask({ kind: 'claimKeys', claimId, userId, devices });
    invariant(answer.kind === 'claimKeys', 'a claim is answered');
    const results = answer.results.map((result) => {
      if ('gone' in result) return result;
      const identityKey = world.crypto.keyPair(world.entropy(32)).publicKey.bytes;
      return { ...result, bundle: { ...result.bundle, identityKey } };
    });
    a.claims = [];
    a.run({ type: 'claimed', userId, results, sends, resends });
    expect(a.posts).toEqual([]);
    expect(a.effects.some((effect) => effect.type === 'identityChanged')).toBe(true);
  });
});

describe('a header that no tag covers', () => {
  it('may hold an absurd registration id', () => {
    const { world, a, b } = twoUsers();
    a.send([bo], 'x');
    deliver(a);
    const mail = only(b.fetch());
    // Field 5, given once more: the last one counts.
    const content = Uint8Array.of(...mail.content, 5 << 3, 0xff, 0xff, 0x7f);
    b.receive([{ ...mail, content }]);
    b.send([ada], 'y');
    world.settle();
    expect([a.texts(), b.texts()]).toEqual([['y'], ['x']]);
  });
});

describe('mail damaged on its way', () => {
  /** In a regular message the counter follows version, key and the counter's tag. */
  const COUNTER = 1 + 2 + 33 + 1;
  it.each(['cut', 'repeated counter', 'flipped', 'empty'])('comes again where it is %s', (how) => {
    const { world, a, b } = twoUsers();
    a.send([bo], '1');
    world.settle();
    b.send([ada], '2');
    world.settle();
    for (const text of ['3', '4']) a.send([bo], text);
    deliver(a);
    const [third, fourth] = b.fetch();
    invariant(third !== undefined && fourth !== undefined, 'two lines wait');
    b.takeIn([third]);
    let content = fourth.content.slice();
    if (how === 'cut') content = content.slice(0, 40);
    if (how === 'empty') content = new Uint8Array(0);
    if (how === 'flipped') content[60] = (content[60] ?? 0) ^ 1;
    if (how === 'repeated counter') content[COUNTER] = third.content[COUNTER] ?? 0;
    expect(content).not.toEqual(fourth.content);
    b.takeIn([{ ...fourth, content }]);
    world.settle();
    expect(b.texts()).toEqual(['1', '3', '4']);
  });
});

describe('a relay', () => {
  it('that answers every claim with nothing ends the send', () => {
    const { a } = twoUsers();
    a.send([bo], 'x');
    let claims = 0;
    while (a.posts.length + a.claims.length > 0) {
      for (const item of a.posts) a.post(item);
      for (const { userId, sends, resends } of a.claims.splice(0)) {
        claims++;
        a.run({ type: 'claimed', userId, results: [], sends, resends });
      }
    }
    expect(claims).toBeLessThan(SEND_ROUNDS_MAX);
    const done = a.effects.find(
      (effect) => effect.type === 'recipientDone' && effect.userId === bo,
    );
    expect(done).toMatchObject({ failure: 'TOO_MANY_ROUNDS' });
  });

  it('that calls a listed device gone is corrected by its own list', () => {
    const { world, a, b } = twoUsers();
    a.send([bo], '1');
    world.settle();
    b.send([ada], '2');
    deliver(b);
    a.receive(a.fetch());
    const { post, origin } = only(a.posts);
    a.posts = [];
    a.run({ type: 'posted', postId: post.postId, origin, result: { kind: 'gone' } });
    a.send([bo], '3');
    world.settle();
    expect(b.texts()).toEqual(['1', '3']);
  });
});

describe('a restart', () => {
  it('between a refusal and its claim asks for no keys of the device itself', () => {
    const { world, a } = twoUsers();
    world.link(a);
    a.send([bo], 'x');
    for (const item of a.posts) a.post(item);
    const before = a.claims.map(({ userId, devices }) => ({ userId, devices }));
    a.restart();
    expect(a.claims.map(({ userId, devices }) => ({ userId, devices }))).toEqual(before);
    world.settle();
    checkWorld(world);
  });
});
