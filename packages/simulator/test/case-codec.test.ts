/** Cases as files: what is written is read, and what is no case is refused by its field. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caseArbitrary } from '../src/fast-check/index.ts';
import { decodeCase, drawCase, encodeCase, mutateCase, simulate } from '../src/index.ts';
import type { Case } from '../src/index.ts';

const one = drawCase(11, { crypto: 'symbolic' });
const folder = join(import.meta.dirname, '..', 'cases');

/** What reading answers: `ok`, or the field that is wrong. */
const read = (text: string): unknown => {
  const decoded = decodeCase(text);
  if (decoded.ok) return 'ok';
  return decoded.error.code === 'NOT_A_CASE' ? decoded.error.field : decoded.error.code;
};

const readCase = (value: unknown): unknown => read(JSON.stringify(value));
const withKnobs = (knobs: object): unknown => ({ ...one, knobs: { ...one.knobs, ...knobs } });
const withAction = (action: unknown): unknown => ({ ...one, actions: [action] });

describe('a case', () => {
  it('goes through JSON and back', () => {
    const decoded = decodeCase(encodeCase(one));
    expect(decoded.ok && decoded.value).toEqual(one);
  });

  it('that is drawn or changed is one', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 31 - 1),
        fc.nat(2 ** 31 - 1),
        fc.constantFrom('memory', 'sqlite', 'disk'),
        (seed, other, store) => {
          let drawn: Case = drawCase(seed, { crypto: 'symbolic', store });
          expect(read(encodeCase(drawn)), `seed ${seed}`).toBe('ok');
          for (let i = 0; i < 10; i++) drawn = mutateCase(drawn, other + i);
          expect(read(encodeCase(drawn)), `seed ${seed}, changed by ${other}`).toBe('ok');
        },
      ),
    );
  });

  it('that fast-check made smaller is one', () => {
    fc.assert(
      fc.property(caseArbitrary({ crypto: 'symbolic' }), (smaller) => {
        expect(read(encodeCase(smaller))).toBe('ok');
      }),
      { numRuns: 30 },
    );
  });

  it('that a failing seed was made smaller to is one', () => {
    const { failure } = simulate({ seed: 4, plant: { sabotage: ['drop-damaged-mail'] } });
    if (failure === undefined) throw new Error('the saboteur is caught');
    expect(failure.actions.length).toBeLessThan(one.actions.length);
    const decoded = decodeCase(encodeCase(failure));
    expect(decoded.ok && decoded.value).toEqual(failure);
  });

  it.each(readdirSync(folder))('that is committed is one: %s', (name) => {
    expect(read(readFileSync(join(folder, name), 'utf8'))).toBe('ok');
  });
});

describe('what is no case', () => {
  it('is refused by what is wrong with it', () => {
    expect(decodeCase('{')).toEqual({ ok: false, error: { code: 'NOT_JSON' } });
    expect(decodeCase('{"format":2}')).toEqual({ ok: false, error: { code: 'OTHER_FORMAT' } });
    const large = `{"format":1,"seed":${' '.repeat(16 * 1024 * 1024)}1}`;
    expect(decodeCase(large)).toEqual({ ok: false, error: { code: 'TOO_LARGE' } });
    expect(decodeCase('[]')).toEqual({
      ok: false,
      error: { code: 'NOT_A_CASE', field: 'the case', takes: 'an object' },
    });
    expect(decodeCase('{"format":1}')).toEqual({
      ok: false,
      error: {
        code: 'NOT_A_CASE',
        field: 'seed',
        takes: `a whole number of 0 to ${Number.MAX_SAFE_INTEGER}`,
      },
    });
  });

  it.each<[field: string, wrong: object]>([
    ['format', { format: '1' }],
    ['seed', { seed: -1 }],
    ['seed', { seed: 1.5 }],
    ['crypto', { crypto: ['symbolic'] }],
    ['store', { store: 'tape' }],
    ['users', { users: [] }],
    ['users', { users: ['ada', 'ada'] }],
    ['users[1]', { users: ['ada', 'eve'] }],
    ['users[0]', { users: ['a/b'] }],
    ['knobs', { knobs: [] }],
    ['knobs.calmMs', { knobs: {} }],
    ['actions', { actions: {} }],
    ['actions', { actions: Array.from({ length: 10_001 }, () => one.actions[0]) }],
    ['the case', { comment: 'mine' }],
    ['failure.invariant', { failure: { x: 1 } }],
    ['failure', { failure: { invariant: 'L1', detail: '', trace: '0'.repeat(64), x: 1 } }],
    ['failure.trace', { failure: { invariant: 'L1', detail: 'lost', trace: 'x' } }],
    ['failure', { failure: null }],
  ])('is refused by its field: %s %o', (field, wrong) => {
    expect(readCase({ ...one, ...wrong })).toBe(field);
  });

  it.each<[field: string, wrong: object]>([
    ['spanMs', { spanMs: 1e18 }],
    ['spanMs', { spanMs: 0 }],
    ['sweepMs', { sweepMs: 0 }],
    ['pollMs', { pollMs: 0 }],
    ['pollMs', { pollMs: 1, spanMs: 3_600_000 }],
    ['sweepMs', { sweepMs: 1, spanMs: 3_600_000 }],
    ['delayMs', { delayMs: 'x' }],
    ['delayMs', { delayMs: [1] }],
    ['delayMs', { delayMs: [2, 1] }],
    ['delayMs[0]', { delayMs: [0, 1] }],
    ['oneTimeKeys', { oneTimeKeys: 201 }],
    ['identityModel', { identityModel: true }],
    ['lostRequests', { lostRequests: 1.1 }],
    ['lostAnswers', { lostAnswers: '0' }],
    ['repeated', { repeated: null }],
    ['shuffled', { shuffled: -0.1 }],
    ['lostNotices', { lostNotices: [] }],
    ['readMs', { readMs: 0 }],
    ['flushEvents', { flushEvents: 0.5 }],
    ['vault', { vault: 'paper' }],
    ['deadlySites', { deadlySites: 'commit:after' }],
    ['deadlySites[0]', { deadlySites: [1] }],
    ['killRate', { killRate: 0.5 }],
    ['skewMs', { skewMs: -1 }],
    ['latencyMs', { latencyMs: 0 }],
    ['sendMs', { sendMs: 'soon' }],
  ])('is refused by its knob: %s %o', (knob, wrong) => {
    expect(readCase(withKnobs(wrong))).toBe(`knobs.${knob}`);
  });

  it('is refused by a knob that is missing or that nobody knows', () => {
    for (const name of Object.keys(one.knobs)) {
      if (name === 'latencyMs' || name === 'sendMs') continue;
      const knobs = Object.fromEntries(Object.entries(one.knobs).filter(([key]) => key !== name));
      expect(readCase({ ...one, knobs })).toBe(`knobs.${name}`);
    }
    expect(readCase(withKnobs({ pace: 1 }))).toBe('knobs');
  });

  it.each<[field: string, wrong: unknown]>([
    ['', null],
    ['', []],
    ['.do', { atMs: 1 }],
    ['.do', { do: 'dance', atMs: 1 }],
    ['.do', { do: 'toString', atMs: 1 }],
    ['.atMs', { do: 'spoil', who: 'ada-1' }],
    ['.atMs', { do: 'spoil', who: 'ada-1', atMs: 1e18 }],
    ['.who', { do: 'spoil', atMs: 1 }],
    ['.who', { do: 'spoil', who: '', atMs: 1 }],
    ['.who', { do: 'spoil', who: '../ada', atMs: 1 }],
    ['', { do: 'spoil', who: 'ada-1', by: 'bo-1', atMs: 1 }],
    ['.by', { do: 'send', to: ['bo'], lines: 1, atMs: 1 }],
    ['.to', { do: 'send', by: 'ada-1', to: [], lines: 1, atMs: 1 }],
    ['.to', { do: 'send', by: 'ada-1', to: ['bo', 'bo'], lines: 1, atMs: 1 }],
    ['.to[0]', { do: 'send', by: 'ada-1', to: [1], lines: 1, atMs: 1 }],
    ['.lines', { do: 'send', by: 'ada-1', to: ['bo'], lines: 1e9, atMs: 1 }],
    ['.as', { do: 'link', by: 'ada-1', as: 2, atMs: 1 }],
    ['.after', { do: 'crash', who: 'ada-1', after: -1, atMs: 1 }],
    ['.way', { do: 'cut', who: 'ada-1', way: 'left', forMs: 1, atMs: 1 }],
    ['.forMs', { do: 'cut', who: 'ada-1', way: 'up', forMs: 'x', atMs: 1 }],
    ['.what', { do: 'putBack', who: 'ada-1', what: 'all', atMs: 1 }],
    ['.byMs', { do: 'setClock', who: 'ada-1', byMs: -1e15, atMs: 1 }],
    ['.how', { do: 'lie', how: 'often', forMs: 1, atMs: 1 }],
    ['.bits', { do: 'rot', who: 'ada-1', bits: 1e9, atMs: 1 }],
    ['.prunes', { do: 'retain', who: 'a-1', flushEvents: 1, wipe: 'lazy', prunes: 1, atMs: 1 }],
    ['.wipe', { do: 'retain', who: 'a-1', flushEvents: 1, wipe: 'no', prunes: true, atMs: 1 }],
    ['.name', { do: 'own', name: 3, data: null, atMs: 1 }],
    ['.data', { do: 'own', name: 'gossip', atMs: 1 }],
  ])('is refused by its action: %s %o', (field, wrong) => {
    expect(readCase(withAction(wrong))).toBe(`actions[0]${field}`);
  });

  it('is refused where clocks are set, all together, to before worlds began', () => {
    const back = { do: 'setClock', who: 'ada-1', byMs: -31_622_400_000, atMs: 1 };
    const times = (count: number): unknown =>
      readCase({ ...one, actions: Array.from({ length: count }, () => back) });
    expect([times(40), times(41)]).toEqual(['ok', 'actions[40].byMs']);
  });
});
