/** Devices and users that come back: in the place of a lost one, under a former id, under a former name. */

import { describe, expect, it } from 'vitest';
import { runCase } from '../src/index.ts';
import type { Action, Knobs, RunResult } from '../src/index.ts';
import { calmCase, GREETINGS } from './calm-case.ts';

const HOUR_MS = 3600_000;
const LINK: Action = { do: 'link', by: 'ada-1', as: 'ada-2', atMs: 1500 };

function run(actions: readonly Action[], knobs: Partial<Knobs> = {}): RunResult {
  const sorted = actions.toSorted((a, b) => a.atMs - b.atMs);
  return runCase(calmCase(sorted, { spanMs: 24 * HOUR_MS, ...knobs }));
}

function met({ situations }: RunResult, name: string): number {
  return situations.counts.get(name) ?? 0;
}

describe.each(['per-user', 'per-device'] as const)('with a key for each %s,', (which) => {
  const identityModel = which;

  it('a device that is lost is replaced by one list, and the new one is written to', () => {
    const result = run(
      [
        LINK,
        ...GREETINGS,
        { do: 'replace', who: 'ada-1', by: 'ada-2', as: 'ada-3', atMs: HOUR_MS },
        { do: 'send', by: 'bo-1', to: ['ada'], lines: 1, atMs: HOUR_MS + 60_000 },
      ],
      { identityModel },
    );
    expect(result.failure).toBeUndefined();
    expect(met(result, 'device put in the place of a lost one')).toBe(1);
  });

  it('a device under the id of one that nobody at home remembers is another one for everybody', () => {
    const result = run(
      [
        LINK,
        ...GREETINGS,
        { do: 'remove', who: 'ada-1', by: 'ada-2', atMs: HOUR_MS },
        { do: 'relink', who: 'ada-1', by: 'ada-2', as: 'ada-3', atMs: 8 * HOUR_MS },
        { do: 'send', by: 'bo-1', to: ['ada'], lines: 1, atMs: 9 * HOUR_MS },
      ],
      { identityModel, latencyMs: HOUR_MS },
    );
    expect(result.failure).toBeUndefined();
    expect(met(result, 'device linked under a former id')).toBe(1);
  });

  it('no id is given again while a record of it is kept', () => {
    const result = run(
      [
        LINK,
        { do: 'remove', who: 'ada-1', by: 'ada-2', atMs: HOUR_MS },
        { do: 'relink', who: 'ada-1', by: 'ada-2', as: 'ada-3', atMs: 8 * HOUR_MS },
      ],
      { identityModel },
    );
    expect(result.failure).toBeUndefined();
    expect(met(result, 'device linked under a former id')).toBe(0);
  });

  it('a user who lost every device begins anew: mail waits until the other key is accepted', () => {
    const result = run(
      [
        LINK,
        ...GREETINGS,
        { do: 'beginAnew', who: 'ada-1', as: 'ada-3', atMs: HOUR_MS },
        { do: 'send', by: 'ada-3', to: ['bo'], lines: 1, atMs: HOUR_MS + 60_000 },
        { do: 'send', by: 'bo-1', to: ['ada'], lines: 1, atMs: HOUR_MS + 90_000 },
      ],
      { identityModel },
    );
    expect(result.failure).toBeUndefined();
    expect(met(result, 'user began anew under the same name')).toBe(1);
    expect(met(result, 'changed key shown')).toBeGreaterThan(0);
    expect(met(result, 'key accepted by an application')).toBeGreaterThan(0);
    expect(met(result, 'message released by a key')).toBeGreaterThan(0);
  });
});

describe('applications that are asked of every key', () => {
  it('have mail wait until they have spoken, also over a kill', () => {
    const result = run([...GREETINGS, { do: 'crash', who: 'ada-1', after: 0, atMs: 10_000 }], {
      trust: 'ask',
    });
    expect(result.failure).toBeUndefined();
    expect(met(result, 'message waited for a key')).toBeGreaterThan(0);
    expect(met(result, 'message released by a key')).toBeGreaterThan(0);
  });
});
