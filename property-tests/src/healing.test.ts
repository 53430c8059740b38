/**
 * Healing is rationed and loses nothing: a device that asks again and again causes at most so many new
 * sessions an hour; what waits goes out when it may, and what was resent as often as it may be is given
 * up by name (SES-75, SES-79). A device that only hears turns the ratchet all the same.
 */

import { hexToBytes, invariant } from '@simsim/bytes';
import { HEALS_MAX, HEARTBEAT_COUNTER, RESENDS_MAX } from '@simsim/sesame';
import type { EnvelopeId, IncomingEnvelope } from '@simsim/relay-protocol';
import type { Sabotage } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { factsOf } from './log-state.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

const [ada, bo] = [user('ada'), user('bo')];
const HOUR_MS = 3600 * 1000;

function two(sabotage: readonly Sabotage[] = []): { world: World; a: TestDevice; b: TestDevice } {
  const world = new World({ seed: 11, sabotage, oneTimeKeys: 30 });
  const [a, b] = [world.create('ada'), world.create('bo')];
  a.send([bo], 'hello');
  world.settle();
  b.send([ada], 'hello yourself');
  world.settle();
  return { world, a, b };
}

function work(device: TestDevice): void {
  while (device.work());
}

/** A retry request of a device for an envelope, as anybody at the relay could write it. */
function retryOf(envelopeId: EnvelopeId, by: TestDevice, seq: number): IncomingEnvelope {
  const content = hexToBytes(envelopeId);
  invariant(content !== undefined, 'ids are hexadecimal');
  const { userId: sender, deviceId: senderDevice } = by.own();
  return { seq, sender, senderDevice, envelopeId, kind: 'retry', content, waitedMs: 0 };
}

/** The envelope under which a message last went to a device. */
function lastEnvelope(from: TestDevice, to: TestDevice, text: string): EnvelopeId {
  const sent = [...from.world.journal.sent].find(([, each]) => each.text === text)?.[0];
  invariant(sent !== undefined, 'it was sent');
  const state = from.core.reader().value('send', `send/${sent}`);
  const copy = state?.recipients.get(to.userId)?.copies.get(to.own().deviceId);
  invariant(copy !== undefined, 'it went to that device');
  return copy.envelopeId;
}

/** Sends a text and has two requests for it come in: the second wants a new session. */
function askTwice(a: TestDevice, b: TestDevice, text: string): void {
  a.send([bo], text);
  work(a);
  for (const seq of [1, 2]) {
    a.takeIn([retryOf(lastEnvelope(a, b, text), b, 1_000_000 + seq)]);
    work(a);
  }
}

const sessionsBegun = (device: TestDevice): number =>
  [...factsOf(device.log)].filter(({ name }) => name === 'HealBegun').length;

describe('requests for mail that was received well', () => {
  it('cause four new sessions at once, and one more an hour', () => {
    const { world, a, b } = two();
    for (let i = 0; i < HEALS_MAX + 3; i++) askTwice(a, b, `line ${i}`);
    expect(sessionsBegun(a)).toBe(HEALS_MAX);
    for (let hour = 1; hour <= 2; hour++) {
      world.nowMs += 1.3 * HOUR_MS;
      a.sweep();
      work(a);
      expect(sessionsBegun(a)).toBe(HEALS_MAX + 1);
      // On the new session everything that waited went out: nothing more is owed.
      a.sweep();
      expect(a.claims).toEqual([]);
    }
    world.settle();
    const texts = b.texts().filter((text) => text.startsWith('line'));
    expect(texts.sort()).toEqual(Array.from({ length: HEALS_MAX + 3 }, (_, i) => `line ${i}`));
  });

  it('cause as many as they are, without a limit', () => {
    const { a, b } = two(['heal-without-limit']);
    for (let i = 0; i < HEALS_MAX + 3; i++) askTwice(a, b, `line ${i}`);
    expect(sessionsBegun(a)).toBe(HEALS_MAX + 3);
  });

  it('wait over a restart', () => {
    const { world, a, b } = two();
    for (let i = 0; i < HEALS_MAX + 1; i++) askTwice(a, b, `line ${i}`);
    a.restart();
    a.sweep();
    work(a);
    expect(sessionsBegun(a)).toBe(HEALS_MAX);
    world.nowMs += 1.3 * HOUR_MS;
    a.sweep();
    work(a);
    expect(sessionsBegun(a)).toBe(HEALS_MAX + 1);
  });
});

describe('a message that no resend brought across', () => {
  it('is given up by name, and its record ends', () => {
    const { a, b } = two();
    a.send([bo], 'unlucky');
    work(a);
    for (let i = 0; i <= RESENDS_MAX; i++) {
      a.takeIn([retryOf(lastEnvelope(a, b, 'unlucky'), b, 1_000_000 + i)]);
      work(a);
    }
    const dead = a.effects.flatMap((effect) => (effect.type === 'copyDead' ? [effect.reason] : []));
    expect(dead).toEqual(['RESENDS_SPENT']);
    expect(a.log.streamsWithPrefix('send/')).toEqual([]);
  });

  it('went out first as it was, then on a new session, then on another with an empty one', () => {
    const { a, b } = two();
    a.send([bo], 'unlucky');
    work(a);
    const active = (): string | undefined => a.record(bo).devices.get(b.own().deviceId)?.active;
    const sessions = [active()];
    const posted: number[] = [];
    const lists: number[] = [];
    for (let i = 0; i < RESENDS_MAX; i++) {
      const before = a.effects.length;
      a.takeIn([retryOf(lastEnvelope(a, b, 'unlucky'), b, 1_000_000 + i)]);
      work(a);
      sessions.push(active());
      const effects = a.effects.slice(before);
      posted.push(effects.filter(({ type }) => type === 'post').length);
      lists.push(effects.filter(({ type }) => type === 'fetchList').length);
    }
    expect(sessions[1]).toBe(sessions[0]);
    expect(new Set(sessions).size).toBe(3);
    expect(posted).toEqual([1, 1, 2]);
    // The last time the device itself is looked at anew: the list is fetched.
    expect(lists).toEqual([0, 0, 1]);
  });
});

describe('a device that only hears', () => {
  const hear = (
    sabotage: readonly Sabotage[] = [],
    answers: 'come' | 'are lost' = 'come',
  ): number => {
    const { a, b } = two(sabotage);
    for (let i = 0; i < 2 * HEARTBEAT_COUNTER + 10; i++) {
      a.send([bo], `line ${i}`);
      work(a);
      // The application keeps nothing, so no receipt turns the ratchet.
      b.takeIn(b.fetch());
      work(b);
      if (answers === 'come') a.takeIn(a.fetch());
    }
    return [...factsOf(b.log)].filter(({ name }) => name === 'MessageSent').length;
  };

  it('answers after so many messages, and not to each', () => {
    const before = 1 + 1;
    expect(hear() - before).toBe(2);
    expect(hear([], 'are lost') - before).toBe(2);
  });

  it('would never, were it not for that', () => {
    expect(hear(['never-turn']) - 2).toBe(0);
  });
});

describe('keys that come for a resend', () => {
  it('of a message that is over by then are taken, and nothing is sent', () => {
    for (const ending of ['receipted', 'forgotten'] as const) {
      const { a, b } = two();
      askTwice(a, b, 'unlucky');
      // Asked a third time: the claim for another session is on its way.
      a.takeIn([retryOf(lastEnvelope(a, b, 'unlucky'), b, 1_000_009)]);
      const [claim] = a.claims;
      invariant(claim !== undefined, 'keys are asked for');
      const [messageId] = claim.resends.map((resend) => resend.messageId);
      invariant(messageId !== undefined, 'for a resend');
      const from = { userId: bo, deviceId: b.own().deviceId };
      if (ending === 'forgotten') a.run({ type: 'forgetSend', messageId });
      else a.run({ type: 'receipted', ...from, messageIds: [messageId] });
      a.restart();
      a.posts = [];
      a.claim(claim);
      expect(a.posts).toEqual([]);
      expect(a.log.streamsWithPrefix('send/')).toEqual([]);
    }
  });
});
