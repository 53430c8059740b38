/** Parts of a device's files that are damaged, gone, or held by another program. */

import { describe, expect, it } from 'vitest';
import { ROW_PARTS, runCase } from '../src/index.ts';
import type { Action, RunResult } from '../src/index.ts';
import { calmCase, GREETINGS } from './calm-case.ts';

const SENT_MS = 200_000;

/** Ada writes to bo, who has not read it when something happens to his files. */
function befallBo(deed: Action): readonly Action[] {
  const send = { do: 'send', by: 'ada-1', to: ['bo'], lines: 1, atMs: SENT_MS } as const;
  return [...GREETINGS, send, deed];
}

function met({ situations }: RunResult, name: string): number {
  return situations.counts.get(name) ?? 0;
}

describe('a database that another program holds', () => {
  it.each(['memory', 'sqlite'] as const)(
    'stops a process by name and costs nothing (%s)',
    (store) => {
      const occupy: Action = { do: 'occupy', who: 'bo-1', forMs: 600_000, atMs: SENT_MS - 1 };
      const result = runCase({ ...calmCase(befallBo(occupy)), store });
      expect(result.failure).toBeUndefined();
      expect(met(result, 'database busy under a process')).toBe(1);
      expect(met(result, 'database busy at opening')).toBeGreaterThan(0);
      expect(result.delivered).toBe(runCase(calmCase(befallBo({ ...occupy, forMs: 0 }))).delivered);
    },
  );
});

describe('a bit of a row that rots', () => {
  it.each(ROW_PARTS)('is never read as if it were whole: %s', (part) => {
    const rot: Action = { do: 'rotRow', who: 'bo-1', part, atMs: SENT_MS + 5000 };
    // Posts wait where nobody answers.
    const cut: Action = {
      do: 'cut',
      who: 'bo-1',
      way: 'both',
      forMs: 900_000,
      atMs: SENT_MS + 1000,
    };
    const send: Action = { do: 'send', by: 'bo-1', to: ['ada'], lines: 1, atMs: SENT_MS + 2000 };
    const one = calmCase(befallBo(rot));
    const actions = part === 'post' ? [...one.actions, cut, send] : one.actions;
    const sorted = actions.toSorted((a, b) => a.atMs - b.atMs);
    const rows = runCase({ ...one, actions: sorted });
    expect(rows.failure).toBeUndefined();
    expect(met(rows, 'a bit of a row rotted')).toBe(1);
    const sqlite = runCase({ ...one, actions: sorted, store: 'sqlite' });
    expect(sqlite.trace).toBe(rows.trace);
  });

  it('in unread mail is refused by name, or the key of it is taken for gone and a quarantine follows', () => {
    const rot: Action = { do: 'rotRow', who: 'bo-1', part: 'mail', atMs: SENT_MS + 5000 };
    for (const flushEvents of [1, 8]) {
      const result = runCase(calmCase(befallBo(rot), { flushEvents }));
      const refused = met(result, 'damage refused by name');
      expect(refused + met(result, 'rollback seen at opening')).toBe(1);
    }
  });
});

describe('slots of a vault that are lost', () => {
  const lose = (copies: 'one' | 'both'): Action => ({
    do: 'loseSlots',
    who: 'bo-1',
    copies,
    atMs: SENT_MS + 120_000,
  });

  it('with both copies are refused by name', () => {
    const result = runCase(calmCase(befallBo(lose('both')), { vault: 'file' }));
    expect(result.failure).toBeUndefined();
    expect(met(result, 'both copies of slots lost')).toBe(1);
    expect(met(result, 'damage refused by name')).toBe(1);
  });

  it('in one copy are refused by name, or the other copy is taken and nothing is missing', () => {
    const counts = Array.from({ length: 12 }, (_, seed) => {
      const one = calmCase(befallBo(lose('one')), { vault: 'file' });
      const result = runCase({ ...one, seed });
      expect(result.failure, `seed ${seed}`).toBeUndefined();
      const taken = met(result, 'one copy of slots lost, and the other taken');
      expect(taken + met(result, 'damage refused by name'), `seed ${seed}`).toBe(1);
      return taken;
    });
    expect(counts).toContain(0);
    expect(counts).toContain(1);
  });

  it('are none where a vault is no file', () => {
    const result = runCase(calmCase(befallBo(lose('both')), { vault: 'memory' }));
    expect(met(result, 'both copies of slots lost')).toBe(0);
  });
});

describe('a relay that says of resends that nobody is there', () => {
  it('costs a message no more than the time that it lies', () => {
    const result = runCase(
      calmCase([
        ...GREETINGS,
        { do: 'spoil', who: 'bo-1', atMs: SENT_MS },
        { do: 'send', by: 'ada-1', to: ['bo'], lines: 1, atMs: SENT_MS + 2000 },
        // What was spoilt has come, and was not sent again yet.
        { do: 'lie', how: 'nobodyThere', forMs: 1_800_000, atMs: SENT_MS + 2150 },
      ]),
    );
    expect(result.failure).toBeUndefined();
    expect(met(result, 'a resend found nobody there')).toBeGreaterThan(0);
    expect(met(result, 'a resend healed')).toBeGreaterThan(0);
  });
});
