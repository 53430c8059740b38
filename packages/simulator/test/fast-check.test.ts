import { createMemoryStore } from '@simsim/event-log';
import type { EventRow, EventStore, MemoryStore } from '@simsim/event-log';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  actionArbitrary,
  caseArbitrary,
  knobsArbitrary,
  racingWriters,
  scheduledPort,
  storeCommands,
  storeSetup,
  worldCommands,
} from '../src/fast-check/index.ts';
import type { AsyncStore, StoreModel, StoreUnderTest } from '../src/fast-check/index.ts';
import { INVARIANTS, runCase, SteppedWorld } from '../src/index.ts';
import type { SteppedWorldOptions } from '../src/index.ts';

const only = (...ids: string[]): typeof INVARIANTS =>
  INVARIANTS.filter(({ id }) => ids.includes(id));

describe('cases as arbitraries', () => {
  it('hold', () => {
    const cases = caseArbitrary({ crypto: 'symbolic', actionsMax: 30 });
    fc.assert(
      fc.property(cases, (one) => runCase(one).failure === undefined),
      { numRuns: 8 },
    );
  });

  it('show a planted bug, shrunk by fast-check', () => {
    const plant = { sabotage: ['drop-damaged-mail'] } as const;
    const cases = caseArbitrary({ crypto: 'symbolic', actionsMax: 60 });
    const property = fc.property(
      cases,
      (one) => runCase(one, { plant, invariants: only('L1') }).failure === undefined,
    );
    const { failed, counterexample, numShrinks } = fc.check(property, { numRuns: 60, seed: 1 });
    expect(failed).toBe(true);
    expect(numShrinks).toBeGreaterThan(0);
    const [one] = counterexample ?? [];
    expect(one?.actions.length).toBeLessThanOrEqual(3);
    expect(one?.actions.map((action) => action.do)).toContain('spoil');
    expect(one?.knobs.lostRequests).toBe(0);
  });

  it('have actions and knobs by themselves, the same for the same seed', () => {
    const both = fc.tuple(actionArbitrary({ crypto: 'symbolic' }), knobsArbitrary());
    const drawn = fc.sample(both, { seed: 4, numRuns: 20 });
    expect(fc.sample(both, { seed: 4, numRuns: 20 })).toEqual(drawn);
    expect(new Set(drawn.map(([action]) => action.do)).size).toBeGreaterThan(3);
    expect(drawn.every(([, knobs]) => knobs.spanMs > knobs.calmMs)).toBe(true);
  });
});

describe('a world as commands', () => {
  interface Mine {
    said: number;
  }

  /** A command and a model of somebody's own: what was said is what the books have. */
  class Say implements fc.Command<Mine, SteppedWorld> {
    check(): boolean {
      return true;
    }

    run(model: Mine, world: SteppedWorld): void {
      if (!world.labels.includes('ada-1')) return;
      world.do((there) => there.send('ada-1', { to: ['bo'], text: `line ${model.said++}` }));
    }

    toString(): string {
      return 'say';
    }
  }

  const property = (
    options: SteppedWorldOptions,
    deeds: Parameters<typeof worldCommands>[0]['deeds'],
  ): fc.IProperty<[Iterable<fc.Command<Mine, SteppedWorld>>]> => {
    const ours = worldCommands<Mine, SteppedWorld>({
      worldOf: (world) => world,
      ...(deeds && { deeds }),
    });
    const lists = fc.commands([...ours, fc.constant(new Say())], { maxCommands: 12 });
    return fc.property(lists, (commands) => {
      const model: Mine = { said: 0 };
      const world = new SteppedWorld(options);
      fc.modelRun(() => ({ model, real: world }), commands);
      world.rest();
      const mine = world.do(({ ledger }) =>
        [...ledger.sent.values()].filter(({ text }) => text.startsWith('line ')),
      );
      expect(mine.length).toBe(model.said);
    });
  };

  it('holds, mixed with commands and a model of your own', () => {
    fc.assert(property({}, ['send', 'crash', 'cut', 'spoil', 'flush']), { numRuns: 20 });
  });

  it('shows a planted bug in the fewest commands', () => {
    const plant = { sabotage: ['drop-damaged-mail'] } as const;
    const options = { plant, invariants: only('L1') };
    const result = fc.check(property(options, ['spoil']), {
      numRuns: 400,
      seed: 1,
    });
    expect(result.failed).toBe(true);
    expect(String(result.errorInstance)).toContain('L1');
    // Mail is to be spoilt, there has to be some, and time for it to come.
    const [commands = []] = result.counterexample ?? [];
    const names = [...commands].map(String);
    expect(names.length).toBeLessThanOrEqual(6);
    expect(names).toContain('say');
    expect(names.join()).toContain('"do":"spoil"');
  });

  it('is the same for the same steps', () => {
    const traceOf = (): string => {
      const world = new SteppedWorld({ seed: 3 });
      world.act({ do: 'link', by: 'ada-1', as: 'ada-2' });
      world.pass(60_000);
      world.act({ do: 'send', by: 'ada-2', to: ['bo'], lines: 2 });
      world.rest();
      return world.trace;
    };
    expect(traceOf()).toBe(traceOf());
  });
});

describe('a store as commands', () => {
  type Wrap = (sound: MemoryStore) => EventStore;

  const check = (wrap: Wrap, reopen: Wrap = wrap): fc.RunDetails<[Commands]> => {
    const setup = storeSetup({
      make: () => wrap(createMemoryStore()),
      reopen: (closed) => reopen(createMemoryStore(imageOf(closed))),
    });
    const property = fc.property(fc.commands(storeCommands(), { maxCommands: 30 }), (commands) =>
      fc.modelRun(setup, commands),
    );
    return fc.check(property, { numRuns: 200, seed: 1 });
  };

  type Commands = Iterable<fc.Command<StoreModel, StoreUnderTest>>;
  const imageOf = (store: EventStore): ReturnType<MemoryStore['image']> =>
    (store as MemoryStore).image();

  const executed = ({ counterexample }: fc.RunDetails<[Commands]>): string =>
    fc.stringify(counterexample?.[0]);

  it('holds for a sound one', () => {
    expect(check((sound) => sound).failed).toBe(false);
  });

  it('finds one that keeps a note of a commit that was refused', () => {
    const result = check((sound) => ({
      ...sound,
      commit(change) {
        const answer = sound.commit(change);
        if (answer.kind === 'moved' && change.meta.length > 0) {
          sound.commit({ ...change, expectedTip: sound.tip(), events: [], heads: [], streams: [] });
        }
        return answer;
      },
    }));
    expect(result.failed).toBe(true);
    expect(String(result.errorInstance)).toContain('meta note');
    expect(executed(result)).toMatch(/^commit on another tip \{meta:1\}/);
  });

  it('finds one that forgets how often a post was tried, in two commits', () => {
    const result = check((sound) => ({
      ...sound,
      commit: (change) =>
        sound.commit({
          ...change,
          outboxRetry: change.outboxRetry.map((retry) => ({ ...retry, tries: 0 })),
        }),
    }));
    expect(result.failed).toBe(true);
    const commands = executed(result).split('commit').length - 1;
    expect(commands).toBe(2);
    expect(executed(result)).toContain('outboxRetry');
  });

  it('finds one that loses its dedupe ids when it is opened anew', () => {
    const result = check(
      (sound) => sound,
      (sound) => createMemoryStore({ ...sound.image(), seenRuns: [] }),
    );
    expect(result.failed).toBe(true);
    expect(executed(result)).toMatch(/^commit \{.*seen:1.*\},open anew/);
  });

  it('finds one that does not undo what was given up under the lock', () => {
    const result = check((sound) => ({ ...sound, locked: (work) => work() }));
    expect(result.failed).toBe(true);
    expect(executed(result)).toContain('give up');
    expect(executed(result)).not.toContain(',');
  });
});

describe('writers behind promises', () => {
  /** A medium that can only be read and written as a whole, as a file or a key of a browser's database. */
  const medium = (): {
    read(): Promise<readonly EventRow[]>;
    write(rows: readonly EventRow[]): Promise<void>;
  } => {
    let kept: readonly EventRow[] = [];
    return {
      read: () => Promise.resolve(kept),
      write(rows) {
        kept = rows;
        return Promise.resolve();
      },
    };
  };

  const tipOf = (rows: readonly EventRow[]): { seq: number; hash: Uint8Array } => {
    const last = rows.at(-1);
    return { seq: last?.seq ?? 0, hash: last?.hash ?? new Uint8Array(0) };
  };

  /** Looks and writes in two steps. `inTurn` makes them one. */
  const storeOver = (
    disk: ReturnType<typeof medium>,
    inTurn: <T>(work: () => Promise<T>) => Promise<T>,
  ): AsyncStore => ({
    tip: async () => tipOf(await disk.read()),
    commit: (change) =>
      inTurn(async () => {
        const rows = await disk.read();
        const tip = tipOf(rows);
        if (tip.seq !== change.expectedTip.seq) return { kind: 'moved', tip };
        await disk.write([...rows, ...change.events]);
        return { kind: 'committed' };
      }),
  });

  const race = (queued: 'queued' | 'at once'): ReturnType<typeof racingWriters> =>
    racingWriters({
      make(scheduler) {
        const disk = scheduledPort(medium(), scheduler);
        let last: Promise<unknown> = Promise.resolve();
        const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
          if (queued === 'at once') return work();
          const mine = last.then(work);
          last = mine;
          return mine;
        };
        return { store: storeOver(disk, inTurn), content: () => disk.read() };
      },
    });

  it('lose nothing where commits wait for each other', async () => {
    await fc.assert(race('queued'));
  });

  it('lose an event where one looks and writes in two steps, and the schedule is shown', async () => {
    const { failed, errorInstance, counterexample } = await fc.check(race('at once'));
    expect(failed).toBe(true);
    expect(String(errorInstance)).toContain('events are lost');
    expect(fc.stringify(counterexample?.[0])).toContain('write');
  });
});
