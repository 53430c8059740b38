/**
 * Devices linked and removed between the rounds of a send: the rounds go on until one is exact, no
 * ciphertext of a refused round is ever posted again, no chain is moved back (SES-41…49), and the
 * message is where it belongs.
 */

import { bytesToHex, invariant } from '@simsim/bytes';
import fc from 'fast-check';
import type { Sabotage } from '@simsim/sesame';
import { expect } from 'vitest';
import { checkNoResends, checkWorld } from './checks.ts';
import { testLaw } from './law.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

/** What happens to whose devices after so many answers of the relay. */
interface Turn {
  readonly whose: 'ada' | 'bo';
  readonly what: 'link' | 'remove' | 'nothing' | 'restart';
}

interface Case {
  readonly seed: number;
  readonly before: number;
  readonly turns: readonly Turn[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1 << 20),
  before: fc.nat(2),
  turns: fc.array(
    fc.record({
      whose: fc.constantFrom('ada', 'bo', 'bo'),
      what: fc.constantFrom('link', 'link', 'remove', 'nothing', 'restart'),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});

testLaw({
  name: 'rounds',
  cases,
  check,
  saboteurs: ['drop-rejected-round', 'send-to-stale', 'rewind-chain', 'skip-own-devices'],
});

function check(story: Case, sabotage: readonly Sabotage[]): void {
  const world = new World({ seed: story.seed, oneTimeKeys: 2, sabotage });
  const ada = world.create('ada');
  const bo = world.create('bo');
  world.link(bo);
  for (let i = 0; i < story.before; i++) {
    ada.send([user('bo')], `before ${i}`);
    world.settle();
  }
  ada.send([user('bo')], 'now');
  const wire = new Wire();
  for (const { whose, what } of story.turns) {
    change(world, whose === 'ada' ? ada : bo, what);
    // One answer to each, so that the next change falls between two rounds.
    const [post] = ada.posts;
    const [claim] = ada.claims;
    if (post !== undefined) wire.watch(ada, post);
    if (claim !== undefined) ada.claim(claim);
  }
  while (ada.posts.length + ada.claims.length > 0) {
    for (const post of ada.posts) wire.watch(ada, post);
    for (const claim of ada.claims) ada.claim(claim);
  }
  world.settle();
  checkWorld(world);
  checkNoResends(world);
}

function change(world: World, device: TestDevice, what: Turn['what']): void {
  const own = world.devicesOf(device.userId);
  const other = own.find((each) => each !== device);
  if (what === 'link' && own.length < 4) world.link(device);
  if (what === 'remove' && other !== undefined) world.remove(device, other);
  if (what === 'restart') device.restart();
}

/** Sees what the relay sees. */
class Wire {
  readonly #refused = new Set<string>();

  watch(device: TestDevice, item: TestDevice['posts'][number]): void {
    const contents = item.post.envelopes.map(({ content }) => bytesToHex(content));
    for (const content of contents) {
      const isNew = !this.#refused.has(content);
      expect(isNew, 'what was refused is not posted again').toBe(true);
    }
    const result = device.handOver(item);
    invariant(result.kind !== 'unknownUser', 'both users exist');
    if (result.kind === 'mismatch') for (const content of contents) this.#refused.add(content);
    device.post(item);
  }
}
