import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMemoryStore, rebuildProjections, verifyChain } from '../src/index.ts';
import type { EventRow, MemorySnapshot, RecordFold } from '../src/index.ts';
import { stolenVault } from './adversary.ts';
import { commit, id16, newWorld, text, unwrap } from './world.ts';
import type { World } from './world.ts';

/** Six streams, thirty events, two records. */
function grownWorld(): World {
  const world = newWorld();
  for (let i = 0; i < 30; i++) {
    const name = `stream ${i % 6}`;
    const sealed = i % 3 === 0 ? { sealed: [text(`state ${i}`)] } : {};
    const facts = text(`facts ${i}`);
    const seen = i % 4 === 0 ? [text(`digest ${i}`)] : [];
    commit(world, {
      at: 100 + i,
      events: [{ stream: name, type: 7, schema: 1, facts, seen, ...sealed }],
      records: [{ name: `record ${i % 2}`, value: facts }],
    });
    if (i === 20) world.log.flush();
  }
  return world;
}

const FOLD: RecordFold<Map<string, Uint8Array>> = {
  initial: () => new Map(),
  apply: (state, { seq, facts }) => new Map(state).set(`record ${(seq - 1) % 2}`, facts),
  rows: (state) => [...state].map(([name, value]) => ({ name, value })),
};

const COLUMNS = ['stream', 'version', 'prev', 'kind', 'at', 'facts', 'sealed', 'hash'] as const;

function altered(
  row: EventRow,
  column: (typeof COLUMNS)[number],
  byte: number,
): EventRow | undefined {
  const value = row[column];
  if (value === undefined) return { ...row, [column]: new Uint8Array(40) };
  if (typeof value === 'number') return { ...row, [column]: value + 1 + byte };
  if (value.length === 0) return undefined;
  const bytes = value.slice();
  const at = byte % bytes.length;
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  return { ...row, [column]: bytes };
}

describe('verifying without a key', () => {
  const world = grownWorld();
  const image = world.store.image();
  const anchor = world.vault.anchor();
  const verify = (changed: Partial<MemorySnapshot>) =>
    verifyChain(createMemoryStore({ ...image, ...changed }), world.crypto, { anchor });

  test('accepts a sound log and a pruned one', () => {
    const whole = unwrap(verify({}));
    expect(whole).toMatchObject({ tip: world.log.tip(), streams: 6, sealed: 10, pruned: 0 });
    const superseded = new Set([1, 4, 7, 10]);
    const events = image.events.map((row) => {
      if (row.sealed === undefined || !superseded.has(row.seq)) return row;
      return { ...row, sealed: world.crypto.digest([row.sealed]) };
    });
    expect(unwrap(verify({ events })).pruned).toBe(4);
  });

  test('names the event in which any column was altered', () => {
    fc.assert(
      fc.property(fc.nat(29), fc.constantFrom(...COLUMNS), fc.nat(255), (at, column, byte) => {
        const row = image.events[at];
        const changed = row && altered(row, column, byte);
        fc.pre(changed !== undefined);
        const events = image.events.map((other, i) => (i === at && changed ? changed : other));
        expect(verify({ events })).toMatchObject({ ok: false, error: { seq: at + 1 } });
      }),
    );
  });

  test('names an event that is missing, also the last one that a flush has seen', () => {
    for (const gone of [1, 12, 21]) {
      const events = image.events.filter(({ seq }) => seq !== gone);
      expect(verify({ events })).toMatchObject({ error: { code: 'EVENT_MISSING', seq: gone } });
    }
  });

  test('catches a log cut off together with its heads by the anchor', () => {
    const short = newWorld();
    const meta = new Map(image.meta);
    meta.delete('rows');
    const cut = createMemoryStore({ ...short.store.image(), meta });
    const answer = verifyChain(cut, world.crypto, { anchor });
    expect(answer).toMatchObject({ error: { code: 'ANCHOR_WRONG', seq: 21 } });
    expect(verifyChain(cut, world.crypto).ok).toBe(true);
    const told = createMemoryStore({ ...short.store.image(), meta: image.meta });
    expect(verifyChain(told, world.crypto)).toMatchObject({ error: { code: 'EVENT_MISSING' } });
  });

  test('catches a log cut off at its end by mail that it received there', () => {
    const mailed = newWorld();
    for (const n of [1, 2]) {
      commit(mailed, {
        events: [{ stream: 'a', type: 1, schema: 1, facts: text(`${n}`) }],
        inboxPut: [{ id: id16(n), body: text('mail') }],
      });
    }
    const whole = mailed.store.image();
    const cut = createMemoryStore({ ...whole, events: whole.events.slice(0, 1) });
    const answer = verifyChain(cut, mailed.crypto);
    expect(answer).toMatchObject({ error: { code: 'EVENT_MISSING', seq: 2 } });
  });

  test('catches heads that do not follow the events', () => {
    const heads = new Map(image.heads);
    const head = heads.get(3);
    if (head === undefined) throw new Error('stream 3 has a head');
    heads.set(3, { ...head, version: head.version - 1 });
    expect(verify({ heads })).toMatchObject({ error: { code: 'HEAD_WRONG', seq: 21 } });
    heads.delete(3);
    expect(verify({ heads })).toMatchObject({ error: { code: 'HEAD_WRONG' } });
  });
});

describe('rebuilding with the vault', () => {
  const world = grownWorld();
  const image = world.store.image();
  const rebuild = (changed: Partial<MemorySnapshot>, fold = FOLD) => {
    const reader = createMemoryStore({ ...image, ...changed });
    const vault = stolenVault(world.crypto, world.log.logId, world.vault.image());
    return rebuildProjections({ reader, vault, crypto: world.crypto, fold });
  };

  test('agrees with the live tables', () => {
    expect(rebuild({})).toEqual({
      opened: { outbox: 0, inbox: 0, data: 0 },
      events: 30,
      streams: 6,
      liveStates: 2,
      seenRuns: 0,
      records: 2,
      differences: [],
    });
  });

  test('compares no records beyond an event that is not understood, and says which', () => {
    const notUnderstood = (at: number, code: 'UNKNOWN_EVENT' | 'MALFORMED_FACTS') =>
      rebuild({}, { ...FOLD, refusal: ({ seq }) => (seq === at ? code : undefined) });
    const later = notUnderstood(11, 'UNKNOWN_EVENT');
    expect(later).toMatchObject({ events: 30, records: undefined, unknownAt: 11, differences: [] });
    // Later events of both records make up for the one that is left out; damage is named all the same.
    expect(notUnderstood(11, 'MALFORMED_FACTS')).toMatchObject({
      records: 2,
      differences: [{ table: 'event', key: '11', detail: 'its facts are malformed' }],
    });
  });

  test('names every projection row that differs', () => {
    const tables = (changed: Partial<MemorySnapshot>): string[] =>
      rebuild(changed).differences.map(({ table, key }) => `${table} ${key}`);
    const without = <K, V>(map: ReadonlyMap<K, V>, key: K): Map<K, V> => {
      const copy = new Map(map);
      copy.delete(key);
      return copy;
    };
    expect(tables({ heads: without(image.heads, 4) })).toEqual(['head 4']);
    expect(tables({ streams: without(image.streams, 2) })).toEqual(['stream 2']);
    const [firstRecord] = image.records.keys();
    expect(tables({ records: without(image.records, firstRecord ?? '') })).toHaveLength(1);
    const run = { upto: 5, until: 1e15, ids: new Uint8Array(8) };
    expect(tables({ seenRuns: [run] })).toEqual(['seen_run 5']);
    const streams = new Map(image.streams);
    const [one, two] = [streams.get(1), streams.get(2)];
    if (one === undefined || two === undefined) throw new Error('streams are there');
    streams.set(1, { ...one, slot: 70 });
    streams.set(2, { ...two, label: one.label });
    expect(tables({ streams })).toEqual(['stream 1', 'stream 2']);
    const swapped = [...image.records.values()].map(({ name }, i, all) => ({
      name,
      value: all[(i + 1) % 2]?.value ?? new Uint8Array(0),
    }));
    const records = new Map([...image.records.keys()].map((key, i) => [key, swapped[i]] as const));
    const mixed = new Map([...records].flatMap(([key, row]) => (row ? [[key, row] as const] : [])));
    expect(tables({ records: mixed }).length).toBeGreaterThanOrEqual(2);
  });

  test('names an event whose facts or live state were altered', () => {
    const flip = (seq: number, column: 'facts' | 'sealed'): string[] => {
      const events = image.events.map((row) =>
        row.seq === seq ? (altered(row, column, 20) ?? row) : row,
      );
      return rebuild({ events }).differences.map(({ table, key }) => `${table} ${key}`);
    };
    expect(flip(8, 'facts')).toContain('event 8');
    expect(flip(28, 'sealed')).toEqual(['sealed 4']);
  });
});
