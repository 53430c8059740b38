/**
 * Any permutation of deliveries within the limits decrypts, and nothing has to be sent twice: mail
 * of several turns, in both directions, given in any order and in any portions.
 */

import fc from 'fast-check';
import type { Sabotage } from '@simsim/sesame';
import { expect } from 'vitest';
import { checkNoResends, checkWorld } from './checks.ts';
import { testLaw } from './law.ts';
import type { TestDevice } from './test-device.ts';
import { World } from './world.ts';

interface Case {
  readonly seed: number;
  readonly oneTimeKeys: number;
  /** Who writes how many lines, turn by turn; one line of a turn is read at once. */
  readonly turns: readonly { readonly from: number; readonly lines: number }[];
  /** The order in which the rest is read, as sort keys. */
  readonly order: readonly number[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1 << 20),
  oneTimeKeys: fc.constantFrom(0, 2),
  turns: fc.array(fc.record({ from: fc.nat(1), lines: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 6,
  }),
  order: fc.array(fc.nat(1000), { minLength: 12, maxLength: 12 }),
});

testLaw({
  name: 'order',
  cases,
  check,
  saboteurs: ['new-session-each-initiation', 'rewind-chain'],
});

function check(story: Case, sabotage: readonly Sabotage[]): void {
  const world = new World({ seed: story.seed, oneTimeKeys: story.oneTimeKeys, sabotage });
  const devices = [world.create('ada'), world.create('bo')] as const;
  for (const { from, lines } of story.turns) {
    const writer = from === 0 ? devices[0] : devices[1];
    const reader = from === 0 ? devices[1] : devices[0];
    for (let i = 0; i < lines; i++) writer.send([reader.userId], `line ${i}`);
    for (let i = 0; i < 4; i++) writer.work();
    // The middle one turns the ratchet and leaves gaps on both sides.
    const mail = reader.fetch();
    reader.takeIn(mail.slice(mail.length >> 1, (mail.length >> 1) + 1));
  }
  for (const device of devices) readInOrder(device, story.order);
  world.settle();
  checkWorld(world);
  checkNoResends(world);
  for (const device of devices) {
    const ends = device.effects.filter((effect) => effect.type === 'acknowledge');
    expect(ends.some(({ end }) => end.state === 'duplicate')).toBe(false);
  }
}

function readInOrder(device: TestDevice, order: readonly number[]): void {
  const keyed = device
    .fetch()
    .map((envelope, i) => ({ envelope, key: order[i % order.length] ?? 0 }));
  for (const { envelope } of keyed.sort((a, b) => a.key - b.key)) device.takeIn([envelope]);
}
