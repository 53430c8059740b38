import type { FailedCase, SimulateReport } from '@simsim/simulator';
import { drawCase } from '@simsim/simulator';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, jsonOf, wordsOf } from './fuzz-report.ts';

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

const said = (report: SimulateReport, path?: string): string =>
  wordsOf({ report, seed: 1, seconds: 10, path }).join('\n');

describe('a batch', () => {
  it('that met all says so', () => {
    expect(exitCodeOf(whole)).toBe(0);
    expect(said(whole)).toContain('2 of 2 situations came up, 1 of 1 pairs of them');
    expect(
      JSON.parse(jsonOf({ report: whole, seed: 1, seconds: 10, path: undefined })),
    ).toMatchObject({
      seed: 1,
      pairs: { reached: 1, possible: 1 },
      missed: [],
      situations: { 'clock set on': 2 },
    });
  });

  it('with a corpus says what came to it', () => {
    const batch = { report: whole, seed: 1, seconds: 10, path: undefined };
    const corpus = { cases: 4, added: 2 };
    expect(wordsOf({ ...batch, corpus })).toContain('4 cases were in the corpus, 2 are new');
    expect(JSON.parse(jsonOf({ ...batch, corpus }))).toMatchObject({ corpus });
  });

  it('too small to meet all names what it missed, and has not failed', () => {
    const small = { ...whole, runs: 3, missing: ['heartbeat turn'] };
    expect(exitCodeOf(small)).toBe(0);
    expect(said(small)).toContain('2 of 3 situations came up');
    expect(said(small)).toContain('never: heartbeat turn');
    expect(said(small)).not.toContain('FAILED');
  });

  it('that had to meet one and did not fails by its name', () => {
    const missed = { ...whole, missing: ['heartbeat turn'], missed: ['heartbeat turn'] };
    expect(exitCodeOf(missed)).toBe(1);
    expect(said(missed)).toContain('never: heartbeat turn');
    expect(said(missed)).toContain('FAILED');
  });

  it('that broke an invariant names seed, invariant and case', () => {
    const failure: FailedCase = {
      ...drawCase(7, { crypto: 'symbolic' }),
      failure: { invariant: 'L1', detail: 'lost', trace: '00' },
    };
    const broken = { ...whole, failure };
    expect(exitCodeOf(broken)).toBe(1);
    expect(said(broken, '/tmp/case.json')).toContain('seed 7 breaks L1: lost');
  });
});
