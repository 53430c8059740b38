/**
 * Group commit: inputs that arrive within one turn of the event loop are decided together and made
 * durable by one commit. Effects are released only after it.
 */

import type { CoreInput, CoreOutcome, DeviceCore } from '@simsim/device-core';
import type { Effect } from '@simsim/sesame';
import { failureError } from './session-error.ts';
import type { SessionError } from './session-error.ts';

/** Inputs of one commit. */
const BATCH_INPUTS_MAX = 64;

/**
 * How long one commit takes further inputs, ms. Most are decided within a tenth of one, but keys of strangers
 * make a session each: what waits then goes into the next turn's commit. With the commit and what it
 * releases a turn takes two or three times as long.
 */
const HOLD_MS = 5;

interface Waiting {
  readonly input: CoreInput;
  readonly resolve: (outcome: CoreOutcome) => void;
  readonly reject: (cause: unknown) => void;
}

/** Collects inputs and runs them through the core. */
export class CommitQueue {
  readonly #core: DeviceCore;
  readonly #release: (effects: readonly Effect[]) => void;
  readonly #fail: (failure: SessionError) => void;
  #waiting: Waiting[] = [];
  #isScheduled = false;
  #failure: SessionError | undefined;

  constructor(
    core: DeviceCore,
    {
      release,
      fail,
    }: { release: (effects: readonly Effect[]) => void; fail: (failure: SessionError) => void },
  ) {
    this.#core = core;
    this.#release = release;
    this.#fail = fail;
  }

  /** Inputs not committed yet. */
  size(): number {
    return this.#waiting.length;
  }

  /** Resolves once the input is durable, or refused. Rejects when the store fails, or has before. */
  put(input: CoreInput): Promise<CoreOutcome> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      this.#schedule();
    });
  }

  /** Puts an input whose outcome nobody waits for; a store failure is reported by `fail`. */
  post(input: CoreInput): void {
    this.put(input).catch(() => undefined);
  }

  /** Commits everything that waits, now. */
  drain(): void {
    while (this.#waiting.length > 0 && this.#failure === undefined) this.#runBatch();
  }

  /** Takes no more inputs; those that wait, and later ones, are refused with `failure`. */
  close(failure: SessionError): void {
    this.#failure = failure;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(failure);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#failure !== undefined) return;
      this.#runBatch();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #runBatch(): void {
    const batch = this.#waiting.splice(0, BATCH_INPUTS_MAX);
    if (batch.length === 0) return;
    try {
      const inputs = batch.map((waiting) => waiting.input);
      const { outcomes, effects } = this.#core.run(inputs, { holdMs: HOLD_MS });
      this.#waiting.unshift(...batch.splice(outcomes.length));
      this.#release(effects);
      batch.forEach((waiting, i) => waiting.resolve(outcomes[i] ?? { kind: 'done' }));
    } catch (cause) {
      // What was in flight may or may not be durable: only opening the log again can tell.
      const failure = failureError(cause);
      this.#failure = failure;
      for (const waiting of [...batch, ...this.#waiting]) waiting.reject(failure);
      this.#waiting = [];
      this.#fail(failure);
    }
  }
}
