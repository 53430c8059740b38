/** Writers that append to one log at the same time, behind promises: whatever the order, nothing is lost. */

import { createMemoryStore } from '@simsim/event-log';
import type { CommitAnswer, MemoryStore, StoreChange, Tip } from '@simsim/event-log';
import fc from 'fast-check';
import { changeOf } from './store-change.ts';
import type { Recipe } from './store-change.ts';

/** A store behind promises, as one in a worker or over a network has to be. */
export interface AsyncStore {
  tip(): Promise<Tip>;
  commit(change: StoreChange): Promise<CommitAnswer>;
}

/** What is tried. */
export interface RaceOptions {
  /**
   * A new empty store of yours, and what it has in the end. Whatever it waits for goes through the
   * scheduler, by `scheduledPort`.
   */
  readonly make: (scheduler: fc.Scheduler) => {
    readonly store: AsyncStore;
    readonly content: () => Promise<readonly StoreChange['events'][number][]>;
  };
  /** Default 2. */
  readonly writers?: number;
  /** Events that each of them appends; default 2. */
  readonly each?: number;
}

/** Commits that a writer tries for one event. */
const TRIES_MAX = 200;

/**
 * Each writer reads the tip, appends to it, and begins anew where somebody was faster. In the end each
 * event that was answered is there once, without a gap.
 */
export function racingWriters(options: RaceOptions): fc.IAsyncProperty<[fc.Scheduler]> {
  const { make, writers = 2, each = 2 } = options;
  return fc.asyncProperty(fc.scheduler(), async (scheduler) => {
    const { store, content } = make(scheduler);
    const written: string[] = [];
    const write = async (writer: number): Promise<void> => {
      for (let i = 0; i < each; i++) written.push(await append(store, 1 + writer * each + i));
    };
    const all = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    await scheduler.waitFor(all);
    const events = await scheduler.waitFor(content());
    const found = events.map(nameOf);
    const lost = written.filter((name) => !found.includes(name));
    if (lost.length > 0) throw new Error(`${lost.length} of ${written.length} events are lost`);
    if (found.length > written.length) throw new Error('events are there that nobody wrote');
    if (events.some(({ seq }, i) => seq !== i + 1)) throw new Error('the events have a gap');
  });
}

async function append(store: AsyncStore, mark: number): Promise<string> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const tip = await store.tip();
    const { expectedTip, events } = changeOf(ONE_EVENT, after(tip), mark * 100);
    const change = { ...changeOf(NOTHING, createMemoryStore(), 0), expectedTip, events };
    const answer = await store.commit(change);
    const [event] = events;
    if (answer.kind === 'committed' && event !== undefined) return nameOf(event);
  }
  throw new Error('a writer never came to its turn');
}

function nameOf({ facts }: StoreChange['events'][number]): string {
  return facts.join();
}

const NOTHING: Recipe = {
  events: [],
  records: [],
  data: [],
  outbox: [],
  outboxFreed: [],
  outboxRetry: [],
  inbox: [],
  inboxFreed: [],
  seen: 0,
  expires: 0,
  meta: 0,
  pruned: [],
  forgotten: [],
};

const ONE_EVENT: Recipe = { ...NOTHING, events: [1] };

/** A store of which nothing is known but its tip. */
function after(tip: Tip): MemoryStore {
  return { ...createMemoryStore(), tip: () => tip };
}
