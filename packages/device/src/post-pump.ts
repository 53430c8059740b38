/** Sending posts in order, several to a request, one request at a time, until each is answered. */

import { POSTS_PER_REQUEST_MAX } from '@simsim/relay-protocol';
import type { PostResult } from '@simsim/relay-protocol';
import type { OutboxItem } from '@simsim/device-core';
import { Backoff, sleep } from './backoff.ts';
import type { RelayClient } from './relay-client.ts';

/** Bytes of ciphertext in one request; a larger post travels alone. */
const REQUEST_BYTES_MAX = 1024 * 1024;

/** Hands outbox posts to the relay. */
export class PostPump {
  readonly #client: RelayClient;
  readonly #onResult: (item: OutboxItem, result: PostResult) => void;
  readonly #onFailure: (cause: unknown) => void;
  readonly #signal: AbortSignal;
  readonly #backoff = new Backoff();
  readonly #queue: OutboxItem[] = [];
  #isRunning = false;

  constructor(
    client: RelayClient,
    on: {
      result: (item: OutboxItem, result: PostResult) => void;
      failure: (cause: unknown) => void;
      signal: AbortSignal;
    },
  ) {
    this.#client = client;
    this.#onResult = on.result;
    this.#onFailure = on.failure;
    this.#signal = on.signal;
  }

  /** Posts not answered yet. */
  size(): number {
    return this.#queue.length;
  }

  /** Takes a post that is durable in the outbox. */
  put(item: OutboxItem): void {
    this.#queue.push(item);
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Posts released by the same commit travel in the same request.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 && !this.#signal.aborted) {
      const items = this.#nextRequest();
      try {
        const outcome = await this.#client.ask({
          kind: 'post',
          posts: items.map((item) => item.post),
        });
        if (!outcome.ok) throw new Error(outcome.error.code);
        if (outcome.value.kind !== 'post') throw new Error('another answer');
        this.#backoff.reset();
        this.#queue.splice(0, items.length);
        const { results } = outcome.value;
        items.forEach((item, i) => {
          const result = results[i];
          if (result !== undefined) this.#onResult(item, result);
        });
      } catch (cause) {
        this.#onFailure(cause);
        await sleep(this.#backoff.nextMs(), this.#signal);
      }
    }
    this.#isRunning = false;
  }

  #nextRequest(): OutboxItem[] {
    const items: OutboxItem[] = [];
    let bytes = 0;
    for (const item of this.#queue) {
      bytes += item.post.envelopes.reduce((sum, envelope) => sum + envelope.content.length, 0);
      if (items.length === POSTS_PER_REQUEST_MAX || (items.length > 0 && bytes > REQUEST_BYTES_MAX))
        break;
      items.push(item);
    }
    return items;
  }
}
