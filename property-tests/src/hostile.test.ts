/**
 * Relays and peers that mean harm (SES-50, SES-51, SES-98): absurd answers and floods end in a refusal,
 * after bounded work, and what was known stays as it was.
 */

import { invariant } from '@simsim/bytes';
import { parseDeviceId, signDeviceList } from '@simsim/relay-protocol';
import type { DeviceEntry, DeviceList, IncomingEnvelope } from '@simsim/relay-protocol';
import { INITIATIONS_PER_HOUR, SEND_ROUNDS_MAX } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { deliver, endsOf, loseMail, spoilt, twoUsers, write } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user } from './world.ts';

const HOUR_MS = 3600 * 1000;

/** A list that a user's own device signs, whatever it says. */
function listOf(device: TestDevice, change: (list: DeviceList) => DeviceList) {
  const { userId, deviceId, registrationId, deviceKey, identity } = device.own();
  const { world } = device;
  const entry: DeviceEntry = { deviceId, registrationId, deviceKey: deviceKey.publicKey };
  const list = change({
    userId,
    version: 7,
    previous: new Uint8Array(32),
    identityKey: identity.publicKey.bytes,
    devices: [entry],
    signer: deviceId,
  });
  const signers = { deviceKey, identity, entropy64: world.entropy(64) };
  return signDeviceList(list, signers, world.crypto);
}

describe('a device list', () => {
  it.each([
    ['10,000 devices', 10_000],
    ['17 devices', 17],
    ['no devices', 0],
  ])('of %s is refused, and changes nothing', (_, count) => {
    const { world, a, b } = twoUsers();
    write(a, b, 'before');
    world.settle();
    const before = a.record(user('bo'));
    const list = listOf(b, (each) => {
      const [first] = each.devices;
      invariant(first !== undefined, 'the list has a device');
      const others = Array.from({ length: Math.max(0, count - 1) }, (_, i): DeviceEntry => {
        const deviceId = parseDeviceId(1 + ((first.deviceId + i) % 127));
        invariant(deviceId.ok, 'device ids go from 1 to 127');
        return { ...first, deviceId: deviceId.value };
      });
      return { ...each, devices: count === 0 ? [] : [first, ...others] };
    });
    const outcomes = a.run({ type: 'listLearned', list })?.outcomes;
    expect(outcomes).toEqual([{ kind: 'refused', rejection: { code: 'BAD_LIST' } }]);
    expect(a.record(user('bo'))).toBe(before);
  });

  it('that names a device twice is refused', () => {
    const { a, b } = twoUsers();
    const list = listOf(b, (each) => ({ ...each, devices: [...each.devices, ...each.devices] }));
    const outcomes = a.run({ type: 'listLearned', list })?.outcomes;
    expect(outcomes).toEqual([{ kind: 'refused', rejection: { code: 'BAD_LIST' } }]);
  });
});

describe('a relay that calls every round wrong', () => {
  it('is given up on after a few rounds, by name, and the next send works', () => {
    const { world, a, b } = twoUsers();
    write(a, b, 'before');
    world.settle();
    a.send([user('bo')], 'again and again');
    const answer = world.ask({ kind: 'getList', userId: user('bo'), since: 0 });
    if (answer.kind !== 'getList' || answer.result.kind !== 'list') throw new Error('a list');
    const { list } = answer.result;
    let rounds = 0;
    for (;;) {
      const item = a.posts.find(({ post }) => post.recipient === user('bo'));
      if (item === undefined) break;
      rounds++;
      a.posts = a.posts.filter((each) => each !== item);
      a.run({
        type: 'posted',
        postId: item.post.postId,
        origin: item.origin,
        result: { kind: 'mismatch', missing: [], extra: [], stale: [], list },
      });
      for (const claim of a.claims) a.claim(claim);
    }
    expect(rounds).toBeLessThanOrEqual(SEND_ROUNDS_MAX);
    const failures = a.effects.flatMap((effect) =>
      effect.type === 'recipientDone' && effect.failure ? [effect.failure] : [],
    );
    expect(failures).toEqual(['TOO_MANY_ROUNDS']);
    write(a, b, 'after');
    world.settle();
    expect(b.texts()).toEqual(['before', 'after']);
  });
});

describe('a peer that begins one session after the other', () => {
  /** First messages of ever new sessions. */
  const flood = (a: TestDevice, b: TestDevice, count: number): IncomingEnvelope[] => {
    const key = a.own().identity.publicKey.bytes;
    return Array.from({ length: count }, (_, i) => {
      for (const identityKey of [new Uint8Array(32).fill(1), key]) {
        b.run({ type: 'trustIdentity', userId: user('ada'), identityKey });
      }
      const mail = write(b, a, `flood ${i}`);
      // The mailbox is read page by page: what was read makes room.
      loseMail(a);
      return mail;
    });
  };
  const refusals = (device: TestDevice): string[] =>
    endsOf(device).flatMap((end) => (end.state === 'resend-requested' ? [end.reason] : []));

  it('is not listened to any more within the hour, before any agreement is made', () => {
    const { world, a, b } = twoUsers({ oneTimeKeys: 3 });
    const extra = 6;
    const mail = flood(a, b, INITIATIONS_PER_HOUR + extra);
    for (const each of mail) a.takeIn([each]);
    expect(refusals(a)).toEqual(Array.from({ length: extra }, () => 'TOO_MANY_INITIATIONS'));
    expect(a.texts()).toHaveLength(INITIATIONS_PER_HOUR);
    world.nowMs += HOUR_MS;
    a.takeIn(flood(a, b, 1));
    expect(a.texts()).toHaveLength(INITIATIONS_PER_HOUR + 1);
  });

  it('hears of what was refused: it is asked for again, and given up by name', () => {
    const { a, b } = twoUsers({ oneTimeKeys: 3 });
    const last = `flood ${INITIATIONS_PER_HOUR}`;
    for (const each of flood(a, b, INITIATIONS_PER_HOUR + 1)) a.takeIn([each]);
    for (let i = 0; i < 9; i++) {
      deliver(a);
      b.takeIn(b.fetch());
      deliver(b);
      a.takeIn(a.fetch());
    }
    expect(a.texts()).not.toContain(last);
    const given = b.effects.filter(({ type }) => type === 'copyDead');
    expect(given).toMatchObject([{ userId: user('ada'), reason: 'RESENDS_SPENT' }]);
  });

  it('has each of its messages tried once, however often the relay gives it', () => {
    const { a, b } = twoUsers({ oneTimeKeys: 3 });
    const [damaged, sound] = [write(b, a, 'damaged'), write(b, a, 'sound')];
    const { content } = spoilt(damaged);
    const repeats = Array.from({ length: 3 * INITIATIONS_PER_HOUR }, (_, i) => ({
      ...damaged,
      content,
      seq: 1000 + i,
    }));
    for (const each of repeats) a.takeIn([each]);
    expect(refusals(a)).not.toContain('TOO_MANY_INITIATIONS');
    a.takeIn([sound]);
    expect(a.texts()).toEqual(['sound']);
  });

  it('costs nobody else anything', () => {
    const { world, a, b } = twoUsers({ oneTimeKeys: 3 });
    for (const each of flood(a, b, INITIATIONS_PER_HOUR + 1)) a.takeIn([each]);
    const cy = world.create('cy');
    a.takeIn([write(cy, a, 'from cy')]);
    expect(a.texts().at(-1)).toBe('from cy');
  });

  it('cannot wear a device out with what does not even open', () => {
    const { a, b } = twoUsers({ oneTimeKeys: 3 });
    const [first] = flood(a, b, 1);
    if (first === undefined) throw new Error('one message');
    const garbled = Array.from({ length: 500 }, (_, i) => {
      const content = first.content.slice();
      // The base key stands near the beginning: another one each time, and another session.
      for (let at = 8; at < 24; at++) content[at] = (content[at] ?? 0) ^ (i >> (at % 8)) ^ at;
      return { ...first, content, seq: 1000 + i };
    });
    const before = a.log.tip().seq;
    for (const each of garbled) a.takeIn([each]);
    const asked = a.log.outbox().length;
    expect(asked).toBeLessThanOrEqual(500);
    expect(a.record(user('bo')).devices.size).toBe(0);
    // No event for what anybody can write.
    expect(a.log.tip().seq - before).toBeLessThanOrEqual(asked);
    expect(a.texts()).toEqual([]);
  });
});
