/** Anything that may happen to a log, and a model that fits a page. */

import fc from 'fast-check';
import type { DraftEvent, LogBatch, LogEvent } from '../src/index.ts';
import { id16, text } from './world.ts';

interface EventPlan {
  readonly stream: number;
  readonly sealed: Uint8Array | undefined;
  readonly closes: boolean;
  readonly seen: readonly number[];
}

export interface BatchPlan {
  readonly kind: 'batch';
  readonly events: readonly EventPlan[];
  readonly record: number | undefined;
  readonly data: number | undefined;
  readonly posts: number;
  readonly mails: number;
  readonly donePosts: number;
  readonly doneMails: number;
}

export interface ForgetPlan {
  readonly kind: 'forget';
  readonly stream: number;
}

export type Action =
  | BatchPlan
  | ForgetPlan
  | { readonly kind: 'flush' | 'kill' | 'refused' | 'close' | 'prune' };

const STREAMS = ['device', 'session/a', 'session/b', 'send/1', 'send/2', 'peer/a'];

const eventPlan: fc.Arbitrary<EventPlan> = fc.record({
  stream: fc.nat(STREAMS.length - 1),
  // Two and three bytes make the part as long as a pruned one.
  sealed: fc.option(fc.uint8Array({ maxLength: 8 }), { nil: undefined, freq: 3 }),
  closes: fc.nat(7).map((n) => n === 0),
  seen: fc.array(fc.nat(20), { maxLength: 2 }),
});

const batchPlan: fc.Arbitrary<BatchPlan> = fc.record({
  kind: fc.constant('batch' as const),
  events: fc.array(eventPlan, { minLength: 1, maxLength: 4 }),
  record: fc.option(fc.nat(3), { nil: undefined }),
  data: fc.option(fc.nat(3), { nil: undefined }),
  posts: fc.nat(3),
  mails: fc.nat(3),
  donePosts: fc.nat(3),
  doneMails: fc.nat(4),
});

/** A life of a log. */
export const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: batchPlan },
    { weight: 2, arbitrary: fc.constant({ kind: 'flush' as const }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'kill' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'prune' as const }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('forget' as const),
        stream: fc.nat(STREAMS.length - 1),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'refused' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'close' as const }) },
  ),
  { minLength: 1, maxLength: 25 },
);

interface ModelStream {
  version: number;
  closed: boolean;
  value: Uint8Array | undefined;
  sealedSeq: number;
}

/** A sealed state as it was committed, by its event. */
type SealedHistory = Map<number, Uint8Array>;

/** What a log must answer. */
export interface Model {
  seq: number;
  batches: number;
  readonly streams: Map<string, ModelStream>;
  readonly records: Map<string, Uint8Array>;
  readonly data: Map<string, Uint8Array>;
  readonly seen: Set<number>;
  posts: { id: number; body: Uint8Array }[];
  mails: { id: number; body: Uint8Array; seq: number }[];
  nextId: number;
  readonly sealed: SealedHistory;
}

export function newModel(): Model {
  return {
    seq: 0,
    batches: 0,
    streams: new Map(),
    records: new Map(),
    data: new Map(),
    seen: new Set(),
    posts: [],
    mails: [],
    nextId: 0,
    sealed: new Map(),
  };
}

export function digestOf(number: number): Uint8Array {
  return text(`digest ${number}`);
}

/** Makes the batch of a plan, leaving out events of streams that have ended. */
export function planToBatch(model: Model, plan: BatchPlan): LogBatch {
  const ended = new Set<string>();
  for (const [name, { closed }] of model.streams) if (closed) ended.add(name);
  const events: DraftEvent[] = [];
  for (const { stream, sealed, closes, seen } of plan.events) {
    const name = STREAMS[stream] ?? 'device';
    if (ended.has(name)) continue;
    if (closes) ended.add(name);
    events.push({
      stream: name,
      type: 1 + stream,
      schema: 1,
      facts: text(`${model.seq + events.length + 1}:${name}`),
      ...(sealed === undefined ? {} : { sealed: [sealed] }),
      ...(closes ? { closes: true as const } : {}),
      seen: seen.map(digestOf),
    });
  }
  const body = (kind: string, i: number): Uint8Array => text(`${kind} ${model.nextId + i}`);
  const mailCount = events.length === 0 ? 0 : plan.mails;
  const named = (prefix: string, n: number | undefined): [string, Uint8Array | undefined][] =>
    n === undefined ? [] : [[`${prefix}/${n}`, n === 3 ? undefined : text(`${model.batches}`)]];
  return {
    at: 1000 + model.batches,
    events,
    records: named('record', plan.record).map(([name, value]) => ({ name, value })),
    data: named('data', plan.data).map(([key, value]) => ({ key, value })),
    outboxPut: range(plan.posts).map((i) => ({
      post: id16(model.nextId + i),
      body: body('post', i),
    })),
    outboxDone: model.posts.slice(0, plan.donePosts).map(({ id }) => id16(id)),
    inboxPut: range(mailCount).map((i) => ({
      id: id16(1000 + model.nextId + i),
      body: body('mail', i),
    })),
    inboxDone: model.mails.slice(0, plan.doneMails).map(({ id }) => id16(id)),
  };
}

/** What the batch does to the model. */
export function applyToModel(model: Model, batch: LogBatch): void {
  model.batches++;
  for (const { stream, sealed, closes, seen } of batch.events) {
    model.seq++;
    const known = model.streams.get(stream);
    const state = known ?? { version: 0, closed: false, value: undefined, sealedSeq: 0 };
    model.streams.set(stream, state);
    state.version++;
    if (sealed !== undefined) {
      state.value = sealed[0] as Uint8Array;
      state.sealedSeq = model.seq;
      model.sealed.set(model.seq, state.value);
    }
    if (closes === true) state.closed = true;
    for (const digest of seen ?? [])
      model.seen.add(Number(String.fromCharCode(...digest).slice(7)));
  }
  for (const { name, value } of batch.records ?? []) put(model.records, name, value);
  for (const { key, value } of batch.data ?? []) put(model.data, key, value);
  model.posts = model.posts.slice(batch.outboxDone?.length ?? 0);
  model.mails = model.mails.slice(batch.inboxDone?.length ?? 0);
  for (const { body } of batch.outboxPut ?? []) model.posts.push({ id: model.nextId++, body });
  const first = model.nextId;
  for (const [i, { id, body }] of (batch.inboxPut ?? []).entries()) {
    const number = new DataView(id.buffer).getUint32(12) - 1;
    model.mails.push({ id: number, body, seq: model.seq });
    model.nextId = Math.max(model.nextId, first + i + 1);
  }
}

/** Which events a plan forgets: all of a closed stream, all but the first of a live one. */
export function forgets(model: Model, plan: ForgetPlan): (event: LogEvent) => boolean {
  const name = STREAMS[plan.stream] ?? 'device';
  const isClosed = model.streams.get(name)?.closed === true;
  if (isClosed) model.streams.delete(name);
  return ({ stream, version }) => stream === name && (isClosed || version > 1);
}

export function streamNames(): readonly string[] {
  return STREAMS;
}

function put(map: Map<string, Uint8Array>, key: string, value: Uint8Array | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
