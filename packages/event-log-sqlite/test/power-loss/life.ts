/**
 * What a device does with its log between two starts, and what it then must find: a script that
 * follows a seed, and a model of the log that fits a page.
 */

import type { DraftEvent, EventLog, LogBatch } from '@simsim/event-log';
import { id16, text } from '../files.ts';
import type { Random } from '../../src/power-loss/random.ts';

/** What a log must answer after a number of batches. */
export interface Model {
  readonly seq: number;
  readonly batches: number;
  readonly streams: Readonly<
    Record<string, { readonly version: number; readonly closed: boolean }>
  >;
  readonly posts: readonly number[];
  readonly mails: readonly number[];
  readonly data: Readonly<Record<string, string>>;
}

export const EMPTY: Model = { seq: 0, batches: 0, streams: {}, posts: [], mails: [], data: {} };

/** One batch: what the log is given, what follows from it, and which message key it spends. */
export interface Step {
  readonly batch: LogBatch;
  readonly after: Model;
  /** Stream and counter of the message that leaves once the batch is durable. */
  readonly key: string;
}

const SESSIONS = 4;
const KEPT = 5;

/** Draws the next batch. The message counter comes from the log, as it does in life. */
export function nextStep(log: EventLog, model: Model, random: Random): Step {
  const session = `session/${random.below(SESSIONS)}`;
  const number = model.batches + 1;
  const held = log.sealedValue(session);
  const counter = held === undefined ? 1 : Number(textOf(held).split(' ')[1]) + 1;
  const streams = { ...model.streams };
  const events: DraftEvent[] = [];
  const add = (event: DraftEvent): void => {
    const version = (streams[event.stream]?.version ?? 0) + 1;
    streams[event.stream] = { version, closed: event.closes === true };
    events.push(event);
  };
  const event = { type: 1, schema: 1, facts: text(`facts ${number}`) };
  const state = text(`${session} ${counter}`);
  add({ ...event, stream: session, sealed: [state], seen: [text(`seen ${number}`)] });
  add({ ...event, stream: `send/${number}`, sealed: [text(`send/${number} 1`)] });
  const ended = `send/${number - KEPT}`;
  if (streams[ended]?.closed === false) add({ ...event, stream: ended, closes: true });

  const mailsDone = model.mails.length >= KEPT ? model.mails.slice(0, 2) : [];
  const postsDone = model.posts.length >= KEPT ? model.posts.slice(0, 1 + random.below(2)) : [];
  const seq = model.seq + events.length;
  const row = `row/${random.below(6)}`;
  const value = random.oneIn(5) ? undefined : `${number} ${'x'.repeat(random.below(900))}`;
  const { [row]: _, ...others } = model.data;
  return {
    batch: {
      at: 1000 + number,
      events,
      records: [{ name: 'last', value: text(`${seq}`) }],
      outboxPut: [{ post: id16(number), body: text(`post ${number}`) }],
      outboxDone: postsDone.map(id16),
      inboxPut: [{ id: id16(number), body: text(`mail ${number}`) }],
      inboxDone: mailsDone.map(id16),
      data: [{ key: row, value: value === undefined ? undefined : text(value) }],
    },
    after: {
      seq,
      batches: number,
      streams,
      posts: [...model.posts.slice(postsDone.length), number],
      mails: [...model.mails.slice(mailsDone.length), number],
      data: value === undefined ? others : { ...others, [row]: value },
    },
    key: `${session} ${counter}`,
  };
}

/** What a log says, as text to be compared: of its events, and of the rows beside them. */
export interface Said {
  /** What follows from the events, which the chain carries. */
  readonly log: string;
  /** Posts, mail and application rows, which are in no chain. */
  readonly rows: string;
}

/** Everything the log says, to be compared with {@link expectation}. */
export function observation(log: EventLog, { batches }: Pick<Model, 'batches'>): Said {
  const names = Array.from({ length: SESSIONS }, (_, i) => `session/${i}`);
  for (let i = Math.max(1, batches - 2 * KEPT); i <= batches; i++) names.push(`send/${i}`);
  const streams = names.map((name) => {
    const head = log.head(name);
    const value = log.sealedValue(name);
    return [name, head?.version ?? 0, head?.isClosed === true, value ? textOf(value) : '-'];
  });
  const seen = Array.from({ length: batches + 2 }, (_, i) => log.isSeen(text(`seen ${i}`)));
  const last = textOf(log.record('last') ?? text('0'));
  return {
    log: JSON.stringify({ seq: log.tip().seq, last, streams, seen }),
    rows: JSON.stringify({
      posts: log.outbox().map(({ body }) => textOf(body)),
      mails: log.inbox().map(({ body }) => textOf(body)),
      data: [...log.dataEntries()].map(({ key, value }) => `${key}=${textOf(value)}`).sort(),
    }),
  };
}

/** What {@link observation} must say. */
export function expectation(model: Model): Said {
  const names = Array.from({ length: SESSIONS }, (_, i) => `session/${i}`);
  for (let i = Math.max(1, model.batches - 2 * KEPT); i <= model.batches; i++) {
    names.push(`send/${i}`);
  }
  const streams = names.map((name) => {
    const { version = 0, closed = false } = model.streams[name] ?? {};
    // A session seals with every event, so its counter is its version.
    const counter = name.startsWith('send') ? 1 : version;
    const value = version === 0 || closed ? '-' : `${name} ${counter}`;
    return [name, version, closed, value];
  });
  const seen = Array.from({ length: model.batches + 2 }, (_, i) => i > 0 && i <= model.batches);
  return {
    log: JSON.stringify({ seq: model.seq, last: `${model.seq}`, streams, seen }),
    rows: JSON.stringify({
      posts: model.posts.map((number) => `post ${number}`),
      mails: model.mails.map((number) => `mail ${number}`),
      data: Object.entries(model.data)
        .map(([key, value]) => `${key}=${value}`)
        .sort(),
    }),
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
