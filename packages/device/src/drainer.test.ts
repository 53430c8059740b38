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
  expect(words).toEqual(['reconnect', 'reconnect', 'drained 1', 'drained 2']);
  drainer.connected();
  drainer.emptied();
  expect(words.at(-1)).toBe('drained 3');
});
