/** Retention in time: when the vault follows the log, takes new keys, and old events shrink. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventLog, Retention, StoreRefusal } from '@simsim/event-log';

/** How often old events are looked for. */
const PRUNE_MS = 60 * 60 * 1000;

/** A timer of more than this fires at once, and again and again. */
const TIMER_MS_MAX = 0x7fff_ffff;

/** What the keeper says of its work. */
export interface VaultKeeperEvents {
  /** The medium failed: the log must be opened again. */
  readonly failed: (cause: unknown) => void;
  /** A rotation cannot end: what was superseded stays readable to whoever has old files. */
  readonly hindered: (why: StoreRefusal) => void;
}

/** Flushes, rotates and prunes a log by its policy. Never keeps a process alive. */
export class VaultKeeper {
  readonly #log: EventLog;
  readonly #policy: Retention;
  readonly #told: VaultKeeperEvents;
  #hindrance: string | undefined;
  readonly #clocks: NodeJS.Timeout[] = [];
  #deadline: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(log: EventLog, policy: Retention, told: VaultKeeperEvents) {
    this.#log = log;
    this.#policy = policy;
    this.#told = told;
  }

  /** Begins to rotate and to prune; both also at once. */
  start(): void {
    const { rotateMs, pruneAfterMs } = this.#policy;
    if (rotateMs !== undefined) this.#every(rotateMs, () => this.#log.rotate());
    if (pruneAfterMs !== undefined) this.#every(PRUNE_MS, () => void this.#prune(pruneAfterMs));
  }

  /** Call after each commit. */
  committed(): void {
    const { events, ...waits } = this.#policy.flush;
    const ms = Math.min(waits.ms, TIMER_MS_MAX);
    const onIdleMs = Math.min(waits.onIdleMs, TIMER_MS_MAX);
    const lag = this.#log.lag();
    if (lag === 0) return;
    if (lag >= events) {
      this.flush();
      return;
    }
    this.#deadline ??= setTimeout(() => this.flush(), ms);
    if (this.#idle === undefined) this.#idle = setTimeout(() => this.flush(), onIdleMs);
    else this.#idle.refresh();
  }

  /** Erases what is superseded, now. */
  flush(): void {
    this.#rest();
    this.#guarded(() => {
      this.#log.flush();
      this.#tellHindrance();
    });
  }

  /** Ends all timers without a flush. */
  stop(): void {
    this.#isStopped = true;
    this.#rest();
    for (const clock of this.#clocks.splice(0)) clearInterval(clock);
  }

  #rest(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#idle);
    this.#deadline = undefined;
    this.#idle = undefined;
  }

  #every(ms: number, work: () => void): void {
    const guarded = (): void => this.#guarded(work);
    guarded();
    this.#clocks.push(setInterval(guarded, Math.min(ms, TIMER_MS_MAX)).unref());
  }

  /** Says once that a provider of keys does not forget, and again when it says something else. */
  #tellHindrance(): void {
    const hindrance = this.#log.rotationHindrance();
    if (hindrance !== undefined && hindrance.detail !== this.#hindrance) {
      this.#told.hindered(hindrance);
    }
    this.#hindrance = hindrance?.detail;
  }

  /** Step by step, so that mail comes in between. */
  async #prune(afterMs: number): Promise<void> {
    for (let isDone = false; !isDone && !this.#isStopped; await nextTurn()) {
      this.#guarded(() => {
        isDone = true;
        ({ isDone } = this.#log.prune(Date.now() - afterMs));
      });
    }
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (cause) {
      this.#told.failed(cause);
    }
  }
}
