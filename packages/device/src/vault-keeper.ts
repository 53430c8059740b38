/** The retention policy: when the vault follows the log, which is when superseded keys are erased. */

import type { EventLog } from '@simsim/event-log';

/** How long superseded keys may stay. */
export interface ShredPolicy {
  /** Events since the last flush. */
  readonly events: number;
  /** Milliseconds since the first of them. */
  readonly ms: number;
  /** Milliseconds without any event. */
  readonly onIdleMs: number;
}

/** At most one second of traffic is exposed, at almost no cost. */
export const DEFAULT_SHRED: ShredPolicy = { events: 64, ms: 1000, onIdleMs: 250 };

/** Flushes the vault by policy. */
export class VaultKeeper {
  readonly #log: EventLog;
  readonly #policy: ShredPolicy;
  readonly #fail: (cause: unknown) => void;
  #deadline: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(log: EventLog, policy: ShredPolicy, fail: (cause: unknown) => void) {
    this.#log = log;
    this.#policy = policy;
    this.#fail = fail;
  }

  /** Call after each commit. */
  committed(): void {
    if (this.#log.lag() === 0) return;
    if (this.#log.lag() >= this.#policy.events) {
      this.flush();
      return;
    }
    this.#deadline ??= setTimeout(() => this.flush(), this.#policy.ms);
    if (this.#idle === undefined)
      this.#idle = setTimeout(() => this.flush(), this.#policy.onIdleMs);
    else this.#idle.refresh();
  }

  /** Erases what is superseded, now. */
  flush(): void {
    this.stop();
    try {
      this.#log.flush();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  /** Ends the timers without a flush. */
  stop(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#idle);
    this.#deadline = undefined;
    this.#idle = undefined;
  }
}
