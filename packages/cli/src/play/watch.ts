/** Waiting for a condition over state that somebody else changes and then says so. */

/** Wakes waiters whenever something changed. */
export interface Watch {
  /** Something changed: every condition is looked at again. */
  changed(): void;
  /** Resolves when the condition holds. Rejects when the watch failed. */
  until(condition: () => boolean): Promise<void>;
  /** Nothing will get better: rejects everybody who waits, now and later. */
  fail(error: unknown): void;
  /** What it failed with. */
  failure(): unknown;
}

/** Makes a watch. */
export function createWatch(): Watch {
  let failure: unknown;
  let hasFailed = false;
  let waiting: { condition: () => boolean; resolve: () => void; reject: (e: unknown) => void }[] =
    [];
  const changed = (): void => {
    const before = waiting;
    waiting = [];
    for (const waiter of before) {
      if (hasFailed) waiter.reject(failure);
      else if (waiter.condition()) waiter.resolve();
      else waiting.push(waiter);
    }
  };
  return {
    changed,
    until(condition) {
      return new Promise((resolve, reject) => {
        waiting.push({ condition, resolve, reject });
        changed();
      });
    },
    fail(error) {
      if (hasFailed) return;
      hasFailed = true;
      failure = error;
      changed();
    },
    failure: () => failure,
  };
}
