import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decodeCase,
  drawCase,
  drawDiagram,
  encodeCase,
  hunt,
  INVARIANTS,
  mutateCase,
  runCase,
  SABOTEURS,
  simulate,
  Situations,
  SITUATIONS,
  situationsOver,
  withoutOutside,
} from '../src/index.ts';
import type { Case, Invariant } from '../src/index.ts';
import { timed } from './timed.ts';

/** The swarm's first seed; `SIMSIM_SEED` sets another one. */
const seed = Number(process.env['SIMSIM_SEED'] ?? 1);

const SEEDS = 40;
const REAL_SEEDS = 8;
const SWARM_MS = 10 * 60_000;

// What was found once comes first: it is quick, and a swarm that fails as well is easier to read after it.
describe('committed cases', () => {
  const folder = join(import.meta.dirname, '..', 'cases');

  it.each(readdirSync(folder))('%s holds', (name) => {
    const read = decodeCase(readFileSync(join(folder, name), 'utf8'));
    if (!read.ok) throw new Error(read.error.code);
    expect(runCase(read.value).failure).toBeUndefined();
  });
});

describe('a swarm', () => {
  it(
    'holds every invariant over symbolic primitives, and meets every situation',
    () => {
      const what = `simulated worlds, each twice, seeds ${seed} to ${seed + SEEDS - 1}`;
      const report = timed(what, () => simulate({ seed, seeds: SEEDS, twiceEvery: 1 }));
      expect(report.failure).toBeUndefined();
      expect(report.missing).toEqual([]);
      expect([...report.situations.keys()].toSorted()).toEqual(SITUATIONS.toSorted());
      expect(SITUATIONS.length).toBeGreaterThanOrEqual(60);
      expect(report.pairs.possible).toBe((SITUATIONS.length * (SITUATIONS.length - 1)) / 2);
      expect(report.pairs.reached).toBeGreaterThan(report.pairs.possible / 2);
    },
    SWARM_MS,
  );

  it(
    'holds on real primitives',
    () => {
      const options = { seeds: REAL_SEEDS, crypto: 'node', actionsMax: 40, twiceEvery: 1 } as const;
      const what = `on real primitives, each twice, seeds ${seed} to ${seed + REAL_SEEDS - 1}`;
      const report = timed(what, () => simulate({ ...options, seed }));
      expect(report.failure).toBeUndefined();
      expect(report.delivered).toBeGreaterThan(100);
    },
    SWARM_MS,
  );

  it('is the same on both real backends, byte for byte', () => {
    const one = drawCase(3, { crypto: 'node', actionsMax: 20 });
    const users = one.users.slice(0, 2);
    const [node, noble] = (['node', 'noble'] as const).map((crypto) =>
      runCase({ ...one, users, crypto, actions: one.actions.slice(0, 8) }),
    );
    expect(node?.trace).toBe(noble?.trace);
  });
});

describe('situations', () => {
  const moon = 'the moon is full';
  const options = { seed: 2, seeds: 2, actionsMax: 20, twiceEvery: 0, situations: [moon] };

  it('make pairs where they come up in one run', () => {
    const [all, one, other] = [new Situations(), new Situations(), new Situations()];
    for (const name of ['b', 'a', 'a']) one.met(name);
    for (const name of ['a', 'b', 'c']) other.met(name);
    expect([all.add(one), all.add(other), all.add(one)]).toEqual([1, 2, 0]);
    expect([...all.pairs]).toEqual(['a + b', 'a + c', 'b + c']);
    expect(all.counts.get('a')).toBe(5);
    expect(all.missing(['a', 'd'])).toEqual(['d']);
  });

  it('of your own are demanded by name, once there were runs enough', () => {
    expect(simulate({ ...options, sureRuns: 2 }).missed).toContain(moon);
    const small = simulate({ ...options, sureRuns: 3 });
    expect(small.missing).toContain(moon);
    expect(small.missed).toEqual([]);
  });

  it('of your own are met by what your invariants see', () => {
    const watcher: Invariant = {
      id: 'watcher',
      statement: 'mail is read by the light of the moon',
      watch: ({ situations }) => ({ kept: () => situations.met(moon) }),
    };
    const report = simulate({ ...options, sureRuns: 2, invariants: [watcher] });
    expect(report.situations.get(moon)).toBeGreaterThan(0);
    expect(report.missed).not.toContain(moon);
  });

  it('that take an adversary are not asked of real primitives', () => {
    expect(situationsOver('symbolic')).toEqual(SITUATIONS);
    expect(situationsOver('node')).not.toContain('files seized');
  });
});

describe('a corpus', () => {
  const one = drawCase(9, { crypto: 'symbolic', actionsMax: 40 });
  const options = { seed: 20, seeds: 3, actionsMax: 20, twiceEvery: 0 };

  it('is changed a little, always the same way by the same seed', () => {
    const texts = Array.from({ length: 40 }, (_, seed) => encodeCase(mutateCase(one, seed)));
    expect(texts).toEqual(texts.map((_, seed) => encodeCase(mutateCase(one, seed))));
    expect(new Set(texts).size).toBeGreaterThan(35);
    const cutsOf = ({ actions }: Case): string[] =>
      actions.filter((action) => action.do === 'cut').map((action) => JSON.stringify(action));
    for (let seed = 0; seed < 40; seed++) {
      const other = mutateCase(one, seed);
      const times = other.actions.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(other.knobs.spanMs).toBe(one.knobs.spanMs);
      expect(cutsOf(one)).toEqual(expect.arrayContaining(cutsOf(other)));
      expect(mutateCase({ ...other, actions: [] }, seed).actions).toEqual([]);
    }
  });

  it('is run first and grows by what reaches new pairs; all of it follows from seed and corpus', () => {
    const grown: [seed: number, pairs: number][] = [];
    const onNewPairs = ({ seed }: Case, pairs: number): void => void grown.push([seed, pairs]);
    const report = simulate({ ...options, corpus: [one], onNewPairs });
    expect(report.runs).toBe(4);
    expect(grown.length).toBeGreaterThan(0);
    expect(grown.every(([, pairs]) => pairs > 0)).toBe(true);
    const first = runCase(one).situations;
    const alone = simulate({ ...options, seeds: 0, corpus: [one] });
    expect([...alone.situations.keys()]).toEqual([...first.counts.keys()]);
    expect(simulate({ ...options, corpus: [one] }).trace).toBe(report.trace);
    expect(simulate({ ...options, corpus: [] }).trace).not.toBe(report.trace);
  });

  it('with a case that fails says so', () => {
    const plant = { sabotage: ['skip-own-devices'] } as const;
    const report = simulate({ ...options, corpus: [one], plant, shrinks: false });
    expect(report.runs).toBe(1);
    expect(report.failure?.seed).toBe(one.seed);
  });
});

describe('a case', () => {
  it('decides everything: a second run has the same trace, another seed another one', () => {
    const one = drawCase(7, { crypto: 'symbolic' });
    expect(runCase(one).trace).toBe(runCase(one).trace);
    expect(runCase({ ...one, seed: 8 }).trace).not.toBe(runCase(one).trace);
  });

  it.each<[string, () => unknown]>([
    ['Date.now', () => Date.now()],
    ['new Date()', () => new Date()],
    ['Math.random', () => Math.random()],
    ['performance.now', () => performance.now()],
    ['setTimeout', () => setTimeout(() => undefined, 1)],
    ['crypto.getRandomValues', () => crypto.getRandomValues(new Uint8Array(1))],
  ])('has no %s of its own', (name, act) => {
    expect(() => withoutOutside(act)).toThrow(`${name} is outside of the seed`);
    expect(new Date(0).getTime()).toBe(0);
    expect(Date.now()).toBeGreaterThan(0);
  });
});

describe('a saboteur', () => {
  it.each(SABOTEURS.map((each) => [each.id, each] as const))('is caught: %s', (_, saboteur) => {
    const { caught } = hunt(saboteur, saboteur.seed, () => false);
    expect(caught).toBe(true);
  });

  it('is nothing an invariant sees without it', () => {
    for (const planted of new Set(SABOTEURS.map((saboteur) => saboteur.seed))) {
      const here = SABOTEURS.filter((saboteur) => saboteur.seed === planted);
      const watched = new Set(here.map(({ invariant }) => invariant));
      const invariants = INVARIANTS.filter(({ id }) => watched.has(id));
      const one = drawCase(planted, { crypto: 'symbolic' });
      expect(runCase(one, { invariants }).failure, `seed ${planted}`).toBeUndefined();
    }
  });

  it('is there twice for every invariant', () => {
    for (const { id } of INVARIANTS) {
      const count = SABOTEURS.filter(({ invariant }) => invariant === id).length;
      expect(count, id).toBeGreaterThanOrEqual(2);
    }
    expect(new Set(SABOTEURS.map(({ id }) => id)).size).toBe(SABOTEURS.length);
  });
});

describe('a failing seed', () => {
  const plant = { sabotage: ['drop-damaged-mail'] } as const;

  it('is shrunk to a case that fails the same way, is smaller, and draws its story', () => {
    const invariants = INVARIANTS.filter(({ id }) => id === 'L1');
    const report = simulate({ seed: 2, plant, invariants });
    const { failure } = report;
    expect(failure?.failure.invariant).toBe('L1');
    if (failure === undefined) return;
    expect(failure.actions.length).toBeLessThan(6);
    expect(failure.actions.length).toBeLessThan(drawCase(2, { crypto: 'symbolic' }).actions.length);
    const again = runCase(failure, { plant, invariants, keepsTrace: true });
    expect(again.failure?.invariant).toBe('L1');
    expect(again.trace).toBe(failure.failure.trace);
    expect(drawDiagram(again.lines).join('\n')).toContain('> post ok'.slice(2));
  });
});

describe('invariants of others', () => {
  const silence: Invariant = {
    id: 'mine',
    statement: 'nobody ever has a message',
    watch: () => ({ kept: (process, item) => [`${process.machine.label} has ${item.messageId}`] }),
  };

  it('are plain functions beside those of the house', () => {
    const report = simulate({ seed: 2, invariants: [...INVARIANTS, silence] });
    expect(report.failure?.failure.invariant).toBe('mine');
    expect(report.failure?.actions.length).toBeLessThanOrEqual(1);
  });
});
