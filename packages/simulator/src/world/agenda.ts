/** Virtual time: what happens next, and nothing in between. */

/** Something that is to happen. */
interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  readonly isBackground: boolean;
}

/**
 * A queue by time; what is due at the same time happens in the order in which it was put. Background
 * tasks come round by themselves: a world whose other tasks are all done is at rest.
 */
export class Agenda {
  nowMs: number;
  /** Tasks done so far. */
  done = 0;
  #order = 0;
  #waiting = 0;
  readonly #heap: Task[] = [];

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  /** Does something after a while. */
  after(delayMs: number, run: () => void): void {
    this.#waiting++;
    this.#put({ atMs: this.nowMs + delayMs, order: this.#order++, run, isBackground: false });
  }

  /** Does something after a while that nobody waits for. */
  later(delayMs: number, run: () => void): void {
    this.#put({ atMs: this.nowMs + delayMs, order: this.#order++, run, isBackground: true });
  }

  /** Does the next thing if it is due until then; false where there is none. */
  step(untilMs: number): boolean {
    const [task] = this.#heap;
    if (task === undefined || task.atMs > untilMs) return false;
    this.#take();
    this.nowMs = Math.max(this.nowMs, task.atMs);
    if (!task.isBackground) this.#waiting--;
    this.done++;
    task.run();
    return true;
  }

  /** Does all that is due until then. */
  passUntil(untilMs: number): void {
    while (this.step(untilMs));
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** Does what there is to do, at most so many tasks; whether it came to rest. */
  settle(tasksMax: number): boolean {
    for (let tasks = 0; tasks < tasksMax; tasks++) {
      if (this.#waiting === 0) return true;
      this.step(Number.POSITIVE_INFINITY);
    }
    return this.#waiting === 0;
  }

  #put(task: Task): void {
    const heap = this.#heap;
    let at = heap.push(task) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, task)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = task;
  }

  /** Removes the first. */
  #take(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      if (one === undefined) break;
      const isRight = other !== undefined && isBefore(other, one);
      const child = isRight ? other : one;
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = isRight ? left + 1 : left;
    }
    heap[at] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
