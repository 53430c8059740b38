/** Sessions that were made ahead of the decision that inserts them. */

import { invariant } from '@simsim/bytes';
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
