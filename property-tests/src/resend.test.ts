/**
 * What cannot be read is asked for and comes again, the second time in a fresh session, at most so
 * often; whoever was not meant gets nothing, however well they name the envelope (SES-66…75, SES-79).
 */

import { hexToBytes, invariant } from '@simsim/bytes';
import fc from 'fast-check';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import { RESENDS_MAX } from '@simsim/sesame';
import type { Sabotage } from '@simsim/sesame';
import { expect } from 'vitest';
import { checkDevice } from './checks.ts';
import { testLaw } from './law.ts';
import { factsOf, stateOf } from './log-state.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

interface Case {
  readonly seed: number;
  readonly oneTimeKeys: number;
  /** Whether the two have talked before. */
  readonly talked: 'yes' | 'no';
  readonly lines: number;
  /** How often the message is spoilt on its way, resends included. */
  readonly spoilt: number;
  /** Kills of the sender between the steps of a resend. */
  readonly kills: readonly number[];
  /** Requests that others make for an envelope they have seen. */
  readonly strangers: number;
}

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1 << 20),
  oneTimeKeys: fc.constantFrom(0, 8),
  talked: fc.constantFrom('yes', 'no'),
  lines: fc.integer({ min: 1, max: 3 }),
  spoilt: fc.nat(RESENDS_MAX + 2),
  kills: fc.array(fc.nat(12), { maxLength: 3 }),
  strangers: fc.nat(2),
});

testLaw({
  name: 'resend',
  cases,
  check,
  saboteurs: ['resend-without-limit', 'resend-to-anyone', 'resend-on-same-session'],
});

function check(story: Case, sabotage: readonly Sabotage[]): void {
  const { seed, oneTimeKeys, lines, spoilt } = story;
  const world = new World({ seed, oneTimeKeys, sabotage });
  const [ada, bo, cy] = [world.create('ada'), world.create('bo'), world.create('cy')];
  cy.send([user('ada'), user('bo')], 'hello');
  world.settle();
  if (story.talked === 'yes') {
    bo.send([user('ada')], 'hello');
    world.settle();
  }
  for (let line = 0; line < lines; line++) ada.send([user('bo')], `line ${line}`);
  for (let i = 0; i < 4; i++) ada.work();
  for (let i = 0; i < story.strangers; i++) askAsStranger(ada, cy, bo.fetch());
  const first = activeOf(ada, bo);
  let step = 0;
  for (let round = 0; round < spoilt; round++) {
    // Acknowledged, but not to the application: no receipt may end the sends early.
    bo.takeIn(bo.fetch().map(spoil));
    for (let i = 0; i < 5; i++) {
      bo.work();
      // A first message that does not open is done with once the own list was asked about.
      bo.takeIn([]);
      if (story.kills.includes(step++)) ada.restart();
      ada.takeIn(ada.fetch());
      ada.work();
    }
  }
  world.settle();
  const isHealed = spoilt <= RESENDS_MAX;
  const expected = isHealed ? Array.from({ length: lines }, (_, line) => `ada: line ${line}`) : [];
  const kept = [...bo.kept().values()].filter(({ line }) => line.startsWith('ada: '));
  expect(kept.map(({ line }) => line).sort()).toEqual(expected);
  expect(kept.every(({ count }) => count === 1)).toBe(true);
  const resent = [...factsOf(ada.log)].filter(({ name }) => name === 'Resent').length;
  expect(resent).toBeLessThanOrEqual(lines * RESENDS_MAX);
  expect(cy.texts()).toEqual([]);
  // Damage alone is no fault of a session; what failed twice is (SES-73).
  if (spoilt > 1 && resent > 1) expect(activeOf(ada, bo)).not.toBe(first);
  for (const device of world.devices) checkDevice(device);
}

function spoil(envelope: IncomingEnvelope): IncomingEnvelope {
  if (envelope.kind === 'retry') return envelope;
  const content = envelope.content.slice();
  const last = content.length - 1;
  content[last] = (content[last] ?? 0) ^ 1;
  return { ...envelope, content };
}

/** Another user names a real envelope: nothing happens and nothing is sent. */
function askAsStranger(ada: TestDevice, cy: TestDevice, mail: readonly IncomingEnvelope[]): void {
  const named = mail[0];
  invariant(named !== undefined, 'mail waits');
  const content = hexToBytes(named.envelopeId);
  invariant(content !== undefined, 'ids are hexadecimal');
  const { userId: sender, deviceId: senderDevice } = cy.own();
  const before = stateOf(ada.log);
  ada.takeIn([{ ...named, kind: 'retry', sender, senderDevice, content, seq: 1_000_000 }]);
  expect(stateOf(ada.log)).toEqual(before);
  expect(ada.posts).toEqual([]);
  expect(ada.claims).toEqual([]);
}

function activeOf(device: TestDevice, peer: TestDevice): string | undefined {
  return device.record(peer.userId).devices.get(peer.own().deviceId)?.active;
}
