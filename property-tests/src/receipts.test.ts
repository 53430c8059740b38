/**
 * A send keeps its plaintext until every device that was reached has kept the message, and not a
 * moment longer; only that very device's receipt counts for it (SES-77, SES-78).
 */

import fc from 'fast-check';
import { sendStream } from '@simsim/sesame';
import type { Sabotage } from '@simsim/sesame';
import { expect } from 'vitest';
import { checkPlaintextLife, checkWorld } from './checks.ts';
import { testLaw } from './law.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

interface Case {
  readonly seed: number;
  readonly devices: number;
  /** Devices in the order in which they keep the message; each may do it more than once. */
  readonly order: readonly number[];
  /** After which of them every other device falsely says that it has the message. */
  readonly liars: readonly number[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1 << 20),
  devices: fc.integer({ min: 1, max: 3 }),
  order: fc.array(fc.nat(4), { minLength: 3, maxLength: 8 }),
  liars: fc.array(fc.nat(7), { maxLength: 2 }),
});

testLaw({
  name: 'receipts',
  cases,
  check,
  saboteurs: ['receipt-from-anyone', 'keep-settled-send'],
});

function check(story: Case, sabotage: readonly Sabotage[]): void {
  const world = new World({ seed: story.seed, oneTimeKeys: 3, sabotage });
  const [ada, bo, cy] = [world.create('ada'), world.create('bo'), world.create('cy')];
  world.link(ada);
  for (let i = 1; i < story.devices; i++) world.link(bo);
  cy.send([user('ada')], 'hello');
  world.settle();
  const messageId = ada.send([user('bo')], 'secret');
  for (let i = 0; i < 4; i++) ada.work();
  const owing = world.devices.filter((device) => device !== ada && device !== cy);
  const kept = new Set<TestDevice>();
  const lie = (device: TestDevice): void => {
    const { userId, deviceId } = ada.own();
    device.run({ type: 'sendReceipts', userId, deviceId, messageIds: [messageId] });
    device.work();
  };
  story.order.forEach((pick, at) => {
    const device = owing[pick % owing.length];
    if (device === undefined) return;
    device.receive(device.fetch());
    device.work();
    kept.add(device);
    // Cy was not meant; and what one device says is not said by the others.
    if (story.liars.includes(at)) for (const liar of [cy, ...kept]) lie(liar);
    ada.receive(ada.fetch());
    const isDone = kept.size === owing.length;
    expect(checkPlaintextLife(world, messageId)).toBe(isDone ? 'closed' : 'open');
    const plaintext = ada.log.sealedValue(sendStream(messageId));
    expect(plaintext === undefined).toBe(isDone);
  });
  world.settle();
  checkWorld(world);
}
