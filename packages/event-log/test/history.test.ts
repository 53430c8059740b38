/** Logs that keep all, logs in the clear, pruned and forgotten history. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createLogReader,
  keepAll,
  openEventLog,
  rebuildProjections,
  stateAt,
  verifyChain,
} from '../src/index.ts';
import type { EventStore, RecordFold } from '../src/index.ts';
import { openableParts, stolenVault } from './adversary.ts';
import { actions } from './actions.ts';
import { live, readsAreTheModel, rebuildIsLive } from './laws.ts';
import { commit, newWorld, reopen, text, unwrap } from './world.ts';
import type { World } from './world.ts';

const KEEP_ALL = { retention: keepAll({ iKnowThisDisablesForwardSecrecy: true }) };

describe('a log that keeps all', () => {
  test('replays every secret state there ever was, byte for byte', () => {
    fc.assert(
      fc.property(actions, fc.integer({ min: 1 }), (steps, seed) => {
        const life = live(steps, { seed, log: KEEP_ALL }, (now) => {
          readsAreTheModel(now);
          rebuildIsLive(now);
        });
        const { world, model } = life;
        world.log.close();
        const again = unwrap(reopen(world));
        for (const [seq, state] of model.sealed) expect(again.log.sealedAt(seq)).toEqual(state);
        const vault = stolenVault(world.crypto, world.log.logId, world.vault.image());
        const all = [...model.sealed.keys()];
        expect(openableParts(world.crypto, again.store, vault)).toEqual(all);
      }),
    );
  });

  test('any other log replays the last ones only', () => {
    const world = newWorld();
    for (const state of ['one', 'two']) {
      commit(world, {
        events: [{ stream: 'a', type: 1, schema: 1, facts: text('x'), sealed: [text(state)] }],
      });
    }
    expect([1, 2].map((seq) => world.log.sealedAt(seq))).toEqual([undefined, text('two')]);
    expect([0, 3].map((seq) => world.log.sealedAt(seq))).toEqual([undefined, undefined]);
  });
});

describe('a log in the clear', () => {
  test('is the same log, but for what the file shows', () => {
    fc.assert(
      fc.property(actions, fc.integer({ min: 1 }), (steps, seed) => {
        const log = { metadata: 'clear' } as const;
        const life = live(steps, { seed, log }, (now) => {
          readsAreTheModel(now);
          rebuildIsLive(now);
        });
        unwrap(verifyChain(life.world.store, life.world.crypto));
      }),
    );
  });

  test('shows facts and names to whoever has the file, and nothing else', () => {
    const shown = (metadata: 'clear' | 'sealed'): string[] => {
      const world = newWorld({ metadata });
      commit(world, {
        events: [
          { stream: 'name', type: 1, schema: 1, facts: text('fact'), sealed: [text('state')] },
        ],
        data: [{ key: 'key', value: text('value') }],
        records: [{ name: 'record', value: text('row') }],
      });
      world.log.flush();
      const { events, streams, data, records } = world.store.image();
      const rows = [events, [...streams.values()], [...data.values()], [...records.values()]];
      const bytes = rows.flat().flatMap((row): Uint8Array[] => Object.values(row).filter(isBytes));
      const all = bytes.map((value) => Buffer.from(value).toString('latin1')).join('|');
      return ['fact', 'name', 'state', 'value', 'row'].filter((word) => all.includes(word));
    };
    expect(shown('clear')).toEqual(['fact', 'name']);
    expect(shown('sealed')).toEqual([]);
  });
});

describe('time travel', () => {
  test('the public state at any event is what it was then', () => {
    const world = newWorld();
    const fold: RecordFold<readonly string[]> = {
      initial: () => [],
      apply: (said, { facts }) => [...said, Buffer.from(facts).toString()],
      rows: () => [],
    };
    const then: string[][] = [[]];
    for (let i = 1; i <= 9; i++) {
      const said = `fact ${i}`;
      commit(world, { events: [{ stream: `s${i % 2}`, type: 1, schema: 1, facts: text(said) }] });
      then.push([...(then.at(-1) ?? []), said]);
    }
    const { store: reader, vault, crypto } = world;
    const replay = unwrap(createLogReader({ reader, vault, crypto }));
    for (const [seq, said] of then.entries()) {
      expect(stateAt(world.log, fold, seq)).toEqual(said);
      expect(stateAt(replay, fold, seq)).toEqual(said);
    }
    expect(stateAt(world.log, fold)).toEqual(then.at(-1));
  });
});

describe('pruning', () => {
  function grown(): World {
    const world = newWorld();
    for (let at = 1; at <= 6; at++) {
      commit(world, {
        at,
        events: [
          { stream: 'a', type: 1, schema: 1, facts: text('x'), sealed: [text(`a ${at}`)] },
          { stream: 'a', type: 2, schema: 1, facts: text('no state') },
        ],
      });
    }
    return world;
  }

  function prunedOf(world: World): number[] {
    const states = [...world.log.events()].map(({ sealed }) => sealed);
    return states.flatMap((state, i) => (state === 'pruned' ? [i + 1] : []));
  }

  test('shrinks what older events superseded, once the vault has followed', () => {
    const world = grown();
    expect(world.log.prune(4)).toEqual({ parts: 0, isDone: true });
    world.log.flush();
    expect(world.log.prune(4)).toEqual({ parts: 2, isDone: true });
    expect(prunedOf(world)).toEqual([1, 3]);
    expect(world.log.prune(100)).toEqual({ parts: 3, isDone: true });
    expect(prunedOf(world)).toEqual([1, 3, 5, 7, 9]);
    expect(world.log.sealedValue('a')).toEqual(text('a 6'));
    const { value } = verifyChain(world.store, world.crypto) as { value: { pruned: number } };
    expect(value.pruned).toBe(5);
  });

  test('reads young events once, however often it is asked, and those that come', () => {
    const world = grown();
    world.log.flush();
    const { crypto, entropy, vault, store } = world;
    const read: number[] = [];
    const watched: EventStore = {
      ...store,
      *events(from, to) {
        for (const row of store.events(from, to)) {
          read.push(row.seq);
          yield row;
        }
      },
    };
    const log = unwrap(openEventLog({ store: watched, vault, crypto, entropy }));
    read.length = 0;
    for (let i = 0; i < 3; i++) expect(log.prune(1)).toEqual({ parts: 0, isDone: true });
    expect(read).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    unwrap(log.commit({ at: 0, events: [{ stream: 'b', type: 1, schema: 1, facts: text('x') }] }));
    log.flush();
    read.length = 0;
    // The clock was set back: all before it is older.
    expect(log.prune(1)).toEqual({ parts: 5, isDone: true });
    expect(read[0]).toBe(13);
    expect(log.prune(100)).toEqual({ parts: 0, isDone: true });
  });

  test('is not held up by an event of a clock that was ahead', () => {
    const world = newWorld();
    for (const at of [1, 1000, 2]) {
      commit(world, {
        at,
        events: [{ stream: 'a', type: 1, schema: 1, facts: text('x'), sealed: [text(`at ${at}`)] }],
      });
    }
    world.log.flush();
    expect(world.log.prune(3)).toEqual({ parts: 2, isDone: true });
    expect(prunedOf(world)).toEqual([1, 2]);
  });

  test('prunes the last state of a closed stream too', () => {
    const world = grown();
    commit(world, {
      events: [{ stream: 'a', type: 3, schema: 1, facts: text('end'), closes: true }],
    });
    world.log.flush();
    world.log.prune(Number.MAX_SAFE_INTEGER);
    expect(prunedOf(world)).toEqual([1, 3, 5, 7, 9, 11]);
    unwrap(verifyChain(world.store, world.crypto));
  });

  test('goes on in bounded steps', () => {
    const world = newWorld();
    const event = { stream: 'a', type: 1, schema: 1, facts: text('x'), sealed: [text('state')] };
    for (let i = 0; i < 3; i++) commit(world, { events: Array.from({ length: 700 }, () => event) });
    world.log.flush();
    const steps = [1, 2, 3].map(() => world.log.prune(Number.MAX_SAFE_INTEGER));
    expect(steps.map(({ parts }) => parts)).toEqual([1023, 1024, 52]);
    expect(steps.map(({ isDone }) => isDone)).toEqual([false, false, true]);
  });

  test('leaves a log that keeps all as it is', () => {
    const world = newWorld(KEEP_ALL);
    for (const state of ['one', 'two']) {
      commit(world, {
        events: [{ stream: 'a', type: 1, schema: 1, facts: text('x'), sealed: [text(state)] }],
      });
    }
    world.log.flush();
    expect(world.log.prune(Number.MAX_SAFE_INTEGER)).toEqual({ parts: 0, isDone: true });
  });
});

describe('forgetting', () => {
  function withBob(): World {
    const world = newWorld();
    const event = { type: 1, schema: 1 };
    commit(world, {
      events: [
        { ...event, stream: 'peer/bob', facts: text('bob is here'), seen: [text('digest')] },
        { ...event, stream: 'session/bob', facts: text('bob began'), sealed: [text('state')] },
        { ...event, stream: 'session/eve', facts: text('eve began'), sealed: [text('other')] },
        { ...event, stream: 'log', facts: text('first') },
        { ...event, stream: 'log', facts: text('bob wrote') },
      ],
    });
    return world;
  }

  const isOfBob = ({ stream, facts }: { stream: string; facts: Uint8Array }): boolean =>
    stream.includes('bob') || Buffer.from(facts).includes('bob');

  function close(world: World): void {
    const event = { type: 9, schema: 1, facts: text('bob left'), closes: true } as const;
    commit(world, {
      events: [
        { ...event, stream: 'peer/bob' },
        { ...event, stream: 'session/bob' },
      ],
    });
  }

  test('a live stream is not forgotten', () => {
    const world = withBob();
    expect(world.log.forget(isOfBob)).toEqual({
      ok: false,
      error: { code: 'STREAM_LIVE', stream: 'session/bob' },
    });
    expect([...world.log.events()].some(({ isForgotten }) => isForgotten)).toBe(false);
  });

  test('nobody can say any more what happened, and the chain is whole', () => {
    const world = withBob();
    close(world);
    expect(unwrap(world.log.forget(isOfBob))).toEqual({ events: 5, streams: 2 });
    const { store, crypto, vault } = world;
    unwrap(verifyChain(store, crypto, { anchor: vault.anchor() }));
    const reader = unwrap(createLogReader({ reader: store, vault, crypto }));
    expect([...reader.events()].some(isOfBob)).toBe(false);
    expect([...reader.events()].map(({ isForgotten }) => isForgotten)).toEqual([
      true,
      true,
      false,
      false,
      true,
      true,
      true,
    ]);
    expect([...reader.events()].map(({ stream }) => stream)).toEqual([
      'forgotten/1',
      'forgotten/2',
      'session/eve',
      'log',
      'log',
      'forgotten/1',
      'forgotten/2',
    ]);
    expect(rebuildProjections({ reader: store, vault, crypto }).differences).toEqual([]);
  });

  test('what was received stays received, and names are free again', () => {
    const world = withBob();
    close(world);
    unwrap(world.log.forget(isOfBob));
    const { log } = unwrap(reopen(world));
    expect(log.isSeen(text('digest'))).toBe(true);
    expect(log.head('peer/bob')).toBeUndefined();
    expect(log.sealedValue('session/eve')).toEqual(text('other'));
  });

  test('in parts, the newest first, it leaves what one call leaves', () => {
    const leftBy = (forgetAll: (world: World) => number): unknown => {
      const world = withBob();
      close(world);
      const events = forgetAll(world);
      const { log } = unwrap(reopen(world));
      const left = [...log.events()].map(({ stream, isForgotten }) => [stream, isForgotten]);
      return { events, left, isSeen: log.isSeen(text('digest')) };
    };
    const part = (world: World, from: number, upto: number): number =>
      unwrap(world.log.forget(isOfBob, { from, upto })).events;
    const atOnce = leftBy((world) => unwrap(world.log.forget(isOfBob)).events);
    expect(leftBy((world) => part(world, 4, 7) + part(world, 2, 3) + part(world, 1, 1))).toEqual(
      atOnce,
    );
    expect(atOnce).toMatchObject({ events: 5, isSeen: true });
  });

  test('a stream that is named goes as a whole, wherever its events are', () => {
    const world = withBob();
    close(world);
    const streams = ['peer/bob', 'nobody'];
    expect(unwrap(world.log.forget(() => false, { from: 3, upto: 4, streams }))).toEqual({
      events: 2,
      streams: 1,
    });
    const forgotten = [...world.log.events()].filter(({ isForgotten }) => isForgotten);
    expect(forgotten.map(({ seq }) => seq)).toEqual([1, 6]);
    expect(world.log.isSeen(text('digest'))).toBe(true);
    expect(world.log.head('peer/bob')).toBeUndefined();
  });

  test('nothing is written where there is nothing to forget', () => {
    const world = withBob();
    world.log.flush();
    const before = world.store.version();
    expect(unwrap(world.log.forget(() => false))).toEqual({ events: 0, streams: 0 });
    expect(world.store.version()).toBe(before);
  });

  test('records go, also where no event is chosen', () => {
    const world = withBob();
    commit(world, { records: [{ name: 'bob', value: text('a friend') }] });
    unwrap(world.log.forget(() => false, { records: ['bob'] }));
    expect(world.log.record('bob')).toBeUndefined();
  });

  test('a medium that fails in between stops the log, which knows other names by then', () => {
    const world = newWorld();
    const { vault, crypto, entropy, store } = world;
    const event = { type: 1, schema: 1, facts: text('bob') };
    const of = (from: number) =>
      Array.from({ length: 700 }, (_, i) => ({ ...event, stream: `${from + i}` }));
    commit(world, { events: of(0) });
    commit(world, { events: of(700) });
    let parts = 0;
    const failing: EventStore = {
      ...store,
      commit(change) {
        if (change.forgotten.length > 0 && parts++ > 0) throw new Error('no room');
        return store.commit(change);
      },
    };
    const log = unwrap(openEventLog({ store: failing, vault, crypto, entropy }));
    expect(() => log.forget(() => true)).toThrow('no room');
    expect(() => log.commit({ at: 1, events: [{ ...event, stream: '1399' }] })).toThrow(
      'open the log again',
    );
    const again = unwrap(reopen(world)).log;
    expect(unwrap(again.forget(() => true))).toEqual({ events: 376, streams: 376 });
    expect(again.head('1399')).toBeUndefined();
  });
});

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
