/** A peer that skips ahead in its chain at will: what it makes us keep is bounded by the hour. */

import { invariant } from '@simsim/bytes';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import type { Effect, Sabotage } from '@simsim/sesame';
import { encrypt } from '@simsim/session';
import { describe, expect, it } from 'vitest';
import { sessionOf } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

const HOUR_MS = 3_600_000;
/** As far as one message may skip. */
const SKIP = 1999;
/** More than what one message can make a device keep: 1,000 keys of a session at a time. */
const JUMPS = 9;

interface Story {
  readonly world: World;
  readonly victim: TestDevice;
  /** Skips ahead once more; answers the envelope, not delivered yet. */
  readonly skip: () => IncomingEnvelope;
}

/** Two devices in the middle of a conversation, one of them about to misbehave. */
function begun(sabotage: readonly Sabotage[] = []): Story {
  const world = new World({ seed: 3, sabotage });
  const [peer, victim] = [world.create('eve'), world.create('bo')];
  peer.send([user('bo')], 'hello');
  world.settle();
  victim.send([user('eve')], 'hello');
  world.settle();
  const template = victim.history.at(-1);
  let session = sessionOf(peer, victim);
  invariant(template !== undefined, 'there was mail');
  let seq = 1_000_000;
  return {
    world,
    victim,
    skip() {
      let content = new Uint8Array(0);
      for (let i = 0; i <= SKIP; i++) {
        const step = encrypt(session, new Uint8Array(16), world);
        invariant(step.ok, 'a settled session encrypts');
        session = step.value.session;
        content = new Uint8Array(step.value.message);
      }
      const { userId: sender, deviceId: senderDevice } = peer.own();
      return { ...template, seq: seq++, sender, senderDevice, kind: 'message', content };
    },
  };
}

/** How an envelope ended, and what it added to the log. */
function taken(victim: TestDevice, envelope: IncomingEnvelope): { end: string; events: number } {
  const before = victim.log.tip().seq;
  victim.run({ type: 'envelope', envelope });
  const end = victim.effects.findLast(
    (effect): effect is Extract<Effect, { type: 'acknowledge' }> => effect.type === 'acknowledge',
  )?.end;
  const reason = end !== undefined && 'reason' in end ? end.reason : '';
  return { end: reason, events: victim.log.tip().seq - before };
}

describe('skipping ahead', () => {
  it('is taken up to a bound, refused beyond it without a trace, and taken again an hour later', () => {
    const { world, victim, skip } = begun();
    const jumps = Array.from({ length: JUMPS }, skip);
    const first = jumps.map((envelope) => taken(victim, envelope));
    const refused = first.findIndex(({ end }) => end === 'SKIPPED_TOO_MUCH');
    expect(refused).toBeGreaterThan(2);
    for (const { end, events } of first.slice(0, refused)) {
      expect(end).toBe('MALFORMED_CONTENT');
      expect(events).toBeGreaterThan(10);
    }
    expect(first[refused]?.events).toBe(0);
    const again = jumps[refused];
    invariant(again !== undefined, 'one was refused');
    world.nowMs += HOUR_MS;
    expect(taken(victim, again).end).toBe('MALFORMED_CONTENT');
  });

  it('a device that lets peers skip at will is caught', () => {
    const { victim, skip } = begun(['skip-without-limit']);
    const ends = Array.from({ length: JUMPS }, skip).map((one) => taken(victim, one).end);
    expect(ends).not.toContain('SKIPPED_TOO_MUCH');
  });
});
