/** A store whose next commit can be made to fail, before or after it became durable. */

import { createMemoryStore, StoreFailure } from '@simsim/event-log';
import type { CommitAnswer, MemorySnapshot, MemoryStore, StoreChange } from '@simsim/event-log';

/**
 * `before`: the process dies and nothing was written. `after`: it dies and all of it was written.
 * `moved`: the store answers that somebody else wrote, once.
 */
export type Fault = 'before' | 'after' | 'moved';

/** The end of a process, as a test sees it. */
class Killed extends Error {
  override readonly name = 'Killed';
}

/** A memory store with a fault in waiting. */
export interface FaultyStore extends MemoryStore {
  /** What the next commit meets; `undefined` once it was met. */
  fault: Fault | undefined;
  /** Commits that are let through before the fault. */
  spared: number;
}

/** Makes an empty store, or one that continues from an image. */
export function createFaultyStore(from?: MemorySnapshot): FaultyStore {
  const store = createMemoryStore(from);
  const faulty: FaultyStore = {
    ...store,
    fault: undefined,
    spared: 0,
    commit(change: StoreChange): CommitAnswer {
      if (faulty.fault !== undefined && faulty.spared > 0) {
        faulty.spared--;
        return store.commit(change);
      }
      const { fault } = faulty;
      faulty.fault = undefined;
      if (fault === 'moved') return { kind: 'moved', tip: store.tip() };
      if (fault === 'before') throw new Killed('before a commit');
      const answer = store.commit(change);
      if (fault === 'after') throw new Killed('after a commit');
      return answer;
    },
  };
  return faulty;
}

/** Does something in a process that a fault may kill: `undefined` then. */
export function orDie<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    const cause = error instanceof StoreFailure ? error.cause : error;
    if (cause instanceof Killed) return undefined;
    throw error;
  }
}
