import { describe, expect, test } from 'vitest';
import { createMemoryVault, openEventLog, rebuildProjections } from '../src/index.ts';
import { commit, id16, newWorld, reopen, text, unwrap } from './world.ts';
import type { World } from './world.ts';

describe('a log', () => {
  test('keeps sealed states, records, queues and application rows over a kill', () => {
    const world = newWorld();
    const { log } = world;
    const event = { stream: 'session/a', type: 1, schema: 1, facts: text('sent') };
    commit(world, {
      events: [
        { ...event, sealed: [text('state 1')] },
        { stream: 'peer/a', type: 2, schema: 1, facts: text('seen'), seen: [text('digest 1')] },
      ],
      records: [{ name: 'peer/a', value: text('record 1') }],
      outboxPut: [{ post: id16(1), body: text('post 1') }],
      inboxPut: [{ id: id16(2), body: text('mail 1') }],
      data: [{ key: 'chat/1', value: text('row 1') }],
    });
    commit(world, { events: [{ ...event, sealed: [text('state 2'), text('!')] }] });
    expect(log.tip().seq).toBe(3);
    expect(log.lag()).toBe(3);

    for (const found of [world, unwrap(reopen(world))]) {
      expect(found.log.tip()).toEqual(log.tip());
      expect(found.log.sealedValue('session/a')).toEqual(text('state 2!'));
      expect(found.log.head('session/a')).toEqual({ version: 2, isClosed: false });
      expect(found.log.record('peer/a')).toEqual(text('record 1'));
      expect(found.log.recordNames()).toEqual(['peer/a']);
      expect(found.log.data('chat/1')).toEqual(text('row 1'));
      expect(found.log.isSeen(text('digest 1'))).toBe(true);
      expect(found.log.isSeen(text('digest 2'))).toBe(false);
      expect(found.log.outbox()).toEqual([
        { post: id16(1), body: text('post 1'), tries: 0, due: undefined },
      ]);
      expect(found.log.inbox()).toEqual([{ id: id16(2), body: text('mail 1'), seq: 2 }]);
      expect(found.log.streamsWithPrefix('se')).toEqual(['session/a']);
      expect([...found.log.events()].map(({ stream, sealed }) => [stream, sealed])).toEqual([
        ['session/a', 'sealed'],
        ['peer/a', 'none'],
        ['session/a', 'sealed'],
      ]);
      found.log.flush();
      const states = [...found.log.events()].map(({ sealed }) => sealed);
      expect(states).toEqual(['shredded', 'none', 'sealed']);
    }
  });

  test('refuses what was decided before somebody else wrote, also where a flush found it first', () => {
    const world = newWorld();
    const event = { stream: 'a', type: 1, schema: 1, facts: text('') };
    const next = { at: 1, events: [{ ...event, sealed: [text('next')] }] };
    commit(world, { events: [{ ...event, sealed: [text('mine')] }] });
    world.log.flush();
    const { store, crypto, entropy } = world;
    const from = world.vault.image();
    const vault = createMemoryVault({ crypto, entropy, logId: world.log.logId, from });
    const other = unwrap(openEventLog({ store, vault, crypto, entropy }));
    unwrap(other.commit({ at: 1, events: [{ ...event, sealed: [text('theirs')] }] }));
    world.log.flush();
    expect(world.log.commit(next)).toMatchObject({ error: { code: 'MOVED' } });
    expect(world.log.sealedValue('a')).toEqual(text('theirs'));
    expect(world.log.commit(next).ok).toBe(true);
    expect(world.log.sealedValue('a')).toEqual(text('next'));
  });

  test('ends a stream and refuses more of it', () => {
    const world = newWorld();
    const event = { stream: 'send/1', type: 1, schema: 1, facts: text('') };
    commit(world, { events: [{ ...event, sealed: [text('x')] }] });
    commit(world, { events: [{ ...event, closes: true }] });
    for (const found of [world, unwrap(reopen(world))]) {
      const answer = found.log.commit({ at: 1, events: [event] });
      expect(answer).toEqual({ ok: false, error: { code: 'STREAM_CLOSED', stream: 'send/1' } });
      expect(found.log.sealedValue('send/1')).toBeUndefined();
      expect(found.log.head('send/1')).toEqual({ version: 2, isClosed: true });
      expect(found.log.streamsWithPrefix('send/')).toEqual([]);
    }
  });

  test('takes queue rows out and reuses their slots', () => {
    const world = newWorld();
    const received = { stream: 's', type: 1, schema: 1, facts: text('') };
    commit(world, {
      events: [received],
      outboxPut: [1, 2, 3].map((n) => ({ post: id16(n), body: text(`p${n}`) })),
      inboxPut: [4, 5].map((n) => ({ id: id16(n), body: text(`m${n}`) })),
    });
    commit(world, {
      events: [received],
      outboxDone: [id16(2)],
      outboxRetry: [{ post: id16(3), due: 77, tries: 2 }],
      outboxPut: [{ post: id16(6), body: text('p6') }],
      inboxDone: [id16(4)],
    });
    for (const { log, store } of [world, unwrap(reopen(world))]) {
      const entries = log
        .outbox()
        .map(({ body, due, tries }) => [String.fromCharCode(...body), due, tries]);
      expect(entries).toEqual([
        ['p1', undefined, 0],
        ['p3', 77, 2],
        ['p6', undefined, 0],
      ]);
      expect([...store.outbox()].map(({ slot }) => slot)).toEqual([1, 3, 2]);
      expect(log.inbox().map(({ id }) => id)).toEqual([id16(5)]);
    }
  });

  test('takes nothing of a batch that is out of bounds', () => {
    const world = newWorld();
    const event = { stream: 's', type: 1, schema: 1, facts: text('') };
    const tooMany = Array.from({ length: 8193 }, (_, n) => ({ id: id16(n), body: text('m') }));
    const slots = world.vault.poolSize();
    for (const batch of [
      { events: [{ ...event, stream: 'ä'.repeat(257) }] },
      { events: [{ ...event, stream: 'half \ud800' }] },
      { events: [], data: [{ key: 'half \udc00', value: undefined }] },
      { events: [event], inboxPut: tooMany },
    ]) {
      expect(() => commit(world, batch)).toThrow('Invariant');
    }
    expect(world.vault.poolSize()).toBe(slots);
    commit(world, { events: [event], inboxPut: tooMany.slice(1) });
    expect(unwrap(reopen(world)).log.inbox()).toHaveLength(8192);
  });

  const receiver =
    (world: World) =>
    ([at, agedTo = at]: [at: number, agedTo?: number], name: string, count: number) =>
      commit(world, {
        at,
        agedTo,
        events: Array.from({ length: count }, (_, n) => ({
          stream: 's',
          type: 1,
          schema: 1,
          facts: text(''),
          seen: [text(`${name} ${n}`)],
        })),
      });

  test('remembers what was received for its time, also where the clock is set back', () => {
    const world = newWorld({ seenMs: 1000 });
    const receive = receiver(world);
    receive([5000], 'first', 1);
    receive([10], 'set back', 511);
    receive([5500], 'later', 512);
    expect(unwrap(reopen(world)).log.isSeen(text('first 0'))).toBe(true);
    receive([6500], 'last', 512);
    const { log, store, vault, crypto } = unwrap(reopen(world));
    expect(log.isSeen(text('first 0'))).toBe(false);
    expect(rebuildProjections({ reader: store, vault, crypto }).differences).toEqual([]);
  });

  test('forgets nothing by a clock that is ahead of what surely went by', () => {
    const world = newWorld({ seenMs: 1000 });
    const receive = receiver(world);
    receive([5000], 'first', 512);
    receive([9000, 5900], 'of a clock that jumped', 512);
    expect(unwrap(reopen(world)).log.isSeen(text('first 0'))).toBe(true);
    receive([6100], 'set right', 512);
    const { log, store, vault, crypto } = unwrap(reopen(world));
    expect(log.isSeen(text('first 0'))).toBe(false);
    expect(log.isSeen(text('of a clock that jumped 0'))).toBe(true);
    expect(rebuildProjections({ reader: store, vault, crypto }).differences).toEqual([]);
  });

  test('asks for what a digest is now, not for what its array held before', () => {
    const world = newWorld();
    const digest = text('one');
    commit(world, {
      events: [{ stream: 's', type: 1, schema: 1, facts: text(''), seen: [digest] }],
    });
    expect(world.log.isSeen(digest)).toBe(true);
    digest.set(text('two'));
    expect(world.log.isSeen(digest)).toBe(false);
  });
});
