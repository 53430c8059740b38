import { describe, expect, test } from 'vitest';
import {
  createLogReader,
  createMemoryStore,
  rebuildProjections,
  verifyChain,
} from '../src/index.ts';
import { commit, newWorld, reopen, text, unwrap } from './world.ts';
import type { World } from './world.ts';

const draft = (stream: string, facts = 'begun') => ({
  stream,
  type: 1,
  schema: 1,
  facts: text(facts),
});

/** One stream with rows, then two without: one that lives, one that has ended. */
function youngWorld(): World {
  const world = newWorld();
  commit(world, { events: [{ ...draft('old'), sealed: [text('state')] }] });
  world.log.flush();
  commit(world, {
    events: [{ ...draft('send/1'), sealed: [text('plain 1')] }, draft('old', 'on')],
  });
  commit(world, { events: [{ ...draft('send/2'), sealed: [text('plain 2')] }] });
  commit(world, { events: [{ ...draft('send/1', 'over'), closes: true }] });
  return world;
}

const rowsOf = ({ store }: World): readonly [streams: number, heads: number] => [
  [...store.streams()].length,
  [...store.heads()].length,
];

describe('a stream that has just begun', () => {
  test('gets its rows with the next flush, also where it has ended meanwhile', () => {
    const world = youngWorld();
    expect(rowsOf(world)).toEqual([1, 1]);
    world.log.flush();
    expect(rowsOf(world)).toEqual([3, 3]);
    expect([...world.store.heads()].map(({ state }) => state)).toEqual([0, 1, 0]);
    const { store: reader, vault, crypto } = world;
    expect(rebuildProjections({ reader, vault, crypto }).differences).toEqual([]);
  });

  test('is known as any other before, after a kill, and after a flush', () => {
    const world = youngWorld();
    const look = ({ log }: World) => ({
      streams: log.streamsWithPrefix(''),
      ended: log.head('send/1'),
      live: log.head('send/2'),
      state: log.sealedValue('send/2'),
      closed: log.commit({ at: 1, events: [draft('send/1')] }),
      told: [...log.events(3)].map(({ stream, sealed }) => `${stream} ${sealed}`),
    });
    const seen = look(world);
    expect(seen).toMatchObject({
      streams: ['old', 'send/2'],
      ended: { version: 2, isClosed: true },
      live: { version: 1, isClosed: false },
      state: text('plain 2'),
      closed: { ok: false, error: { code: 'STREAM_CLOSED' } },
      told: ['old none', 'send/2 sealed', 'send/1 none'],
    });
    expect(look(unwrap(reopen(world)))).toEqual(seen);
    world.log.flush();
    expect(look(world)).toEqual(seen);
  });

  test('goes on after a kill under the next key of its ratchet', () => {
    const world = unwrap(reopen(youngWorld()));
    commit(world, { events: [{ ...draft('send/2', 'on'), sealed: [text('plain 2, on')] }] });
    const again = unwrap(reopen(world));
    expect(again.log.sealedValue('send/2')).toEqual(text('plain 2, on'));
    again.log.flush();
    const { store: reader, vault, crypto } = again;
    expect(rebuildProjections({ reader, vault, crypto }).differences).toEqual([]);
  });

  test('is named to a reader that begins after its first event', () => {
    const { store: reader, vault, crypto } = youngWorld();
    const log = unwrap(createLogReader({ reader, vault, crypto }));
    expect([...log.events(4)].map(({ stream }) => stream)).toEqual(['send/2', 'send/1']);
  });

  test('has its rows once, where the kill came between the rows and the vault', () => {
    const world = youngWorld();
    const vault = world.vault.image();
    world.log.flush();
    const again = unwrap(reopen(world, { vault }));
    expect(again.log.streamsWithPrefix('')).toEqual(['old', 'send/2']);
    commit(again, { events: [{ ...draft('send/2', 'over'), closes: true }] });
    again.log.flush();
    expect(rowsOf(again)).toEqual([3, 3]);
    const { store: reader, crypto } = again;
    expect(rebuildProjections({ reader, vault: again.vault, crypto }).differences).toEqual([]);
  });

  test('gives a flush up, not its rows, where another process keeps moving the log', () => {
    const world = youngWorld();
    world.gate.isMoved = true;
    expect(() => world.log.flush()).toThrow('moved under a flush');
    world.gate.isMoved = false;
    expect(rowsOf(world)).toEqual([1, 1]);
    expect(unwrap(reopen(world)).log.streamsWithPrefix('')).toEqual(['old', 'send/2']);
  });
});

describe('a missing head', () => {
  const world = youngWorld();
  const verify = (lost: readonly number[]) => {
    const image = world.store.image();
    const heads = new Map([...image.heads].filter(([stream]) => !lost.includes(stream)));
    const anchor = world.vault.anchor();
    return verifyChain(createMemoryStore({ ...image, heads }), world.crypto, { anchor });
  };

  test('is right for a young stream only', () => {
    expect(verify([]).ok).toBe(true);
    expect(verify([1])).toMatchObject({ ok: false, error: { code: 'HEAD_WRONG' } });
  });

  test('is wrong for every stream that a flush has seen', () => {
    world.log.flush();
    expect(verify([]).ok).toBe(true);
    for (const stream of [1, 2, 3]) {
      expect(verify([stream])).toMatchObject({ ok: false, error: { code: 'HEAD_WRONG' } });
    }
  });
});
