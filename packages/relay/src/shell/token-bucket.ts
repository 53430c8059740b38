/** Bounding how fast one caller may do one thing: a bucket that refills steadily. */

/** How many may come at once, and how many come back per minute. */
export interface Rate {
  readonly burst: number;
  readonly perMinute: number;
}

/** A bucket as it stood at a moment. */
export interface Bucket {
  readonly left: number;
  readonly atMs: number;
}

/** Takes one; `retryAfterMs` is 0 where there was one to take. An absent bucket is full. */
export function takeOne(
  bucket: Bucket | undefined,
  rate: Rate,
  nowMs: number,
): { readonly bucket: Bucket; readonly retryAfterMs: number } {
  const perMs = rate.perMinute / 60_000;
  const passedMs = Math.max(0, nowMs - (bucket?.atMs ?? nowMs));
  const left = Math.min(rate.burst, (bucket?.left ?? rate.burst) + passedMs * perMs);
  if (left >= 1) return { bucket: { left: left - 1, atMs: nowMs }, retryAfterMs: 0 };
  return { bucket: { left, atMs: nowMs }, retryAfterMs: Math.ceil((1 - left) / perMs) };
}

/** Buckets by name, at most `bucketsMax`; a flood of names forgets the oldest. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #bucketsMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, bucketsMax = 100_000) {
    this.#rate = rate;
    this.#bucketsMax = bucketsMax;
  }

  /** Takes one for `name`; answers 0, or after how many milliseconds to come back. */
  take(name: string, nowMs: number): number {
    const { bucket, retryAfterMs } = takeOne(this.#buckets.get(name), this.#rate, nowMs);
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.#bucketsMax && oldest !== undefined) this.#buckets.delete(oldest);
    return retryAfterMs;
  }
}
