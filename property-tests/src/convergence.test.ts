/**
 * Two devices that begin sessions at the same time come to use one (SES-64): at the latest after
 * the first answered message both ends have the same active session, whichever of the two first
 * messages was lost; and with crossed traffic every message still opens.
 */

import { invariant } from '@simsim/bytes';
import fc from 'fast-check';
import type { Sabotage } from '@simsim/sesame';
import { expect } from 'vitest';
import { checkDevice, checkNoResends } from './checks.ts';
import { testLaw } from './law.ts';
import type { TestDevice } from './test-device.ts';
import { World } from './world.ts';

interface Case {
  readonly seed: number;
  readonly oneTimeKeys: number;
  /** Rounds in which both write before either reads. */
  readonly crossed: number;
  /** Whose first message is lost. */
  readonly lost: 'none' | 'first' | 'second';
  /** Who writes first when they begin to listen to each other. */
  readonly speaker: 'first' | 'second';
}

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1 << 20),
  oneTimeKeys: fc.constantFrom(0, 2),
  crossed: fc.nat(8),
  lost: fc.constantFrom('none', 'first', 'second'),
  speaker: fc.constantFrom('first', 'second'),
});

testLaw({ name: 'convergence', cases, check, saboteurs: ['ignore-session-activation'] });

function check(story: Case, sabotage: readonly Sabotage[]): void {
  const world = new World({ seed: story.seed, oneTimeKeys: story.oneTimeKeys, sabotage });
  const [ada, bo] = [world.create('ada'), world.create('bo')];
  write(ada, bo);
  write(bo, ada);
  read(bo, story.lost === 'first' ? 'lose' : 'read');
  read(ada, story.lost === 'second' ? 'lose' : 'read');
  for (let round = 0; round < story.crossed; round++) {
    write(ada, bo);
    write(bo, ada);
    read(ada, 'read');
    read(bo, 'read');
  }
  const [from, to] = story.speaker === 'first' ? [ada, bo] : [bo, ada];
  converse(from, to);
  converse(to, from);
  expect(activeOf(ada, bo)).toBe(activeOf(bo, ada));
  checkNoResends(world);
  for (const device of [ada, bo]) checkDevice(device);
}

function converse(from: TestDevice, to: TestDevice): void {
  write(from, to);
  read(to, 'read');
}

/** Sends one message all the way to the other's mailbox. */
function write(from: TestDevice, to: TestDevice): void {
  from.send([to.userId], 'hello');
  for (let i = 0; i < 4; i++) from.work();
}

/** Reads the mailbox without a receipt going back, so that only messages turn the sessions. */
function read(device: TestDevice, how: 'read' | 'lose'): void {
  const mail = device.fetch();
  if (how === 'read') device.takeIn(mail);
  else device.ask({ kind: 'ack', seqs: mail.map(({ seq }) => seq) });
}

function activeOf(device: TestDevice, peer: TestDevice): string {
  const active = device.record(peer.userId).devices.get(peer.own().deviceId)?.active;
  invariant(active !== undefined, 'they have talked');
  return active;
}
