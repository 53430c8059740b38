/** Thieves who act in the name of a device: found out, shut out, and of no use any more afterwards. */

import { describe, expect, it } from 'vitest';
import { INVARIANTS, runCase } from '../src/index.ts';
import type { Action, Plant } from '../src/index.ts';
import { rootsWithoutTurns } from '../src/broken-crypto.ts';
import { calmCase, GREETINGS } from './calm-case.ts';

const HOUR_MS = 3600_000;
const STOLEN_MS = 300_000;

/** A thief acts for ten minutes; its device writes meanwhile, and everybody does for hours afterwards. */
function theft(how: 'openly' | 'silently'): readonly Action[] {
  const later = [1, 2, 3, 4].flatMap((hours): Action[] => [
    { do: 'rotate', who: 'ada-1', atMs: hours * HOUR_MS - 1 },
    { do: 'send', by: 'ada-1', to: ['bo'], lines: 1, atMs: hours * HOUR_MS },
    { do: 'send', by: 'bo-1', to: ['ada'], lines: 1, atMs: hours * HOUR_MS + 600_000 },
  ]);
  return [
    ...GREETINGS,
    { do: 'compromise', who: 'ada-1', as: 'ada-1~thief', forMs: 600_000, how, atMs: STOLEN_MS },
    { do: 'send', by: 'ada-1', to: ['bo'], lines: 1, atMs: STOLEN_MS + 300_000 },
    ...later,
  ];
}

describe.each(['memory', 'file'] as const)('a thief who acts (vault: %s)', (vault) => {
  it('and says where its log stands is found out by its device, and shut out', () => {
    const { failure, situations } = runCase(calmCase(theft('openly'), { vault }));
    expect(failure).toBeUndefined();
    expect(situations.counts.get('relay took a post of a thief')).toBeGreaterThan(0);
    expect(situations.counts.get('device found its thief out')).toBe(1);
    expect(situations.counts.get('thief shut out')).toBe(1);
  });

  it('and says nothing of it is out of every session once both ends have turned', () => {
    const { failure, situations } = runCase(calmCase(theft('silently'), { vault }));
    expect(failure).toBeUndefined();
    expect(situations.counts.get('relay took a post without a head')).toBeGreaterThan(0);
    expect(situations.counts.get('device found its thief out')).toBeUndefined();
  });
});

describe('what a thief has', () => {
  const run = (plant: Plant): ReturnType<typeof runCase> => {
    const invariants = INVARIANTS.filter(({ id }) => id === 'P3');
    return runCase(calmCase(theft('silently')), { plant, invariants });
  };

  it('is looked at after its end: without turns it opens what comes later', () => {
    expect(run({}).failure).toBeUndefined();
    expect(run({ crypto: rootsWithoutTurns }).failure?.detail).toContain('the files of ada-1');
  });

  it('is no secret to the relay: a device that ignores the evidence is caught', () => {
    const invariants = INVARIANTS.filter(({ id }) => id === 'S13');
    const plant = { sabotage: ['ignore-heads'] } as const;
    const { failure } = runCase(calmCase(theft('openly')), { plant, invariants });
    expect(failure?.invariant).toBe('S13');
  });
});
