/**
 * A process dies in each of its commits in turn, before and after it was durable (SES-99): what was
 * durable opens again, nothing is half done, and all goes on to the same end.
 */

import { describe, expect, it } from 'vitest';
import { checkDevice, checkWorld } from './checks.ts';
import type { Fault } from './faulty-store.ts';
import { spoilt, twoUsers, write } from './scene.ts';

interface Death {
  readonly who: 'ada' | 'bo';
  /** Commits before the one that fails. */
  readonly spared: number;
  readonly fault: Fault;
}

/** First mail, an answer, mail that has to come again, and a device that joins and goes. */
function play({ who, spared, fault }: Death): 'died' | 'lived' {
  const { world, a, b } = twoUsers({ oneTimeKeys: 1 });
  const b2 = world.link(b);
  const victim = who === 'ada' ? a : b;
  const { store } = victim;
  Object.assign(store, { fault, spared });
  a.send([b.userId], 'first');
  world.settle();
  b.send([a.userId], 'answer');
  world.settle();
  const mail = write(a, b, 'damaged');
  b.takeIn([{ ...spoilt(mail), seq: mail.seq }]);
  for (const device of [a, b]) device.flush();
  world.settle();
  const didDie = store.fault === undefined;
  victim.store.fault = undefined;
  world.remove(b, b2);
  a.send([b.userId], 'last');
  world.settle();
  const lines = (device: typeof a): string[] => [...device.kept().values()].map(({ line }) => line);
  expect(lines(b).sort()).toEqual(['ada: damaged', 'ada: first', 'ada: last']);
  expect(lines(a)).toEqual(['bo: answer']);
  checkWorld(world);
  for (const device of world.devices) checkDevice(device);
  return didDie ? 'died' : 'lived';
}

describe('a process that dies in a commit', () => {
  it.each([
    ['ada', 'before'],
    ['ada', 'after'],
    ['bo', 'before'],
    ['bo', 'after'],
  ] as const)('of %s, %s it was durable, goes on as if it had not', (who, fault) => {
    let spared = 0;
    while (play({ who, spared, fault }) === 'died') spared++;
    expect(spared, 'commits of the story').toBeGreaterThan(8);
  });
});
