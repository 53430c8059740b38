/** Both ends begin at once (SES-64, T-24): every story that is told of it, and how it ends. */

import { describe, expect, it } from 'vitest';
import { checkDevice, checkNoResends } from './checks.ts';
import { entryOf, loseMail, twoUsers, write } from './scene.ts';
import type { TestDevice } from './test-device.ts';

const CROSSED_ROUNDS = 20;

/** Reads without a receipt going back, so that only lines turn the sessions. */
const read = (device: TestDevice): void => device.takeIn(device.fetch());

/** Both have written before either reads. */
function crossed() {
  const scene = twoUsers();
  write(scene.a, scene.b, 'a1');
  write(scene.b, scene.a, 'b1');
  return scene;
}

/** One answered line later both use one session, and nothing had to be sent twice. */
function expectOne({ world, a, b }: ReturnType<typeof crossed>): void {
  write(a, b, 'ask');
  read(b);
  write(b, a, 'answer');
  read(a);
  expect(entryOf(a, b).active).toBe(entryOf(b, a).active);
  expect([b.texts().at(-1), a.texts().at(-1)]).toEqual(['ask', 'answer']);
  checkNoResends(world);
  for (const device of [a, b]) checkDevice(device);
}

describe('two devices that begin at once', () => {
  it('use one session after the first answered line', () => {
    const scene = crossed();
    read(scene.a);
    read(scene.b);
    expect(entryOf(scene.a, scene.b).active).not.toBe(entryOf(scene.b, scene.a).active);
    expectOne(scene);
  });

  it('and go on to cross each other read every line', () => {
    const scene = crossed();
    const { a, b } = scene;
    for (let round = 2; round <= CROSSED_ROUNDS; round++) {
      read(a);
      read(b);
      write(a, b, `a${round}`);
      write(b, a, `b${round}`);
    }
    read(a);
    read(b);
    const rounds = Array.from({ length: CROSSED_ROUNDS }, (_, i) => i + 1);
    expect(b.texts()).toEqual(rounds.map((round) => `a${round}`));
    expect(a.texts()).toEqual(rounds.map((round) => `b${round}`));
    expectOne(scene);
  });

  it.each(['a', 'b'] as const)('converge also where the first line of %s is lost', (who) => {
    const scene = crossed();
    loseMail(who === 'a' ? scene.b : scene.a);
    read(scene.a);
    read(scene.b);
    expectOne(scene);
  });

  it('converge where a later line is lost', () => {
    const scene = crossed();
    const { a, b } = scene;
    read(a);
    read(b);
    write(a, b, 'lost');
    loseMail(b);
    expectOne(scene);
  });

  it.each(['kept', 'lost'])('again and again converge each time, a line %s', (what) => {
    const scene = crossed();
    const { a, b } = scene;
    for (let round = 0; round < 5; round++) {
      if (what === 'lost' && round === 2) loseMail(b);
      read(a);
      read(b);
      write(a, b, `a${round}`);
      write(b, a, `b${round}`);
      read(a);
      read(b);
      expectOne(scene);
    }
  });
});
