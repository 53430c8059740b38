/** The driver, with our own sessions at both ends: it passes honest peers and no others. */

import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import type { SessionSabotage } from '@simsim/session';
import { describe, expect, test } from 'vitest';
import { ourPeer } from '../src/our-device.ts';
import type { PairInput, PairResult } from '../src/pair.ts';
import { ROLES, playPair } from '../src/pair.ts';
import type { Peer } from '../src/peer.ts';
import { LIES, sabotage } from './saboteur.ts';

const honest = ourPeer(nodeCrypto);

const play = (theirs: Peer, more: Partial<PairInput> = {}): Promise<PairResult> =>
  playPair({
    ours: () => honest,
    theirs,
    crossing: 'crossing',
    version: 3,
    hasPqRatchet: false,
    theyNameParties: false,
    role: 'we initiate',
    seed: 1,
    ...more,
  });

describe.each(ROLES)('%s', (role) => {
  test('an honest peer passes, whatever the seed', async () => {
    for (const seed of [2, 3]) {
      const result = await play(honest, { role, seed });
      expect(result).toMatchObject({ failures: 0, fault: undefined, sessions: 50 });
      expect(result.delivered + result.lost).toBe(result.sent);
    }
  });

  test('a peer on the other backend passes', async () => {
    const { fault } = await play(ourPeer(nobleCrypto), { role, sessions: 3 });
    expect(fault).toMatch(/^only 3 sessions/);
  });

  test('a peer that keeps its sessions as bytes passes', async () => {
    const saved = ourPeer(nodeCrypto, { savesSessions: true });
    for (const more of [{}, { version: 4, hasPqRatchet: true, theyNameParties: true }] as const) {
      const { fault } = await play(saved, { ...more, role, sessions: 8 });
      expect(fault).toMatch(/^only 8 sessions/);
    }
  });

  // A side that never initiates has no occasion for some lies; where both do, there is one for all.
  const lies = LIES.filter((lie) => {
    if (lie === 'denies that a message initiates') return role !== 'we initiate';
    if (lie === 'leaves the one-time prekey out') return role !== 'we initiate';
    return role !== 'they initiate' || !/publishes|signs/.test(lie);
  });

  test.each(lies)('a peer that %s in one conversation is noticed', async (lie) => {
    const { failures, fault } = await play(sabotage(honest, lie, 6), { role, sessions: 8 });
    expect(failures).toBe(1);
    expect(fault).toMatch(/^session 6: /);
  });
});

describe('version 4', () => {
  const version4 = { version: 4, hasPqRatchet: true, theyNameParties: true } as const;

  test.each(ROLES)('passes with the post-quantum ratchet: %s', async (role) => {
    expect(await play(honest, { ...version4, role })).toMatchObject({ failures: 0, sessions: 50 });
  });

  test('passes without it, where both leave it out', async () => {
    const without = ourPeer(nodeCrypto, { policy: { pqRatchet: 'off' } });
    const { fault } = await play(without, {
      ours: () => without,
      ...version4,
      hasPqRatchet: false,
      sessions: 3,
    });
    expect(fault).toMatch(/^only 3 sessions/);
  });

  test('without it is noticed where it is expected', async () => {
    const without = ourPeer(nodeCrypto, { policy: { pqRatchet: 'off' } });
    const { fault } = await play(without, { ...version4, ours: () => without, sessions: 3 });
    expect(fault).toMatch(/^session 0: .*no part in the post-quantum ratchet/);
  });

  test.each(ROLES)('a peer that forgets who the two are is noticed: %s', async (role) => {
    const forgetful: Peer = { ...honest, createDevice: (entropy) => honest.createDevice(entropy) };
    const { failures, fault } = await play(forgetful, { ...version4, role, sessions: 8 });
    expect(failures).toBe(4);
    expect(fault).toMatch(/^session 2: /);
  });

  test.each(LIES)('a peer that %s in one conversation is noticed', async (lie) => {
    const more = { ...version4, role: 'both initiate', sessions: 8 } as const;
    const { failures, fault } = await play(sabotage(honest, lie, 6), more);
    expect(failures).toBe(1);
    expect(fault).toMatch(/^session 6: /);
  });
});

test('a crossing in order passes', async () => {
  const result = await play(honest, { role: 'both initiate', crossing: 'crossing in order' });
  expect(result).toMatchObject({ failures: 0, sessions: 50 });
});

test('we are noticed too', async () => {
  const { fault } = await play(honest, {
    ours: (session) => (session === 2 ? sabotage(honest, 'alters a plaintext', 0) : honest),
    sessions: 3,
  });
  expect(fault).toMatch(/^session 2: .*another plaintext/);
});

const defects: readonly SessionSabotage[] = [
  'moves-before-tag',
  'never-ends-initiation',
  'reuses-ratchet-key',
  'keeps-used-seed',
];

test.each(defects)('a session that %s is noticed', async (defect) => {
  const roles = await Promise.all(
    ROLES.map((role) => play(ourPeer(nodeCrypto, { sabotage: defect }), { role, sessions: 10 })),
  );
  expect(roles.some(({ fault }) => /^session \d+: /.test(fault ?? ''))).toBe(true);
});

test('too little is no proof', async () => {
  const { failures, fault } = await play(honest, { sessions: 49 });
  expect(failures).toBeGreaterThan(0);
  expect(fault).toMatch(/^only 49 sessions, of 50/);
});
