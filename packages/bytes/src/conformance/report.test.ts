import { expect, test } from 'vitest';
import { check, ConformanceError, opens, refuses, same, sameAsOne } from './check.ts';
import { prove, proveLate } from './report.ts';

const breaks = (): never => {
  throw new ConformanceError('it does not');
};

test.each<[unknown, unknown]>([
  [1, '1'],
  [Uint8Array.of(1), Uint8Array.of(2)],
  [Uint8Array.of(1), [1]],
  [{ a: 1 }, { a: 1, b: undefined }],
  [new Map([['a', Uint8Array.of(1)]]), new Map([['a', Uint8Array.of(2)]])],
  [new Map([['a', 1]]), new Map()],
  [new Set([1]), new Set([2])],
  [[['a']], ['a']],
  ["a', 'b", ['a', 'b']],
])('%s is not the same as %s', (one, other) => {
  expect(() => same(one, other, 'it')).toThrow(ConformanceError);
  expect(() => sameAsOne(one, [other], 'it')).toThrow(ConformanceError);
});

test('fields, entries and members come in any order', () => {
  same({ a: 1, b: [new Set([1, 2])] }, { b: [new Set([2, 1])], a: 1 }, 'it');
  const one = new Map([
    ['a', 1],
    ['b', 2],
  ]);
  same(one, new Map([...one].toReversed()), 'it');
});

test('what should throw or open is named where it does not', () => {
  expect(() => refuses(() => undefined, 'a wrong thing')).toThrow('a wrong thing');
  expect(() => opens(breaks, 'a file')).toThrow('a file does not open: it does not');
  expect(() => check(false, 'never')).toThrow('never');
});

test('a level counts where it and all below it hold and were run', async () => {
  const levels = ['L0', 'L1', 'L2'] as const;
  const holds = { name: 'holds', run: () => undefined };
  const fails = { name: 'fails', run: breaks };
  const low = { ...holds, level: 'L0' } as const;
  expect(prove(levels, [low])).toEqual({ level: 'L0', failed: [], notRun: ['L1', 'L2'] });
  expect(prove(levels, [low, { ...holds, level: 'L2' }])).toMatchObject({ level: 'L0' });
  const failed = [{ level: 'L1', name: 'fails', detail: 'it does not' }];
  const all = [low, { ...fails, level: 'L1' }, { ...holds, level: 'L2' }] as const;
  expect(prove(levels, all)).toEqual({ level: 'L0', failed, notRun: [] });
  const late = all.map(({ run, ...rest }) => ({ ...rest, run: () => Promise.resolve().then(run) }));
  expect(await proveLate(levels, late)).toEqual({ level: 'L0', failed, notRun: [] });
  expect(prove(levels, [{ ...fails, level: 'L0' }]).level).toBeUndefined();
});

test('anything but a broken promise is thrown on', async () => {
  const run = (): never => {
    throw new TypeError('a bug');
  };
  expect(() => prove(['L0'], [{ level: 'L0', name: 'a', run }])).toThrow('a bug');
  const late = { level: 'L0', name: 'a', run: () => Promise.resolve().then(run) } as const;
  await expect(proveLate(['L0'], [late])).rejects.toThrow('a bug');
});
