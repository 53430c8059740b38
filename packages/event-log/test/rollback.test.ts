import { describe, expect, test } from 'vitest';
import { createMemoryStore, createMemoryVault, openEventLog } from '../src/index.ts';
import { commit, newWorld, reopen, text, unwrap } from './world.ts';
import type { Chaos } from '../src/index.ts';
import type { World } from './world.ts';

const event = { type: 1, schema: 1, facts: text('x') };

function grow(world: World, count: number, stream = 'a'): void {
  for (let i = 0; i < count; i++) {
    commit(world, { events: [{ ...event, stream, sealed: [text(`${stream} ${i}`)] }] });
  }
}

describe('a log that was put back', () => {
  test('is refused when it ends before what the vault has seen', () => {
    const world = newWorld();
    grow(world, 3);
    const backup = world.store.image();
    grow(world, 2);
    world.log.flush();
    expect(reopen(world, { store: backup })).toMatchObject({
      error: { code: 'STORE_ROLLED_BACK' },
    });
  });

  test('is refused when it went on differently', () => {
    const world = newWorld();
    grow(world, 3);
    world.log.flush();
    const backup = { store: world.store.image(), vault: world.vault.image() };
    grow(world, 3);
    world.log.flush();
    const clone = unwrap(reopen(world, backup));
    grow(clone, 3);
    const answer = reopen(world, { store: clone.store.image() });
    expect(answer).toMatchObject({ error: { code: 'STORE_ROLLED_BACK' } });
  });

  test('is refused when an event after the anchor was altered', () => {
    const world = newWorld();
    world.log.flush();
    grow(world, 3);
    const image = world.store.image();
    const events = image.events.map((row) => (row.seq === 2 ? { ...row, at: row.at + 1 } : row));
    const answer = reopen(world, { store: { ...image, events } });
    expect(answer).toMatchObject({ error: { code: 'STORE_CORRUPT', seq: 2 } });
  });
});

describe('a vault that was put back', () => {
  test('heals by hashing forward where nothing of it was reused', () => {
    const world = newWorld();
    grow(world, 2);
    world.log.flush();
    const old = world.vault.image();
    grow(world, 40);
    world.log.flush();
    const again = unwrap(reopen(world, { vault: old }));
    expect(again.log.sealedValue('a')).toEqual(text('a 39'));
    expect(again.log.lag()).toBe(40);
  });

  test('is refused where its slots went to other streams since', () => {
    const world = newWorld();
    grow(world, 1);
    world.log.flush();
    const old = world.vault.image();
    commit(world, { events: [{ ...event, stream: 'a', closes: true }] });
    world.log.flush();
    for (let i = 0; i < 100; i++) grow(world, 1, `b${i}`);
    world.log.flush();
    expect(reopen(world, { vault: old })).toMatchObject({ error: { code: 'VAULT_ROLLED_BACK' } });
  });

  test('of another log is refused', () => {
    const world = newWorld();
    const { crypto, entropy } = world;
    const vault = createMemoryVault({ crypto, entropy });
    const store = createMemoryStore(world.store.image());
    const answer = openEventLog({ store, vault, crypto, entropy });
    expect(answer).toMatchObject({ error: { code: 'VAULT_MISMATCH' } });
  });
});

describe('opening', () => {
  test('refuses a store without a log, and one of a later format', () => {
    const { crypto, entropy, vault, store } = newWorld();
    const empty = openEventLog({ store: createMemoryStore(), vault, crypto, entropy });
    expect(empty).toMatchObject({ error: { code: 'STORE_MISSING' } });
    const image = store.image();
    const later = createMemoryStore({
      ...image,
      meta: new Map(image.meta).set('format', Uint8Array.of(9)),
    });
    const answer = openEventLog({ store: later, vault, crypto, entropy });
    expect(answer).toMatchObject({ error: { code: 'STORE_TOO_NEW' } });
  });

  test('a log whose store failed gives up until it is opened again', () => {
    const world = newWorld();
    grow(world, 2);
    world.store.close();
    expect(() => grow(world, 1)).toThrow();
    expect(() => world.log.commit({ at: 1, events: [] })).toThrow('STORE_FAILED');
    expect(() => world.log.flush()).toThrow('STORE_FAILED');
    const again = unwrap(reopen(world));
    expect(again.log.sealedValue('a')).toEqual(text('a 1'));
  });
});

describe('limits', () => {
  test('a log left unflushed flushes itself', () => {
    const world = newWorld();
    const events = Array.from({ length: 1024 }, () => ({ ...event, stream: 'a' }));
    const lags = [1, 2, 3, 4, 5].map(() => {
      commit(world, { events });
      return world.log.lag();
    });
    expect(lags).toEqual([1024, 2048, 3072, 0, 1024]);
  });

  test('the pool grows with what a batch needs', () => {
    const world = newWorld();
    for (let i = 0; i < 5; i++) {
      const events = Array.from({ length: 1000 }, (_, n) => ({
        ...event,
        stream: `s${i}/${n}`,
        sealed: [],
      }));
      commit(world, { events });
    }
    expect(world.log.streamsWithPrefix('s').length).toBe(5000);
    const again = unwrap(reopen(world));
    expect(again.log.sealedValue('s4/999')).toEqual(new Uint8Array(0));
  });

  test('the pool is enough where streams take another slot in the batch that fills it', () => {
    const world = newWorld();
    const named = (stream: string) => ({ ...event, stream, sealed: [text(stream)] });
    const old = Array.from({ length: 40 }, (_, i) => named(`old ${i}`));
    commit(world, { events: old });
    world.log.flush();
    const again = unwrap(reopen(world));
    commit(again, { events: [...old, ...Array.from({ length: 190 }, (_, i) => named(`${i}`))] });
    expect(again.log.sealedValue('189')).toEqual(text('189'));
  });

  test('a vault that is full takes no new stream; what it holds goes on', () => {
    const world = newWorld();
    const { vault } = world;
    const named = (stream: string) => ({ ...event, stream, sealed: [text(stream)] });
    commit(world, { events: [named('a'), named('b')] });
    vault.flush(vault.anchor(), 57_600);
    for (let slot = 0; slot < 57_600; slot++) {
      if (vault.slot(slot)?.use === 'free') vault.assign(slot, { use: 'epoch', owner: 0 });
    }
    expect(() => commit(world, { events: [named('c')] })).toThrow('as many live streams');
    commit(world, { events: [{ ...event, stream: 'a', closes: true }] });
    commit(world, { events: [named('b')] });
    commit(world, { events: [named('c')] });
    expect(['b', 'c'].map((stream) => world.log.sealedValue(stream))).toEqual([
      text('b'),
      text('c'),
    ]);
  });

  test('a vault that is nearly full takes a batch of streams that it holds; their keys are replaced in turn', () => {
    const world = newWorld();
    const { log, vault } = world;
    const names = Array.from({ length: 10 }, (_, i) => `s${i}`);
    const batch = (value: string) =>
      names.map((stream) => ({ ...event, stream, sealed: [text(value)] }));
    commit(world, { events: batch('1') });
    vault.flush(vault.anchor(), 57_600);
    for (let slot = 0, left = 3; slot < 57_600; slot++) {
      if (vault.slot(slot)?.use !== 'free') continue;
      if (left > 0) left--;
      else vault.assign(slot, { use: 'epoch', owner: 0 });
    }
    log.flush();
    const heldBefore = new Set([...vault.liveSlots()].map(({ slot }) => slot));
    commit(world, { events: batch('2') });
    commit(world, { events: batch('3') });
    commit(world, { events: batch('4') });
    commit(world, { events: batch('5') });
    expect(names.map((stream) => log.sealedValue(stream))).toEqual(names.map(() => text('5')));
    const again = unwrap(reopen(world));
    expect(names.map((stream) => again.log.sealedValue(stream))).toEqual(
      names.map(() => text('5')),
    );
    expect([...vault.liveSlots()].some(({ slot }) => !heldBefore.has(slot))).toBe(true);
  });

  test('a log whose flushes fail takes no more than its vault can follow', () => {
    const world = newWorld();
    const chaos: Chaos = {
      at(site) {
        if (site === 'register:after') throw new Error('no room for the vault');
      },
    };
    const full = Array.from({ length: 8192 }, () => ({ ...event, stream: 'a' }));
    const once = unwrap(reopen(world, {}, { chaos }));
    commit(once, { events: [{ ...event, stream: 'a', sealed: [text('state')] }] });
    expect(() => commit(once, { events: full })).toThrow('no room');
    const twice = unwrap(reopen(once, {}, { chaos }));
    expect(() => commit(twice, { events: full })).toThrow('no room');
    const last = unwrap(reopen(twice));
    expect(last.log.sealedValue('a')).toEqual(text('state'));
    commit(last, { events: full });
    expect(last.log.lag()).toBe(0);
  });
});
