/**
 * Two processes on copies of one device's files, in any order of what they do: no message key is used
 * for two messages that the relay takes, at most one of them goes on, and mail flows again.
 */

import fc from 'fast-check';
import type { Sabotage } from '@simsim/sesame';
import { expect } from 'vitest';
import { checkDevice } from './checks.ts';
import { testLaw } from './law.ts';
import type { TestDevice } from './test-device.ts';
import { World } from './world.ts';

interface Step {
  readonly who: 'first' | 'second';
  readonly deed: 'send' | 'post' | 'read' | 'restart' | 'tell';
}

interface Case {
  readonly seed: number;
  readonly steps: readonly Step[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1_000_000),
  steps: fc.array(
    fc.record({
      who: fc.constantFrom('first' as const, 'second' as const),
      deed: fc.constantFrom(
        'send' as const,
        'send' as const,
        'post' as const,
        'post' as const,
        'read' as const,
        'restart' as const,
        'tell' as const,
      ),
    }),
    { maxLength: 14 },
  ),
});

testLaw<Case>({
  name: 'clones',
  cases,
  check,
  saboteurs: ['ignore-heads', 'rewind-chain', 'drop-damaged-mail'],
  // Every quarantine makes 120 prekeys anew.
  share: 0.25,
});

function check({ seed, steps }: Case, sabotage: readonly Sabotage[]): void {
  const world = new World({ seed, sabotage });
  const first = world.create('ann');
  const tablet = world.link(first);
  const bo = world.create('bo');
  first.send([bo.userId], 'from before');
  bo.send([first.userId], 'from before');
  world.settle();
  first.flush();
  const copies = { first, second: world.clone(first.image()) };
  for (const { who, deed } of steps) act(copies[who], { deed, to: bo });
  // Either speaks once more: by then it is clear who goes on.
  for (const copy of [copies.first, copies.second]) {
    act(copy, { deed: 'send', to: bo });
    for (let round = 0; round < 8; round++) act(copy, { deed: 'post', to: bo });
  }
  for (const copy of [copies.first, copies.second]) copy.isProven = false;
  const left = [copies.first, copies.second].filter((copy) => copy.prove());
  expect(left, 'copies that go on').toHaveLength(1);
  const [survivor] = left;
  if (survivor === undefined) return;
  const [gone] = [copies.first, copies.second].filter((copy) => copy !== survivor);
  expect(gone?.own().status).toBe('replaced');
  world.devices[world.devices.indexOf(first)] = survivor;
  world.settle();
  const texts = [survivor, tablet, bo].map((from) => {
    const messageId = from.send([from === bo ? survivor.userId : bo.userId], 'afterwards');
    world.settle();
    return { messageId, from };
  });
  for (const device of [survivor, tablet, bo]) {
    const kept = device.kept();
    for (const { count, line } of kept.values()) expect(count, line).toBe(1);
    for (const { messageId, from } of texts) expect(kept.has(messageId)).toBe(from !== device);
    checkDevice(device);
  }
}

function act(copy: TestDevice, { deed, to }: { deed: Step['deed']; to: TestDevice }): void {
  // The relay ends the line of a device whose token it knows no longer.
  if (!copy.tryAsk({ kind: 'ack', seqs: [] }).ok) copy.isProven = false;
  const { status } = copy.freshOwn();
  if (status === 'replaced' || status === 'removed') return;
  switch (deed) {
    case 'send':
      copy.send([to.userId], 'of a copy');
      break;
    case 'post':
      copy.work();
      break;
    case 'read':
      copy.receive(copy.fetch());
      break;
    case 'restart':
      copy.restart();
      break;
    case 'tell':
      copy.run({ type: 'shareHeads' });
      break;
  }
}
