/** Looking at a device: what `inspect` and `doctor` say, and that no secret is among it. */

import { bytesToHex } from '@simsim/bytes';
import { memory } from '@simsim/device';
import type { Device, OpenOptions } from '@simsim/device';
import { describe, expect, it } from 'vitest';
import { houseForEach, next } from './house.ts';

const house = houseForEach();

const device = (user: string, options: Partial<OpenOptions> = {}): Promise<Device> =>
  house.device(user, { store: memory(), ...options });

async function talk(from: Device, to: Device): Promise<void> {
  await from.send(to.user, 'hello');
  await next(to);
}

describe('inspecting a user', () => {
  it('tells of nobody that nothing is known', async () => {
    const alice = await device('alice');
    expect(alice.inspect('bob')).toMatchObject({ trust: 'unknown', devices: [], listVersion: 0 });
  });

  it('tells devices, sessions and how far their chains are', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    await talk(alice, bob);
    await talk(bob, alice);
    const report = alice.inspect('bob');
    expect(report).toMatchObject({
      user: 'bob',
      trust: 'seen',
      isGone: false,
      sendsHeld: 0,
      mailHeld: 0,
    });
    expect(report.devices).toMatchObject([
      { deviceId: bob.deviceId, isListed: true, staleMs: undefined, healsLeft: 4 },
    ]);
    const [session] = report.devices[0]?.sessions ?? [];
    expect(session).toMatchObject({ use: 'sends', version: 4, isInitiating: false });
    expect(session?.received).toBeGreaterThan(0);
    expect(session?.ageMs).toBeLessThan(60_000);
    expect(bob.inspect('alice').devices[0]?.sessions[0]?.id).toBe(session?.id);
  });

  it('tells when each device was last heard of, so that one that is gone for good can be told', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    const tablet = await house.linked(alice, 'tablet');
    const heard = async (): Promise<(number | undefined)[]> => {
      const own = (await alice.devices()).find(({ deviceId }) => deviceId === tablet.deviceId);
      return [alice.inspect('bob').devices[0]?.heardAt, own?.heardAt];
    };
    expect((await heard())[0]).toBeUndefined();
    const started = Date.now();
    await talk(alice, bob);
    await tablet.send('alice', 'a note');
    await expect.poll(heard).toEqual([expect.any(Number), expect.any(Number)]);
    const before = await heard();
    for (const at of before) expect(at).toBeGreaterThanOrEqual(started);
    await tablet.close();
    await bob.send('alice', 'later');
    await expect.poll(async () => (await heard())[0]).toBeGreaterThan(before[0] ?? 0);
    expect((await heard())[1]).toBe(before[1]);
  });

  it('tells what waits for a key, and the doctor says what to do', async () => {
    const [alice, bob] = [await device('alice', { trust: 'verified-only' }), await device('bob')];
    const { recipients } = await alice.send('bob', 'secret');
    expect(recipients).toContainEqual(expect.objectContaining({ user: 'bob', held: 'UNVERIFIED' }));
    const report = alice.inspect('bob');
    expect(report.sendsHeld).toBe(1);
    expect(alice.doctor().findings.map(({ code }) => code)).toContain('MAIL_HELD');
    const key = alice.identityOf('bob')?.key ?? new Uint8Array(0);
    expect(bytesToHex(key)).toBe(report.identityKey);
    await alice.trustIdentity('bob', key, { verified: true });
    await next(bob);
    expect(alice.inspect('bob')).toMatchObject({ trust: 'verified', sendsHeld: 0 });
  });
});

describe('the doctor', () => {
  it('finds nothing where nothing is wrong', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    await talk(alice, bob);
    expect(alice.doctor()).toMatchObject({
      user: 'alice',
      status: 'registered',
      users: 1,
      peerDevices: 1,
      sessions: 1,
      preKeys: { notTaken: 0 },
      findings: [],
    });
  });

  it('and an inspection say nothing that is not public', async () => {
    const [alice, bob] = [await device('alice'), await device('bob')];
    await talk(alice, bob);
    await talk(bob, alice);
    const [report, state] = [alice.inspect('bob'), alice.doctor()];
    const known = [
      report.identityKey,
      state.head.hash,
      ...report.devices.flatMap(({ sessions }) => sessions.map(({ id }) => id)),
    ];
    const text = JSON.stringify([report, state], (_, value: unknown) => {
      // Bytes of any kind, or an object of a class, would be somebody's key.
      const isPlain =
        typeof value !== 'object' ||
        value === null ||
        Array.isArray(value) ||
        Object.getPrototypeOf(value) === Object.prototype;
      expect(isPlain).toBe(true);
      return value;
    });
    for (const hex of text.match(/[0-9a-f]{16,}/gu) ?? []) expect(known).toContain(hex);
    expect(text).not.toContain('hello');
  });
});
