import { PRE_KEY_ID_MAX } from '@simsim/relay-protocol';
import type { PreKeyUpload } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import { userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import type { Decision } from './decision.ts';
import type { Input } from './input.ts';
import {
  ONE_TIME_BATCHES_MAX,
  ONE_TIME_ID_MAX,
  ONE_TIME_KEM_BATCH_KEYS,
  ONE_TIME_KEM_TARGET_KEYS,
  PRE_KEY_GRACE_MS,
  PRE_KEY_ID_GAP_MAX,
  PRE_KEY_LIFE_MS,
  PRE_KEY_RENEWAL_MS,
  PRE_KEYS_KEPT_MAX,
} from './limits.ts';
import type { PreKeys } from './pre-keys.ts';
import { valueOfKind } from './stream-codec.ts';
import { oneTimeKemStream, PRE_KEYS_STREAM } from './streams.ts';

const create: Input = { type: 'create', userId: userNamed('ada'), oneTimeKeys: 30 };

function registered(): MemorySlice {
  const slice = new MemorySlice();
  slice.take(create);
  slice.take({ type: 'registered' });
  return slice;
}

function preKeysOf(slice: MemorySlice): PreKeys {
  const preKeys = valueOfKind('prekeys', slice.value(PRE_KEYS_STREAM));
  if (preKeys === undefined) throw new Error('a device has prekeys');
  return preKeys;
}

const uploads = ({ effects }: Decision): PreKeyUpload[] =>
  effects.flatMap((effect) => (effect.type === 'uploadKeys' ? [effect.keys] : []));

function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined || items.length !== 1) throw new Error('there is exactly one');
  return item;
}

describe('a new device', () => {
  it('makes KEM prekeys in small batches, and no id twice, whatever the kind (PQ-4)', () => {
    const slice = registered();
    const { signed, batches, lastResorts, kemBatches, nextId } = preKeysOf(slice);
    const ids = [...signed, ...lastResorts].map((key) => key.id);
    for (const firstId of batches) {
      ids.push(...(valueOfKind('opk', slice.value(`opk/${firstId}`))?.pairs.keys() ?? []));
    }
    const sizes = kemBatches.map((firstId) => {
      const batch = valueOfKind('kpk', slice.value(oneTimeKemStream(firstId)));
      ids.push(...(batch?.keys.keys() ?? []));
      return batch?.keys.size;
    });
    expect(sizes).toEqual([ONE_TIME_KEM_BATCH_KEYS, ONE_TIME_KEM_BATCH_KEYS]);
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 52 }, (_, i) => i + 1));
    expect(nextId).toBe(53);
  });

  it('makes no more one-time KEM prekeys than others, or as many as it is told', () => {
    const few = new MemorySlice();
    few.take({ ...create, oneTimeKeys: 2 });
    expect(preKeysOf(few)).toMatchObject({ nextId: 7, kemBatches: [5] });
    const none = new MemorySlice();
    none.take({ ...create, oneTimeKeys: 2, oneTimeKemKeys: 0 });
    expect(preKeysOf(none)).toMatchObject({ nextId: 5, kemBatches: [] });
  });
});

/** The same device, later. */
function afterMs(slice: MemorySlice, ms: number): MemorySlice {
  const { clock } = slice.env;
  slice.env = { ...slice.env, clock: { ...clock, elapsedMs: clock.elapsedMs + ms } };
  return slice;
}

describe('replenishing', () => {
  it('makes as many KEM prekeys as are missing, under new ids', () => {
    const slice = registered();
    const { nextId } = preKeysOf(slice);
    const upload = only(uploads(slice.take({ type: 'replenish', count: 100, kemCount: 4 })));
    const ids = upload.oneTimeKemPreKeys.map((key) => key.id);
    const made = ONE_TIME_KEM_TARGET_KEYS - 4;
    expect(ids).toEqual(Array.from({ length: made }, (_, i) => nextId + i));
    expect(upload.oneTimePreKeys).toEqual([]);
    expect(preKeysOf(slice).nextId).toBe(nextId + made);
  });

  it('ends at the highest id', () => {
    const slice = registered();
    const nextId = ONE_TIME_ID_MAX - 10;
    slice.values.set(PRE_KEYS_STREAM, { ...preKeysOf(slice), nextId });
    const input: Input = { type: 'replenish', count: 100, kemCount: 0 };
    expect(slice.decide(input)).toMatchObject({ rejection: { code: 'PRE_KEYS_EXHAUSTED' } });
  });
});

describe('what the relay has of prekeys', () => {
  const counters = (count: number, highestSeenId: number) => ({
    count,
    lastIssuedId: 0,
    highestSeenId,
  });
  /** What a relay says that has taken everything. */
  const checked = (slice: MemorySlice, more: object = {}): Input => {
    const { told, signed, lastResorts } = preKeysOf(slice);
    return {
      type: 'keysChecked',
      isSame: true,
      signedPreKeyId: signed[0]?.id ?? 0,
      lastResortId: lastResorts[0]?.id ?? 0,
      oneTime: counters(100, told.oneTime),
      kem: counters(20, told.kem),
      ...more,
    };
  };

  it('is left alone where it is what it should be', () => {
    const slice = registered();
    const { changes, effects } = slice.take(checked(slice));
    expect([...changes, ...effects]).toEqual([]);
  });

  it('is made good where it has other keys to hand out again and again', () => {
    const slice = registered();
    const { signed, lastResorts } = preKeysOf(slice);
    const older = { isSame: false, signedPreKeyId: 0, lastResortId: 0 };
    const upload = only(uploads(slice.take(checked(slice, older))));
    expect(upload.signedPreKey.id).toBe(signed[0]?.id);
    expect(upload.lastResortKemPreKey.id).toBe(lastResorts[0]?.id);
    expect(upload.oneTimePreKeys).toEqual([]);
  });

  it('is made good with newer keys where it has newer ones than a log that was put back', () => {
    const slice = afterMs(registered(), PRE_KEY_RENEWAL_MS);
    const newer = { isSame: false, signedPreKeyId: 700, lastResortId: 701 };
    const upload = only(uploads(slice.take(checked(slice, newer))));
    expect(upload.signedPreKey.id).toBeGreaterThan(701);
    expect(upload.lastResortKemPreKey.id).toBeGreaterThan(701);
    // What was made before may still be answered.
    expect(preKeysOf(slice).signed).toHaveLength(2);
  });

  it('is made good with newer keys where it has others under the same ids', () => {
    const slice = afterMs(registered(), PRE_KEY_RENEWAL_MS);
    const { nextId } = preKeysOf(slice);
    const upload = only(uploads(slice.take(checked(slice, { isSame: false }))));
    expect(upload.signedPreKey.id).toBe(nextId);
  });

  it('gets what it did not acknowledge again, byte for byte, until it does', () => {
    const slice = registered();
    const first = only(uploads(slice.take({ type: 'replenish', count: 60, kemCount: 10 })));
    expect([first.oneTimePreKeys.length, first.oneTimeKemPreKeys.length]).toEqual([40, 10]);
    // The process died before the answer came.
    const again = only(uploads(slice.take(checked(slice))));
    expect(again).toEqual(first);
    expect(only(uploads(slice.take({ type: 'replenish', count: 60, kemCount: 10 })))).toEqual(
      first,
    );
    const oneTime = first.oneTimePreKeys.at(-1)?.id ?? 0;
    const kem = first.oneTimeKemPreKeys.at(-1)?.id ?? 0;
    slice.take({ type: 'keysUploaded', oneTime, kem });
    expect(uploads(slice.take(checked(slice)))).toEqual([]);
  });

  it('is topped up where it is low', () => {
    const slice = registered();
    const low = checked(slice, { oneTime: counters(3, preKeysOf(slice).told.oneTime) });
    const upload = only(uploads(slice.take(low)));
    expect(upload.oneTimePreKeys.length).toBe(97);
    expect(upload.oneTimeKemPreKeys).toEqual([]);
  });

  it('may know ids that this log has forgotten: they are never given out again', () => {
    const slice = registered();
    const decision = slice.take(checked(slice, { oneTime: counters(90, 5000) }));
    const made = preKeysOf(slice).batches.filter((id) => id > 50);
    expect(Math.min(...made)).toBe(5001);
    // What is there under forgotten ids is of no use to anybody.
    const [upload] = decision.effects.filter(({ type }) => type === 'uploadKeys');
    expect(upload).toMatchObject({ replacesOneTime: true });
    expect(only(uploads(decision)).oneTimePreKeys).toHaveLength(100);
  });

  it.each([
    ['one-time prekeys', { oneTime: counters(90, PRE_KEY_ID_MAX) }],
    ['KEM prekeys', { kem: counters(10, PRE_KEY_ID_MAX) }],
    ['a signed prekey', { isSame: false, signedPreKeyId: PRE_KEY_ID_MAX }],
    ['a last resort', { isSame: false, lastResortId: ONE_TIME_ID_MAX + 1 }],
    ['too many of them', { oneTime: counters(90, PRE_KEY_ID_GAP_MAX + 500) }],
  ])('is not believed where it says that it has seen impossible ids of %s', (_, lie) => {
    const slice = afterMs(registered(), PRE_KEY_RENEWAL_MS);
    const before = preKeysOf(slice);
    const { changes, effects } = slice.take(checked(slice, lie));
    expect([...changes, ...effects]).toEqual([]);
    expect(preKeysOf(slice)).toBe(before);
  });

  it('has signed prekeys replaced on its word once an hour at most, so that those of before stay', () => {
    const slice = afterMs(registered(), PRE_KEY_RENEWAL_MS);
    for (let lie = 0; lie < 10; lie++) {
      const { nextId } = preKeysOf(slice);
      const newer = { isSame: false, signedPreKeyId: nextId, lastResortId: nextId };
      slice.take(checked(slice, newer));
    }
    expect(preKeysOf(slice).signed).toHaveLength(2);
  });

  it('may lie on and on: signed prekeys and last resorts go on being replaced (SES-94)', () => {
    const slice = registered();
    for (let lie = 0; lie < 300; lie++) {
      const seen = Math.min(preKeysOf(slice).nextId + PRE_KEY_ID_GAP_MAX, ONE_TIME_ID_MAX);
      slice.take(checked(slice, { oneTime: counters(90, seen) }));
    }
    expect(preKeysOf(slice).nextId).toBeGreaterThan(ONE_TIME_ID_MAX);
    const [first] = preKeysOf(slice).signed;
    const upload = only(uploads(afterMs(slice, PRE_KEY_LIFE_MS).take({ type: 'swept' })));
    expect(upload.signedPreKey.id).toBeGreaterThan(first?.id ?? 0);
    expect(upload.lastResortKemPreKey.id).toBeLessThanOrEqual(PRE_KEY_ID_MAX);
    afterMs(slice, PRE_KEY_GRACE_MS + 1).take({ type: 'swept' });
    expect(preKeysOf(slice).signed).not.toContain(first);
  });

  it('may have gone back: that is told, and ids go on above', () => {
    const slice = registered();
    const { nextId } = preKeysOf(slice);
    const { effects } = slice.take(checked(slice, { oneTime: counters(0, 1) }));
    expect(effects).toContainEqual({ type: 'relayPutBack' });
    const ids = effects.flatMap((effect) =>
      effect.type === 'uploadKeys' ? effect.keys.oneTimePreKeys.map(({ id }) => id) : [],
    );
    expect(Math.min(...ids)).toBe(nextId);
  });

  it('is no reason to keep keys for ever that somebody claims and never uses', () => {
    const slice = registered();
    for (let refill = 0; refill < 20; refill++) {
      const upload = only(uploads(slice.take({ type: 'replenish', count: 0, kemCount: 20 })));
      const oneTime = upload.oneTimePreKeys.at(-1)?.id ?? 0;
      slice.take({ type: 'keysUploaded', oneTime, kem: 0 });
    }
    const { batches } = preKeysOf(slice);
    expect(batches.length).toBe(ONE_TIME_BATCHES_MAX);
    expect(slice.live('opk/').length).toBe(ONE_TIME_BATCHES_MAX);
  });
});

describe('a state of before PQXDH', () => {
  const old = (past: MemorySlice): MemorySlice => {
    past.values.set(PRE_KEYS_STREAM, { ...preKeysOf(past), lastResorts: [], kemBatches: [] });
    return past;
  };

  it('gets its KEM prekeys at the next start, and the relay is told', () => {
    const slice = old(registered());
    const upload = only(uploads(slice.take({ type: 'started' })));
    expect(upload.oneTimeKemPreKeys.length).toBe(ONE_TIME_KEM_TARGET_KEYS);
    expect(preKeysOf(slice).lastResorts.map((key) => key.id)).toEqual([
      upload.lastResortKemPreKey.id,
    ]);
    expect(uploads(slice.take({ type: 'started' }))).toEqual([]);
  });

  it('of a device that is not registered yet gets them for its registration', () => {
    const slice = new MemorySlice();
    slice.take(create);
    const decision = old(slice).take({ type: 'started' });
    expect(uploads(decision)).toEqual([]);
    expect(preKeysOf(slice).lastResorts.length).toBe(1);
    expect(decision.effects).toContainEqual({ type: 'register' });
  });
});

describe('signed prekeys and last resorts', () => {
  it('are replaced when they are due, and told to the relay (X3-9)', () => {
    const slice = registered();
    const before = preKeysOf(slice);
    expect(uploads(afterMs(slice, PRE_KEY_LIFE_MS - 1).take({ type: 'swept' }))).toEqual([]);
    expect(preKeysOf(slice)).toBe(before);
    const upload = only(uploads(afterMs(slice, 1).take({ type: 'swept' })));
    expect(upload.signedPreKey.id).toBe(before.nextId);
    expect(upload.lastResortKemPreKey.id).toBe(before.nextId + 1);
    expect(uploads(slice.take({ type: 'swept' }))).toEqual([]);
  });

  it('stay for late initiations, and are gone when the grace is over (X3-10, X3-29)', () => {
    const slice = registered();
    const [first] = preKeysOf(slice).signed;
    const [last] = preKeysOf(slice).lastResorts;
    afterMs(slice, PRE_KEY_LIFE_MS).take({ type: 'swept' });
    afterMs(slice, PRE_KEY_GRACE_MS).take({ type: 'swept' });
    expect(preKeysOf(slice).signed).toContain(first);
    expect(preKeysOf(slice).lastResorts).toContain(last);
    const { consumed } = afterMs(slice, 1).take({ type: 'swept' });
    expect(preKeysOf(slice).signed).not.toContain(first);
    expect(preKeysOf(slice).lastResorts).not.toContain(last);
    expect(consumed).toEqual([first?.pair.privateKey, last?.privateKey]);
  });

  it('are never more than a few, however often they are replaced', () => {
    const slice = registered();
    for (let week = 0; week < 10; week++) afterMs(slice, PRE_KEY_LIFE_MS).take({ type: 'swept' });
    expect(preKeysOf(slice).signed.length).toBeLessThanOrEqual(PRE_KEYS_KEPT_MAX);
    expect(preKeysOf(slice).lastResorts.length).toBeLessThanOrEqual(PRE_KEYS_KEPT_MAX);
  });
});
