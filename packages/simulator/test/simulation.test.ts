/** A batch that is driven run by run, and left before its end. */

import { describe, expect, it } from 'vitest';
import { drawCase, INVARIANTS, runCase, simulate, Simulation } from '../src/index.ts';
import type { SimulationStep } from '../src/index.ts';

const plant = { sabotage: ['drop-damaged-mail'] } as const;
const invariants = INVARIANTS.filter(({ id }) => id === 'L1');
const failing = { seed: 2, plant, invariants };

describe('a batch, run by run', () => {
  it('says what it found before it makes it smaller, and from which seed', () => {
    const kinds: SimulationStep['kind'][] = [];
    const simulation = new Simulation(failing);
    for (const step of simulation.steps()) {
      kinds.push(step.kind);
      if (step.kind === 'shrink') break;
      if (step.kind !== 'found') continue;
      expect(step.from).toBe('seed');
      expect(step.failure.failure.invariant).toBe('L1');
      expect(step.failure.actions).toEqual(drawCase(2, { crypto: 'symbolic' }).actions);
      expect(simulation.report().failure).toEqual(step.failure);
    }
    expect(kinds).toEqual(['run', 'found', 'shrink']);
  });

  it('that is left while it makes a case smaller has the smallest so far, which fails the same way', () => {
    const simulation = new Simulation(failing);
    const before = drawCase(2, { crypto: 'symbolic' }).actions.length;
    for (const step of simulation.steps()) {
      if (step.kind === 'shrink' && step.best.actions.length < before) break;
    }
    const { failure } = simulation.report();
    if (failure === undefined) throw new Error('the saboteur is caught');
    expect(failure.actions.length).toBeLessThan(before);
    expect(failure.actions.length).toBeGreaterThan(6);
    const again = runCase(failure, { plant, invariants });
    expect([again.failure?.invariant, again.trace]).toEqual(['L1', failure.failure.trace]);
  });

  it('that is left between two seeds has what was run', () => {
    const options = { seed: 2, seeds: 3, actionsMax: 20, twiceEvery: 0 };
    const simulation = new Simulation(options);
    let cases = 0;
    for (const { kind } of simulation.steps()) if (kind === 'run' && ++cases === 3) break;
    expect(simulation.report()).toEqual(simulate({ ...options, seeds: 2 }));
  });

  it('says whether a failing case is of the corpus or was drawn from its seed', () => {
    const one = drawCase(9, { crypto: 'symbolic', actionsMax: 40 });
    const bug = { plant: { sabotage: ['skip-own-devices'] } as const, shrinks: false };
    const founds = (options: object): unknown[] =>
      [...new Simulation({ ...bug, ...options }).steps()].flatMap((step) =>
        step.kind === 'found' ? [step.from] : [],
      );
    expect(founds({ corpus: [one] })).toEqual(['corpus']);
    expect(founds({ seed: 9, actionsMax: 40 })).toEqual(['seed']);
  });
});
