/** When own devices are told where this log stands: with the first send, and from time to time. */

/** Sends after which they are told again. */
const SENDS_MAX = 64;

/** How long a send may stay untold. */
const TELL_MS = 60_000;

/** Counts sends. A device that only starts or receives tells nothing, so that two never chat idly. */
export class HeadTeller {
  readonly #tell: () => void;
  #untold = 0;
  #hasTold = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(signal: AbortSignal, tell: () => void) {
    this.#tell = tell;
    signal.addEventListener('abort', () => clearTimeout(this.#timer), { once: true });
  }

  /** A send reached the relay. */
  sent(): void {
    this.#untold++;
    if (!this.#hasTold || this.#untold >= SENDS_MAX) {
      this.#now();
      return;
    }
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#now(), TELL_MS);
    this.#timer.unref();
  }

  #now(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#untold = 0;
    this.#hasTold = true;
    this.#tell();
  }
}
