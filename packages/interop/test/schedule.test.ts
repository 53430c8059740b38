/** What every schedule promises, looked at from outside. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDice } from '../src/dice.ts';
import type { Opening, Schedule, Side } from '../src/schedule.ts';
import { WINDOW, makeSchedule } from '../src/schedule.ts';

const schedules = fc
  .record({
    label: fc.string(),
    opening: fc.constantFrom<Opening>('one side', 'crossing', 'crossing in order'),
  })
  .map(({ label, opening }) => makeSchedule(createDice(label), opening));

const numbersOf = (schedule: Schedule, kind: Schedule['steps'][number]['kind']): number[] =>
  schedule.steps.filter((step) => step.kind === kind).map((step) => step.message);

const fromOf = (schedule: Schedule, message: number): Side | undefined =>
  schedule.messages[message]?.from;

test('a tenth is lost, everything else arrives once', () => {
  fc.assert(
    fc.property(schedules, (schedule) => {
      const all = schedule.messages.map((_, number) => number);
      const lost = all.filter((number) => schedule.messages[number]?.isLost === true);
      expect(lost.length).toBeGreaterThanOrEqual(all.length / 10);
      expect(numbersOf(schedule, 'send')).toEqual(all);
      const arrived = numbersOf(schedule, 'deliver').toSorted((a, b) => a - b);
      expect(arrived).toEqual(all.filter((number) => !lost.includes(number)));
    }),
  );
});

test('nothing arrives behind what its side sent more than the window later', () => {
  let furthest = 0;
  fc.assert(
    fc.property(schedules, (schedule) => {
      for (const side of ['alice', 'bob'] as const) {
        const ofSide = schedule.messages.flatMap(({ from }, number) =>
          from === side ? [number] : [],
        );
        const arrivals = numbersOf(schedule, 'deliver').filter((n) => fromOf(schedule, n) === side);
        arrivals.forEach((message, at) => {
          const overtakers = arrivals.slice(0, at).filter((other) => other > message);
          for (const other of overtakers) {
            const distance = ofSide.indexOf(other) - ofSide.indexOf(message);
            expect(distance).toBeLessThanOrEqual(WINDOW);
            furthest = Math.max(furthest, distance);
          }
        });
      }
    }),
  );
  expect(furthest).toBe(WINDOW);
});

test('the sides take turns at least ten times, and each has heard the other before it answers', () => {
  fc.assert(
    fc.property(schedules, ({ messages, steps, opening }) => {
      const bursts = messages.reduce((most, { burst }) => Math.max(most, burst), 0) + 1;
      expect(bursts).toBeGreaterThan(opening === 'one side' ? 10 : 11);
      const heard = new Set<number>();
      for (const { kind, message } of steps) {
        const { burst = 0, from } = messages[message] ?? {};
        expect(from).toBe(burst % 2 === 0 ? 'alice' : 'bob');
        if (kind === 'deliver') heard.add(burst);
        const isOpening = burst === 0 || (burst === 1 && opening !== 'one side');
        if (kind === 'send' && !isOpening) expect(heard.has(burst - 1)).toBe(true);
        if (kind === 'send' && isOpening) expect(heard.has(1 - burst)).toBe(false);
      }
    }),
  );
});

test('only what has arrived is repeated, only what has not is damaged', () => {
  fc.assert(
    fc.property(schedules, ({ steps }) => {
      const arrived = new Set<number>();
      for (const { kind, message } of steps) {
        if (kind === 'deliver') arrived.add(message);
        if (kind === 'repeat') expect(arrived.has(message)).toBe(true);
        if (kind === 'damage') expect(arrived.has(message)).toBe(false);
      }
    }),
  );
});
