/**
 * Sessions and records grow old (SES-23…27, SES-80…84): a session past MAXSEND sends nothing more and
 * still opens what comes; past MAXRECV, and MAXLATENCY after a device was removed, they are gone, but
 * not before a whole fetch of the mailbox was decided.
 */

import { DEFAULT_EXPIRY, sessionExpiry, sessionStream } from '@simsim/sesame';
import type { DeviceRecord, Sabotage } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { factsOf } from './log-state.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

const [ada, bo] = [user('ada'), user('bo')];
const HOUR_MS = 3600 * 1000;
const { latencyMs, sendMs, receiveMs } = DEFAULT_EXPIRY;

function talking(sabotage: readonly Sabotage[] = []): {
  world: World;
  a: TestDevice;
  b: TestDevice;
} {
  const world = new World({ seed: 7, sabotage });
  const [a, b] = [world.create('ada'), world.create('bo')];
  a.send([bo], 'hello');
  world.settle();
  b.send([ada], 'hello yourself');
  world.settle();
  return { world, a, b };
}

const recordOf = (device: TestDevice, peer: TestDevice): DeviceRecord | undefined =>
  device.record(peer.userId).devices.get(peer.own().deviceId);
const activeOf = (device: TestDevice, peer: TestDevice): string | undefined =>
  recordOf(device, peer)?.active;

describe('a session past MAXSEND', () => {
  it('sends nothing more: the next message begins another one (SES-83)', () => {
    const { world, a, b } = talking();
    const first = activeOf(a, b);
    world.nowMs += sendMs - HOUR_MS;
    a.send([bo], 'still');
    world.settle();
    expect(activeOf(a, b)).toBe(first);
    world.nowMs += HOUR_MS;
    a.send([bo], 'anew');
    world.settle();
    expect(activeOf(a, b)).not.toBe(first);
    expect(recordOf(a, b)?.inactive[0]).toBe(first);
    expect(b.texts()).toEqual(['hello', 'still', 'anew']);
  });

  it('opens what comes, and is not made the active one by it (SES-83)', () => {
    const { world, a, b } = talking();
    const first = activeOf(a, b);
    b.send([ada], 'late');
    for (let i = 0; i < 4; i++) b.work();
    world.nowMs += sendMs;
    a.send([bo], 'anew');
    for (let i = 0; i < 4; i++) a.work();
    const second = activeOf(a, b);
    expect(second).not.toBe(first);
    a.receive(a.fetch());
    expect(a.texts()).toContain('late');
    expect(activeOf(a, b)).toBe(second);
  });

  it('would send for ever, were it not retired', () => {
    const { world, a, b } = talking(['send-on-old-session']);
    const first = activeOf(a, b);
    world.nowMs += sendMs;
    a.send([bo], 'still');
    world.settle();
    expect(activeOf(a, b)).toBe(first);
  });

  it('is as old at its responder as its first message, which waited (SES-80, SES-81)', () => {
    for (const [waitedMs, age] of [
      [HOUR_MS, HOUR_MS],
      [Number.MAX_SAFE_INTEGER, latencyMs],
      [Number.POSITIVE_INFINITY, latencyMs],
      [-HOUR_MS, 0],
      [Number.NaN, 0],
      [0.5, 0],
    ] as const) {
      const world = new World({ seed: 8 });
      const [a, b] = [world.create('ada'), world.create('bo')];
      a.send([bo], 'hello');
      for (let i = 0; i < 4; i++) a.work();
      b.receive(b.fetch().map((envelope) => ({ ...envelope, waitedMs })));
      const began = [...(recordOf(b, a)?.began?.values() ?? [])];
      expect(began.length).toBe(1);
      expect(Math.abs(world.nowMs - age - (began[0] ?? 0))).toBeLessThan(1000);
    }
  });
});

describe('a session past MAXRECV', () => {
  it('is gone after a whole fetch, its keys too, and the pin stays (SES-84, SES-35)', () => {
    const { world, a, b } = talking();
    const session = activeOf(a, b) ?? '';
    const stream = sessionStream({ userId: bo, deviceId: b.own().deviceId, session });
    const { identityKey } = a.record(bo);
    world.nowMs += receiveMs;
    a.run({ type: 'swept' });
    expect(a.log.streamsWithPrefix(stream)).toEqual([stream]);
    a.sweep();
    expect(a.log.streamsWithPrefix(stream)).toEqual([]);
    expect(recordOf(a, b)).toMatchObject({ inactive: [] });
    expect(a.record(bo).identityKey).toEqual(identityKey);
    a.send([bo], 'back again');
    world.settle();
    expect(b.texts()).toContain('back again');
  });
});

describe('the record of a device that only mail told of', () => {
  it('goes with its last session, and the key stays pinned (SES-28, SES-35)', () => {
    const world = new World({ seed: 10 });
    const [a, b] = [world.create('ada'), world.create('bo')];
    b.send([ada], 'hello');
    world.settle();
    expect(recordOf(a, b)?.deviceKey.length).toBe(0);
    world.nowMs += receiveMs;
    a.sweep();
    expect(a.record(bo).devices.size).toBe(0);
    expect(a.record(bo).identityKey).toEqual(b.own().identity.publicKey.bytes);
  });
});

describe('the record of a removed device', () => {
  const withTwo = (sabotage: readonly Sabotage[] = []) => {
    const { world, a, b } = talking(sabotage);
    const tablet = world.link(b);
    a.send([bo], 'both of you');
    world.settle();
    // Mail of the tablet that reaches a's mailbox before it is removed.
    tablet.send([ada], 'late');
    for (let i = 0; i < 4; i++) tablet.work();
    world.remove(b, tablet);
    a.send([bo], 'one of you');
    for (let i = 0; i < 4; i++) a.work();
    return { world, a, tablet };
  };

  it('is kept for mail on its way, and dropped after it was fetched (SES-25, SES-61)', () => {
    const { world, a, tablet } = withTwo();
    const { staleAt } = recordOf(a, tablet) ?? {};
    expect(staleAt).toBeDefined();
    world.nowMs += latencyMs + HOUR_MS;
    a.run({ type: 'swept' });
    expect(recordOf(a, tablet)?.staleAt).toBe(staleAt);
    a.sweep();
    expect(a.texts()).toContain('late');
    expect(recordOf(a, tablet)).toBeUndefined();
    expect([...factsOf(a.log)].map(({ name }) => name)).toContain('SessionDropped');
  });

  it('is not dropped by a fetch that was asked for before it was old enough', () => {
    const { world, a, tablet } = withTwo();
    world.nowMs += latencyMs - HOUR_MS;
    const dueMs = world.nowMs;
    world.nowMs += 2 * HOUR_MS;
    a.run({ type: 'drained', dueMs, users: [bo] });
    expect(recordOf(a, tablet)).toBeDefined();
  });

  it('would lose late mail, were it dropped at once', () => {
    const { world, a } = withTwo(['delete-before-fetch']);
    world.nowMs += latencyMs + HOUR_MS;
    a.sweep();
    expect(a.texts()).not.toContain('late');
  });

  it('stays however far the wall clock jumps (SES-27, SES-97)', () => {
    const { world, a, tablet } = withTwo();
    for (const years of [10, -20, 10]) {
      world.wallSkewMs += years * 365 * 24 * HOUR_MS;
      a.sweep();
      a.restart();
      a.sweep();
    }
    expect(recordOf(a, tablet)).toBeDefined();
    world.nowMs += latencyMs;
    a.sweep();
    expect(recordOf(a, tablet)).toBeUndefined();
  });

  it('keeps the time it was first marked with (SES-24)', () => {
    const { world, a, tablet } = withTwo();
    const { staleAt = 0 } = recordOf(a, tablet) ?? {};
    world.nowMs += 5 * HOUR_MS;
    const { deviceId } = tablet.own();
    a.run({
      type: 'claimed',
      userId: bo,
      results: [{ deviceId, gone: true }],
      sends: [],
      resends: [],
    });
    expect(recordOf(a, tablet)?.staleAt).toBe(staleAt);
  });
});

describe('times that an application chooses', () => {
  it('are those of its sessions', () => {
    const expiry = sessionExpiry({
      latencyMs: HOUR_MS,
      sendMs: 2 * HOUR_MS,
      receiveMs: 5 * HOUR_MS,
    });
    if (!expiry.ok) throw new Error('sound times');
    const world = new World({ seed: 9, expiry: expiry.value });
    const [a, b] = [world.create('ada'), world.create('bo')];
    a.send([bo], 'hello');
    world.settle();
    const first = activeOf(a, b);
    world.nowMs += 2 * HOUR_MS;
    a.send([bo], 'anew');
    world.settle();
    expect(activeOf(a, b)).not.toBe(first);
    world.nowMs += 4 * HOUR_MS;
    b.sweep();
    expect([...(recordOf(b, a)?.inactive ?? [])]).toEqual([]);
  });
});
