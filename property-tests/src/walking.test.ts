/** Messages that name a place far ahead and are forged: the steps they cost are bounded by the hour. */

import { invariant } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import { encrypt } from '@simsim/session';
import { describe, expect, it } from 'vitest';
import { endsOf, sessionOf, write } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

const HOUR_MS = 3_600_000;
const AHEAD = 1999;
/** More forgeries than an hour takes at this distance. */
const FORGERIES = 70;

/** Primitives that count the steps of chains. */
function counting(): { crypto: Crypto; steps: () => number } {
  let count = 0;
  const chainStep: Crypto['chainStep'] = (chain) => {
    count++;
    return nodeCrypto.chainStep(chain);
  };
  return { crypto: { ...nodeCrypto, chainStep }, steps: () => count };
}

/** A message of a settled session that is far ahead of all others, with another tag each time. */
function farAhead(peer: TestDevice, victim: TestDevice): (n: number) => IncomingEnvelope {
  let session = sessionOf(peer, victim);
  let content = new Uint8Array(0);
  for (let i = 0; i <= AHEAD; i++) {
    const step = encrypt(session, new Uint8Array(16), peer.world);
    invariant(step.ok, 'a settled session encrypts');
    session = step.value.session;
    content = new Uint8Array(step.value.message);
  }
  const template = victim.history.at(-1);
  invariant(template !== undefined, 'there was mail');
  const { userId: sender, deviceId: senderDevice } = peer.own();
  return (n) => {
    const forged = content.map((byte, i) => (i === content.length - 1 ? byte ^ n : byte));
    return { ...template, seq: 1_000_000 + n, sender, senderDevice, content: forged };
  };
}

describe('a peer whose messages are far ahead and do not open', () => {
  it('costs a bounded number of steps an hour, and what is near opens all the same', () => {
    const { crypto, steps } = counting();
    const world = new World({ seed: 3, crypto });
    const [peer, victim] = [world.create('eve'), world.create('bo')];
    peer.send([user('bo')], 'hello');
    world.settle();
    victim.send([user('eve')], 'hello');
    world.settle();
    const forge = farAhead(peer, victim);
    const costs = Array.from({ length: FORGERIES }, (_, i) => {
      const before = steps();
      victim.takeIn([forge(i + 1)]);
      return steps() - before;
    });
    expect(costs[0]).toBeGreaterThan(AHEAD);
    expect(costs.at(-1)).toBe(0);
    expect(endsOf(victim).at(-1)).toMatchObject({ reason: 'SKIPPED_TOO_MUCH' });
    victim.receive([write(peer, victim, 'near')]);
    expect(victim.texts()).toEqual(['hello', 'near']);
    world.nowMs += HOUR_MS;
    const before = steps();
    victim.takeIn([forge(FORGERIES + 1)]);
    expect(steps() - before).toBeGreaterThan(AHEAD - 10);
  });
});
