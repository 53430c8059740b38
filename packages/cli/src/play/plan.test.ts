import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { killsPromised, planPlay } from './plan.ts';
import type { PlanOptions } from './plan.ts';
import type { PlayLine } from './room.ts';

const options: PlanOptions = { seed: 1, devices: { min: 2, max: 3 }, churn: true, ownRelay: true };

const linesOf = (count: number): PlayLine[] =>
  Array.from({ length: count }, (_, index) => ({
    index,
    number: index + 1,
    from: `speaker ${index % 7}`,
    to: [`listener ${index % 5}`],
    text: 'x',
  }));

describe('the plan', () => {
  it('is the same for the same seed, and another for another', () => {
    const lines = linesOf(400);
    expect(planPlay(lines, options)).toEqual(planPlay(lines, options));
    expect(planPlay(lines, { ...options, seed: 2 })).not.toEqual(planPlay(lines, options));
  });

  it('gives everybody who speaks or is spoken to an account, in order of appearance', () => {
    const { users } = planPlay(linesOf(3), options);
    expect(users.map(({ user }) => user).join(', ')).toBe(
      'speaker 0, listener 0, speaker 1, listener 1, speaker 2, listener 2',
    );
    expect(users.every(({ devices }) => devices === 2 || devices === 3)).toBe(true);
  });

  it('keeps the promise of kills, of each kind in turn, at lines that exist', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.nat(), (count, seed) => {
        const { churn } = planPlay(linesOf(count), { ...options, seed });
        const kills = churn.flatMap((step) => (step.kind === 'kill' ? [step] : []));
        expect(kills.length).toBeGreaterThanOrEqual(killsPromised(count));
        expect(churn.every(({ at }) => at >= 0 && at < count)).toBe(true);
        expect(churn.map(({ at }) => at)).toEqual(churn.map(({ at }) => at).sort((a, b) => a - b));
        const kinds = new Set(kills.map(({ during }) => during));
        expect(kinds.size).toBe(Math.min(3, kills.length));
      }),
    );
  });

  it('has no churn unless it is asked for, and no kill of a relay that is not ours', () => {
    expect(planPlay(linesOf(500), { ...options, churn: false }).churn).toEqual([]);
    const { churn } = planPlay(linesOf(500), { ...options, ownRelay: false });
    expect(churn.some(({ kind }) => kind === 'relayKill')).toBe(false);
    expect(churn.some(({ kind }) => kind === 'kill')).toBe(true);
  });
});
