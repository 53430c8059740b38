/** Prekeys: who gets which, and how often. */

import { check, same } from '@simsim/bytes/conformance';
import { crypto } from '@simsim/crypto/auto';
import type { PreKeyBundle } from '@simsim/relay-protocol';
import { claimIdFromBytes, preKeyDigest } from '@simsim/relay-protocol';
import type { TestDevice } from './people.ts';
import { deviceIdOf, TestUser, userIdOf } from './people.ts';
import { onRelay } from './relay-bed.ts';
import type { BareRelayCase, RelayHooks } from './relay-hooks.ts';

/** So many ask for a key at once. */
const CALLERS = 50;
/** And so many keys of each kind are there. */
const KEYS = 30;

function idsOf(bundles: readonly PreKeyBundle[]): {
  readonly oneTime: readonly number[];
  readonly kem: readonly number[];
} {
  return {
    oneTime: bundles.flatMap(({ oneTimePreKey }) => (oneTimePreKey ? [oneTimePreKey.id] : [])),
    kem: bundles.flatMap(({ kemPreKey }) => (kemPreKey ? [kemPreKey.id] : [])),
  };
}

const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** The cases. */
export const KEY_CASES: readonly BareRelayCase<RelayHooks>[] = [
  onRelay('a one-time prekey is taken once, however many ask at once', async (bed) => {
    const { device: target } = await bed.user('target', KEYS);
    const callers: { user: TestUser; device: TestDevice }[] = [];
    for (let i = 0; i < CALLERS; i++) callers.push(await bed.user(`caller ${i}`, 0));
    const bundles = await Promise.all(callers.map((caller) => bed.bundle(caller, target)));
    const { oneTime, kem } = idsOf(bundles);
    same(sorted(oneTime), upTo(KEYS), 'the one-time prekeys that were given');
    const lastResort = target.keys.lastResortKemPreKey.id;
    const ids = [...upTo(KEYS), ...Array<number>(CALLERS - KEYS).fill(lastResort)];
    same(sorted(kem), ids, 'the KEM prekeys that were given');
  }),
  onRelay('the oldest prekey goes first, and its bundle is what was uploaded', async (bed) => {
    const { user, device: target } = await bed.user('target', 3);
    const caller = await bed.user('caller');
    const { keys, entry } = target;
    for (const [i, oneTimePreKey] of keys.oneTimePreKeys.entries()) {
      const bundle = await bed.bundle(caller, target);
      const expected = {
        deviceId: target.deviceId,
        registrationId: entry.registrationId,
        identityKey: user.identity.publicKey.bytes,
        signedPreKey: keys.signedPreKey,
        oneTimePreKey,
        kemPreKey: keys.oneTimeKemPreKeys[i],
      };
      same(bundle, expected, `bundle ${i + 1}`);
    }
  }),
  onRelay('the last resort is given where no one-time KEM prekey is left', async (bed) => {
    const { device: target } = await bed.user('target', 1);
    const caller = await bed.user('caller');
    const lastResort = target.keys.lastResortKemPreKey;
    const first = await bed.bundle(caller, target);
    same(first.kemPreKey, target.keys.oneTimeKemPreKeys[0], 'the first KEM prekey');
    for (const which of ['second', 'third']) {
      const bundle = await bed.bundle(caller, target);
      same(bundle.kemPreKey, lastResort, `the ${which} KEM prekey`);
      same(bundle.oneTimePreKey, undefined, `the ${which} one-time prekey`);
    }
  }),
  onRelay('a claim that is repeated gives the same keys, and takes no others', async (bed) => {
    const { user, device: target } = await bed.user('target', 3);
    const { user: other, device } = await bed.user('caller');
    const claim = bed.claimOf(target, claimIdFromBytes(other.entropy(16)));
    const { results } = await bed.ask(claim, device);
    same((await bed.ask(claim, device)).results, results, 'the answer to the same claim');
    const wider = { ...claim, devices: [target.deviceId, deviceIdOf(9)] };
    await bed.refused('ID_REUSED', wider, device);
    const next = await bed.bundle({ user: other, device }, target);
    same(next.oneTimePreKey?.id, 2, 'the key of the next claim');
    const unknown = { ...claim, claimId: claimIdFromBytes(user.entropy(16)) };
    await bed.refused('UNKNOWN_USER', { ...unknown, userId: userIdOf('nobody') }, device);
    const gone = await bed.ask({ ...unknown, devices: [deviceIdOf(9)] }, device);
    same(gone.results, [{ deviceId: 9, gone: true }], 'the keys of a device that is not listed');
  }),
  onRelay('keys go up once, and an id never carries two', async (bed) => {
    const { user, device } = await bed.user('target', 2);
    const keys = user.makeKeys(10, 2);
    const answer = await bed.ask({ kind: 'uploadKeys', keys }, device);
    const counters = { count: 4, lastIssuedId: 0, highestSeenId: 11, refusedIds: [] };
    const taken = { isSignedPreKeyTaken: true, isLastResortTaken: true };
    const expected = { kind: 'uploadKeys', ...taken, ...counters, kem: counters };
    same(answer, expected, 'what becomes of new keys');
    same(await bed.ask({ kind: 'uploadKeys', keys }, device), expected, 'and of the same again');
    const others = user.makeKeys(10, 2);
    const refused = await bed.ask({ kind: 'uploadKeys', keys: others }, device);
    const ids = [10, 11];
    same(
      [refused.refusedIds, refused.kem.refusedIds, refused.isSignedPreKeyTaken],
      [ids, ids, false],
      'and of others under their ids',
    );
    const old = await bed.ask({ kind: 'uploadKeys', keys: user.makeKeys(5, 1) }, device);
    same([old.refusedIds, old.isSignedPreKeyTaken], [[5], false], 'and of keys of before');
    const caller = await bed.user('caller');
    const found: PreKeyBundle[] = [];
    for (let i = 0; i < 4; i++) found.push(await bed.bundle(caller, device));
    same(idsOf(found), { oneTime: [1, 2, 10, 11], kem: [1, 2, 10, 11] }, 'the keys to be had');
    const bytes = found.map(({ oneTimePreKey }) => oneTimePreKey?.publicKey);
    const uploaded = [...device.keys.oneTimePreKeys, ...keys.oneTimePreKeys];
    same(
      bytes,
      uploaded.map(({ publicKey }) => publicKey),
      'their bytes',
    );
  }),
  onRelay('a device can ask what the relay has of its keys', async (bed) => {
    const { user, device } = await bed.user('target', 2);
    const caller = await bed.user('caller');
    await bed.bundle(caller, device);
    const digest = preKeyDigest(device.keys, crypto);
    const counters = { count: 1, lastIssuedId: 1, highestSeenId: 2 };
    const ids = { signedPreKeyId: 1, lastResortId: 1001 };
    const found = await bed.ask({ kind: 'checkKeys', digest }, device);
    const expected = { kind: 'checkKeys', ...ids, oneTime: counters, kem: counters };
    same(found, { ...expected, isSame: true }, 'what the relay has');
    const other = preKeyDigest(user.makeKeys(1, 0), crypto);
    const { isSame } = await bed.ask({ kind: 'checkKeys', digest: other }, device);
    check(!isSame, 'other keys are told from those that are there');
  }),
  onRelay('keys of a lost state go when their device replaces them', async (bed) => {
    const { user, device } = await bed.user('target', 3);
    const keys = user.makeKeys(20, 2);
    const request = { kind: 'uploadKeys', keys, replacesOneTime: true } as const;
    const { count, kem } = await bed.ask(request, device);
    same([count, kem.count], [2, 2], 'how many are there');
    const caller = await bed.user('caller');
    const bundle = await bed.bundle(caller, device);
    same([bundle.oneTimePreKey?.id, bundle.kemPreKey?.id], [20, 20], 'the keys of the next claim');
  }),
];
