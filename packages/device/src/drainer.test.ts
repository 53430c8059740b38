import { parseUserId } from '@simsim/relay-protocol';
import type { UserId } from '@simsim/relay-protocol';
import { expect, test } from 'vitest';
import { Drainer } from './drainer.ts';

/** What a drainer asked of the line and of the engine, in order. */
function drainerAndWords(): { drainer: Drainer; words: string[] } {
  const words: string[] = [];
  const drainer = new Drainer({
    reconnect: () => words.push('reconnect'),
    drained: (input) => words.push(input.type === 'drained' ? `drained ${input.dueMs}` : '?'),
  });
  return { drainer, words };
}

const drain = (dueMs: number) => ({ type: 'drain', dueMs, users: [] }) as const;

test('a fetch that was under way before it was asked for does not count (SES-25)', () => {
  const { drainer, words } = drainerAndWords();
  drainer.connected();
  drainer.wanted(drain(1));
  drainer.emptied();
  expect(words).toEqual(['reconnect']);
  drainer.connected();
  drainer.emptied();
  expect(words).toEqual(['reconnect', 'drained 1']);
});

test('a fetch that broke off does not count; the one that came through does (SES-26)', () => {
  const { drainer, words } = drainerAndWords();
  drainer.wanted(drain(1));
  drainer.connected();
  drainer.connected();
  expect(words).toEqual(['reconnect']);
  drainer.emptied();
  drainer.emptied();
  expect(words).toEqual(['reconnect', 'drained 1']);
});

test('one fetch serves all that waited for it, and what was asked for meanwhile has its own', () => {
  const { drainer, words } = drainerAndWords();
  drainer.wanted(drain(1));
  drainer.wanted(drain(2));
  drainer.connected();
  drainer.wanted(drain(3));
  drainer.emptied();
  expect(words).toEqual(['reconnect', 'reconnect', 'drained 2']);
  drainer.connected();
  drainer.emptied();
  expect(words.at(-1)).toBe('drained 3');
});

test('what is asked for again and again while there is no line waits once, and is told in parts', () => {
  const told: (readonly [number, number])[] = [];
  const drainer = new Drainer({
    reconnect: () => undefined,
    drained: (input) => {
      if (input.type === 'drained') told.push([input.dueMs, input.users.length]);
    },
  });
  const users = Array.from({ length: 250 }, (_, i): UserId => {
    const user = parseUserId(`user ${i}`);
    if (!user.ok) throw new Error('tests name users well');
    return user.value;
  });
  for (let hour = 1; hour <= 1000; hour++) {
    drainer.wanted({ type: 'drain', dueMs: hour, users: users.slice(0, 200) });
    drainer.wanted({ type: 'drain', dueMs: hour, users: users.slice(200) });
  }
  drainer.connected();
  drainer.emptied();
  expect(told).toEqual([
    [1000, 200],
    [1000, 50],
  ]);
});
