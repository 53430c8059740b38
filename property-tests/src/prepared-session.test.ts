/** Sessions that were made ahead of the decision that inserts them. */

import { invariant } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import type { PreKeyBundle } from '@simsim/relay-protocol';
import { prepareSession } from '@simsim/sesame';
import type { ClaimResult, PreparedSession } from '@simsim/sesame';
import { sessionId } from '@simsim/session';
import { describe, expect, it } from 'vitest';
import { answerClaims, only, twoUsers, unsigned } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import type { World } from './world.ts';

/** Who writes for the first time; the answer to the claim comes with a session that was made ahead. */
function firstContact(
  prepare: (bundle: PreKeyBundle, by: TestDevice) => PreparedSession,
  befall: (result: ClaimResult) => ClaimResult = (result) => result,
): { world: World; a: TestDevice; b: TestDevice; prepared: PreparedSession } {
  const { world, a, b } = twoUsers();
  a.send([b.userId], 'hello');
  for (const item of a.posts) a.post(item);
  const made: PreparedSession[] = [];
  answerClaims(a, (answer) => {
    const result = befall(answer);
    invariant('bundle' in result, 'the device is there');
    const prepared = prepare(result.bundle, a);
    made.push(prepared);
    return { ...result, prepared };
  });
  return { world, a, b, prepared: only(made) };
}

function activeOf(device: TestDevice, peer: TestDevice): string | undefined {
  return device.record(peer.userId).devices.get(peer.own().deviceId)?.active;
}

function idOf({ made }: PreparedSession): string {
  invariant(made.ok, 'the bundle is sound');
  return sessionId(made.value.session);
}

describe('a session that was made ahead', () => {
  it('is the one that begins', () => {
    const { world, a, b, prepared } = firstContact((bundle, by) =>
      prepareSession(bundle, by.own(), by.world),
    );
    expect(activeOf(a, b)).toBe(idOf(prepared));
    world.settle();
    expect(b.texts()).toEqual(['hello']);
  });

  it.each([
    ['of another bundle', (bundle: PreKeyBundle) => ({ ...bundle }), 0],
    ['of another incarnation', (bundle: PreKeyBundle) => bundle, 1],
  ])('%s is not taken', (_, bundleOf, further) => {
    const { world, a, b, prepared } = firstContact((bundle, by) => {
      const own = by.own();
      const registrationId = own.registrationId + further;
      return prepareSession(bundleOf(bundle), { ...own, registrationId }, by.world);
    });
    expect(activeOf(a, b)).toBeDefined();
    expect(activeOf(a, b)).not.toBe(idOf(prepared));
    world.settle();
    expect(b.texts()).toEqual(['hello']);
  });

  it('makes none of a bundle that nobody signed', () => {
    const { a, b } = firstContact(
      (bundle, by) => prepareSession(bundle, by.own(), by.world),
      unsigned,
    );
    expect(activeOf(a, b)).toBeUndefined();
  });
});

describe('sessions that are made for nothing', () => {
  it('are wiped: with an answer that is bad in part, and where there is one by now', () => {
    const wiped = new Set<unknown>();
    const wipe: Crypto['wipe'] = (secret) => {
      wiped.add(secret);
      nodeCrypto.wipe(secret);
    };
    const { world, a, b } = twoUsers({ crypto: { ...nodeCrypto, wipe } });
    world.link(b);
    a.send([b.userId], 'hello');
    for (const item of a.posts) a.post(item);
    const made: PreparedSession[] = [];
    const prepared = (answer: ClaimResult): ClaimResult => {
      invariant('bundle' in answer, 'the device is there');
      const ahead = prepareSession(answer.bundle, a.own(), world);
      made.push(ahead);
      return { ...answer, prepared: ahead };
    };
    const rootOf = ({ made: one }: PreparedSession): unknown =>
      one.ok && one.value.session.hot.root;
    answerClaims(a, (answer) => prepared(made.length === 0 ? answer : unsigned(answer)));
    expect(made.map(({ made: { ok } }) => ok)).toEqual([true, false]);
    expect(wiped.has(rootOf(only(made.slice(0, 1))))).toBe(true);
    made.length = 0;
    a.send([b.userId], 'again');
    for (const item of a.posts) a.post(item);
    const late = a.claims.map((each) => ({ ...each, sends: [] }));
    answerClaims(a, (answer) => answer);
    a.claims = late;
    answerClaims(a, prepared);
    expect(made.map((one) => wiped.has(rootOf(one)))).toEqual([true, true]);
    world.settle();
    expect(b.texts()).toEqual(['again']);
  });
});
