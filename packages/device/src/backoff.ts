/** Waiting longer after each failure, with jitter, so that many devices do not come back at once. */

/** A waiting time that grows; reset it after a success. */
export class Backoff {
  #tries = 0;
  readonly #firstMs: number;
  readonly #mostMs: number;

  constructor(firstMs = 50, mostMs = 5_000) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
  }

  /** The next waiting time in ms: doubling, between half and the whole of it. */
  nextMs(): number {
    const whole = Math.min(this.#mostMs, this.#firstMs * 2 ** this.#tries);
    this.#tries = Math.min(this.#tries + 1, 16);
    return whole * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#tries = 0;
  }
}

/** A timer of more than this fires at once. */
const TIMER_MS_MAX = 0x7fff_ffff;

/** Waits, 24 days at most; an abort ends the wait early, without an error. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, TIMER_MS_MAX));
    signal?.addEventListener('abort', done, { once: true });
  });
}
