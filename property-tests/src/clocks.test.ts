/** Clocks are never compared between devices (SES-8): whatever they show, all goes the same way. */

import { invariant } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import { checkDevice } from './checks.ts';
import { deliver, endsOf, factNames, spoilt, write } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { World } from './world.ts';

const DAY_MS = 24 * 3600 * 1000;
const TEN_YEARS_MS = 3653 * DAY_MS;

/** Everything that may hang on time: first and late mail, resends, prekeys, links, expiry. */
function play(clockErrorsMs: readonly number[]): Record<string, unknown>[] {
  const world = new World({ seed: 8, oneTimeKeys: 2, clockErrorsMs });
  const [a, b] = [world.create('ada'), world.create('bo')];
  const a2 = world.link(a);
  write(a, b, 'first');
  world.settle();
  const damaged = write(b, a, 'damaged');
  a.takeIn([{ ...spoilt(damaged), seq: damaged.seq }]);
  world.settle();
  for (let week = 0; week < 3; week++) {
    write(a, b, `late by a week, ${week}`);
    world.nowMs += 8 * DAY_MS;
    for (const device of world.devices) {
      device.run({ type: 'swept' });
      device.run({ type: 'shareHeads' });
      deliver(device);
    }
    world.settle();
    write(b, a, `answer ${week}`);
    world.settle();
  }
  const b2 = world.link(b);
  world.remove(a, a2);
  write(b2, a, 'from a new one');
  world.settle();
  a.send([b.userId], 'nobody will receipt this');
  const image = b.image();
  write(b, a, 'lost to the copy');
  b.restore(image, 'both');
  world.settle();
  for (const device of world.devices) checkDevice(device);
  return [a, b, b2].map((device) => told(device));
}

/** What became of a device, but for what its clock showed. */
function told(device: TestDevice): Record<string, unknown> {
  invariant(device.effects.length > 0, 'something happened');
  return {
    texts: device.texts(),
    ends: endsOf(device),
    effects: device.effects.map(({ type }) => type),
    facts: factNames(device),
    streams: device.log.streamsWithPrefix('').sort(),
  };
}

describe('devices whose clocks are ten years apart', () => {
  it('do all that they would do if the clocks were right', () => {
    const right = play([]);
    expect(play([TEN_YEARS_MS, -TEN_YEARS_MS, 0, TEN_YEARS_MS])).toEqual(right);
    expect(play([-TEN_YEARS_MS, TEN_YEARS_MS, TEN_YEARS_MS, 0])).toEqual(right);
  });
});

describe('a wall clock that jumps ahead by months and back', () => {
  it('has no device forget what it received', () => {
    const world = new World({ seed: 9 });
    const [a, b] = [world.create('ada'), world.create('bo')];
    const first = write(a, b, 'first');
    const receive = (count: number): void => {
      const mail = Array.from({ length: count }, (_, i) => write(a, b, `line ${i}`));
      b.takeIn(mail);
      world.settle();
    };
    b.takeIn([first]);
    receive(260);
    world.wallSkewMs = 90 * DAY_MS;
    receive(260);
    world.wallSkewMs = 0;
    b.restart();
    b.takeIn([first]);
    expect(endsOf(b).at(-1)).toEqual({ state: 'duplicate' });
  });
});
