/** Logs and vaults that were put back from a copy, and opened all the same. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Chaos, MemorySnapshot, VaultImage } from '../src/index.ts';
import { rebuildProjections, verifyChain } from '../src/index.ts';
import { actions } from './actions.ts';
import { live } from './laws.ts';
import { commit, newWorld, reopen, text, unwrap } from './world.ts';
import type { World } from './world.ts';

const event = { type: 1, schema: 1, facts: text('x') };
const ACCEPT = { onRollback: 'accept' } as const;

function grow(world: World, count: number, stream = 'a'): void {
  for (let i = 0; i < count; i++) {
    commit(world, { events: [{ ...event, stream, sealed: [text(`${stream} ${i}`)] }] });
  }
}

function verified(world: World): void {
  const { store, crypto, vault } = world;
  unwrap(verifyChain(store, crypto, { anchor: vault.anchor() }));
}

describe('a log that was put back and accepted', () => {
  function putBack(): { world: World; store: MemorySnapshot } {
    const world = newWorld();
    grow(world, 2, 'still');
    grow(world, 3, 'moved');
    world.log.flush();
    const store = world.store.image();
    grow(world, 2, 'moved');
    grow(world, 1, 'new');
    world.log.flush();
    return { world, store };
  }

  test('says what the vault had seen, what it found and which states are gone', () => {
    const { world, store } = putBack();
    const { log } = unwrap(reopen(world, { store }, ACCEPT));
    expect(log.rollback).toEqual({
      kind: 'log',
      seen: { seq: 8, hash: world.log.link(8) },
      found: { seq: 5, hash: world.log.link(5) },
      lostStreams: ['moved'],
      lostMail: 0,
    });
    expect(log.sealedValue('still')).toEqual(text('still 1'));
    expect(log.sealedValue('moved')).toBeUndefined();
    expect(log.head('new')).toBeUndefined();
  });

  test('is found out again until something was committed', () => {
    const { world, store } = putBack();
    const first = unwrap(reopen(world, { store }, ACCEPT));
    first.log.flush();
    first.log.close();
    const second = unwrap(reopen(first, {}, ACCEPT));
    expect(second.log.rollback?.kind).toBe('log');
    expect(reopen(first)).toMatchObject({ error: { code: 'STORE_ROLLED_BACK' } });
    commit(second, { events: [{ ...event, stream: 'moved', closes: true }] });
    const third = unwrap(reopen(second));
    expect(third.log.rollback).toBeUndefined();
    expect(third.log.head('moved')).toMatchObject({ isClosed: true });
  });

  test('that was looked at only opens as before once the newest log is back', () => {
    const { world, store } = putBack();
    const looked = unwrap(reopen(world, { store }, ACCEPT));
    looked.log.flush();
    expect(() => looked.log.forget(() => true)).toThrow('put back');
    looked.log.close();
    const again = unwrap(reopen(world, { vault: looked.vault.image() }));
    expect(again.log.sealedValue('moved')).toEqual(text('moved 1'));
    expect(again.log.sealedValue('new')).toEqual(text('new 0'));
    verified(again);
  });

  test('that got as far as its first batch, and not over it, opens as before too', () => {
    const { world, store } = putBack();
    const chaos: Chaos = {
      at(site) {
        if (site === 'commit:before') throw new Error('killed');
      },
    };
    const looked = unwrap(reopen(world, { store }, { ...ACCEPT, chaos }));
    // More streams than the vault has slots ready.
    const events = Array.from({ length: 200 }, (_, i) => ({
      ...event,
      stream: `many/${i}`,
      sealed: [text('y')],
    }));
    expect(() => looked.log.commit({ at: 1000, events })).toThrow('killed');
    const again = unwrap(reopen(world, { vault: looked.vault.image() }));
    expect(again.log.sealedValue('moved')).toEqual(text('moved 1'));
    expect(again.log.sealedValue('new')).toEqual(text('new 0'));
    verified(again);
  });

  test('names lost mail again in each opening, until an event was committed', () => {
    const world = newWorld();
    const post = new Uint8Array(16).fill(9);
    const ids = [1, 2].map((n) => new Uint8Array(16).fill(n));
    const inboxPut = ids.map((id) => ({ id, body: text('mail') }));
    commit(world, { events: [{ ...event, stream: 'in' }], inboxPut });
    const store = world.store.image();
    commit(world, { events: [{ ...event, stream: 'in' }], inboxDone: ids });
    world.log.flush();
    const first = unwrap(reopen(world, { store }, ACCEPT));
    expect(first.log.rollback?.lostMail).toBe(2);
    expect(first.log.inbox()).toEqual([]);
    // Killed at once, and after a commit that says nothing of it.
    const second = unwrap(reopen(first, {}, ACCEPT));
    expect(second.log.rollback?.lostMail).toBe(2);
    commit(second, { outboxPut: [{ post, body: text('post') }] });
    const third = unwrap(reopen(second, {}, ACCEPT));
    expect(third.log.rollback?.lostMail).toBe(2);
    const again = { id: new Uint8Array(16).fill(3), body: text('more') };
    commit(third, { events: [{ ...event, stream: 'in' }], inboxPut: [again] });
    third.log.flush();
    const last = unwrap(reopen(third));
    expect(last.log.inbox().map(({ body }) => body)).toEqual([text('more')]);
    expect([...last.store.inbox()]).toHaveLength(1);
    verified(last);
  });

  test('goes on, also in a stream whose state is gone', () => {
    const { world, store } = putBack();
    const again = unwrap(reopen(world, { store }, ACCEPT));
    grow(again, 4, 'moved');
    grow(again, 1, 'still');
    const last = unwrap(reopen(again));
    expect(last.log.sealedValue('moved')).toEqual(text('moved 3'));
    expect(last.log.sealedValue('still')).toEqual(text('still 0'));
    verified(last);
  });
});

describe('any life, with an older log, an older vault, or both put back', () => {
  interface Copy {
    readonly store: MemorySnapshot;
    readonly vault: VaultImage;
    /** State of each stream then. */
    readonly values: ReadonlyMap<string, Uint8Array>;
    readonly mails: readonly Uint8Array[];
  }

  test('each state opens as it was then or is named as lost, and the log goes on', () => {
    const which = fc.constantFrom('store', 'vault', 'both');
    fc.assert(
      fc.property(actions, fc.nat(), which, fc.integer({ min: 1 }), (steps, at, what, seed) => {
        const copies: Copy[] = [];
        const end = live(steps, { seed }, ({ world, model }) => {
          const values = new Map<string, Uint8Array>();
          for (const [name, { value, closed }] of model.streams) {
            if (!closed && value !== undefined) values.set(name, value);
          }
          copies.push({
            store: world.store.image(),
            vault: world.vault.image(),
            values,
            mails: model.mails.map(({ body }) => body),
          });
        });
        const old = copies[at % copies.length];
        const now = copies.at(-1);
        if (old === undefined || now === undefined) return;
        const from = {
          ...(what === 'vault' ? {} : { store: old.store }),
          ...(what === 'store' ? {} : { vault: old.vault }),
        };
        const found = unwrap(reopen(end.world, from, ACCEPT));
        const values = what === 'vault' ? now.values : old.values;
        const lost = new Set(found.log.rollback?.lostStreams);
        for (const [name, value] of values) {
          expect(found.log.sealedValue(name)).toEqual(lost.has(name) ? undefined : value);
        }
        const mails = what === 'vault' ? now.mails : old.mails;
        const unread = found.log.inbox().map(({ body }) => body);
        expect(mails).toEqual(expect.arrayContaining(unread));
        expect(unread.length).toBe(mails.length - (found.log.rollback?.lostMail ?? 0));
        for (const name of lost) expect(values.has(name)).toBe(true);
        for (const name of values.keys()) grow(found, 2, name);
        grow(found, 1, 'another');
        found.log.flush();
        const last = unwrap(reopen(found));
        for (const name of values.keys()) {
          expect(last.log.sealedValue(name)).toEqual(text(`${name} 1`));
        }
        verified(last);
        const { store: reader, crypto, vault } = last;
        expect(rebuildProjections({ reader, vault, crypto }).differences).toEqual([]);
      }),
    );
  });
});
