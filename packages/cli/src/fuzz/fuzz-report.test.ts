import type { FailedCase, SimulateReport } from '@simsim/simulator';
import { drawCase } from '@simsim/simulator';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, findOf, jsonOf, wordsOf } from './fuzz-report.ts';

const whole: SimulateReport = {
  runs: 100,
  delivered: 5000,
  situations: new Map([
    ['device linked', 3],
    ['clock set on', 2],
  ]),
  missing: [],
  missed: [],
  pairs: { reached: 1, possible: 1 },
  trace: '00',
  failure: undefined,
};

const ended = { seed: 1, seconds: 10, path: undefined, isInterrupted: false };
const said = (report: SimulateReport, path?: string): string =>
  wordsOf({ ...ended, report, path }).join('\n');
const codeOf = (report: SimulateReport): number => exitCodeOf({ ...ended, report });

const failure: FailedCase = {
  ...drawCase(7, { crypto: 'symbolic' }),
  failure: { invariant: 'L1', detail: 'lost', trace: '00' },
};

describe('a batch', () => {
  it('that met all says so', () => {
    expect(codeOf(whole)).toBe(0);
    expect(said(whole)).toContain('2 of 2 situations came up, 1 of 1 pairs of them');
    expect(JSON.parse(jsonOf({ ...ended, report: whole }))).toMatchObject({
      seed: 1,
      interrupted: false,
      pairs: { reached: 1, possible: 1 },
      missed: [],
      situations: { 'clock set on': 2 },
    });
  });

  it('with a corpus says what came to it', () => {
    const batch = { ...ended, report: whole };
    const corpus = { cases: 4, added: 2 };
    expect(wordsOf({ ...batch, corpus })).toContain('4 cases were in the corpus, 2 are new');
    expect(JSON.parse(jsonOf({ ...batch, corpus }))).toMatchObject({ corpus });
  });

  it('too small to meet all names what it missed, and has not failed', () => {
    const small = { ...whole, runs: 3, missing: ['heartbeat turn'] };
    expect(codeOf(small)).toBe(0);
    expect(said(small)).toContain('2 of 3 situations came up');
    expect(said(small)).toContain('never: heartbeat turn');
    expect(said(small)).not.toContain('FAILED');
  });

  it('that had to meet one and did not fails by its name', () => {
    const missed = { ...whole, missing: ['heartbeat turn'], missed: ['heartbeat turn'] };
    expect(codeOf(missed)).toBe(1);
    expect(said(missed)).toContain('never: heartbeat turn');
    expect(said(missed)).toContain('FAILED');
  });

  it('that broke an invariant names seed, invariant and case', () => {
    const broken = { ...whole, failure };
    expect(codeOf(broken)).toBe(1);
    expect(said(broken, '/tmp/case.json')).toContain('seed 7 breaks L1: lost');
  });

  it('that was interrupted says what was run, and promises nothing of the rest', () => {
    const batch = { ...ended, report: { ...whole, runs: 12 }, isInterrupted: true };
    expect(exitCodeOf(batch)).toBe(130);
    const words = wordsOf(batch).join('\n');
    expect(words).toMatch(/^interrupted; .*\n12 runs, /);
    expect(words).toContain('every invariant held so far');
    expect(words).not.toContain('every invariant holds');
    expect(JSON.parse(jsonOf(batch))).toMatchObject({ interrupted: true, runs: 12 });
  });
});

describe('a find', () => {
  const where = { path: '/tmp/case.json', crypto: 'symbolic', store: 'memory' } as const;

  it('comes with the command that runs its seed again', () => {
    const lines = findOf({ kind: 'found', failure, from: 'seed' }, where);
    expect(lines).toContain('seed 7 breaks L1: lost');
    expect(lines).toContain('run it again with: simsim fuzz --seed 7 --seeds 1');
    expect(lines).toContain('see it with: simsim fuzz replay /tmp/case.json');
    const other = { ...where, crypto: 'node', store: 'disk' } as const;
    expect(findOf({ kind: 'found', failure, from: 'seed' }, other)).toContain(
      'run it again with: simsim fuzz --seed 7 --seeds 1 --crypto node --store disk',
    );
  });

  it('of a corpus has no seed that would draw it', () => {
    for (const from of ['corpus', 'mutation'] as const) {
      const text = findOf({ kind: 'found', failure, from }, where).join('\n');
      expect(text).not.toContain('--seed');
      expect(text).toContain('see it with: simsim fuzz replay /tmp/case.json');
    }
  });
});
