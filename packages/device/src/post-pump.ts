/**
 * Sending posts in order, several to a request, one request at a time, until each is answered. Nothing
 * leaves before the pump is opened, and with everything goes where the log stands.
 */

import { POSTS_PER_REQUEST_MAX } from '@simsim/relay-protocol';
import type { PostResult } from '@simsim/relay-protocol';
import type { OutboxItem } from '@simsim/device-core';
import { Backoff, sleep } from './backoff.ts';
import type { Freshness } from './freshness.ts';
import type { RelayClient } from './relay-client.ts';

/** Bytes of ciphertext in one request; a larger post travels alone. */
const REQUEST_BYTES_MAX = 1024 * 1024;

/** Whom a pump tells. */
export interface PumpListener {
  result(item: OutboxItem, result: PostResult): void;
  /** Whether a post is still to be answered; what was given up meanwhile does not leave. */
  isOwed(item: OutboxItem): boolean;
  failure(cause: unknown): void;
  /** The relay has another head of this device than the expected one. The pump has closed itself. */
  headMoved(): void;
  readonly signal: AbortSignal;
}

/** Hands outbox posts to the relay. */
export class PostPump {
  readonly #client: RelayClient;
  readonly #freshness: Freshness;
  readonly #listener: PumpListener;
  readonly #backoff = new Backoff();
  #queue: OutboxItem[] = [];
  #isOpen = false;
  #isRunning = false;

  constructor(client: RelayClient, freshness: Freshness, listener: PumpListener) {
    this.#client = client;
    this.#freshness = freshness;
    this.#listener = listener;
  }

  /** Posts not answered yet. */
  size(): number {
    return this.#queue.length;
  }

  /** Takes a post that is durable in the outbox. */
  put(item: OutboxItem): void {
    this.#queue.push(item);
    this.#start();
  }

  /** Lets posts leave: the log was proven to be the newest. */
  open(): void {
    this.#isOpen = true;
    this.#start();
  }

  /** Holds back what has not left. */
  hold(): void {
    this.#isOpen = false;
  }

  /** Forgets what has not left: it is encrypted with sessions that may not send any more. */
  clear(): void {
    this.#queue = [];
  }

  #start(): void {
    if (this.#isOpen && !this.#isRunning && this.#queue.length > 0) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Posts released by the same commit travel in the same request.
    await new Promise((resolve) => setImmediate(resolve));
    const { signal } = this.#listener;
    while (this.#isOpen && this.#queue.length > 0 && !signal.aborted) {
      try {
        this.#queue = this.#queue.filter((item) => this.#listener.isOwed(item));
        const items = this.#nextRequest();
        if (items.length === 0) break;
        await this.#post(items);
        this.#backoff.reset();
      } catch (cause) {
        this.#listener.failure(cause);
        await sleep(this.#backoff.nextMs(), signal);
      }
    }
    this.#isRunning = false;
  }

  async #post(items: readonly OutboxItem[]): Promise<void> {
    const from = this.#freshness.posting();
    const posts = items.map((item) => item.post);
    const outcome = await this.#client.ask({ kind: 'post', posts, from });
    if (!outcome.ok && outcome.error.code === 'HEAD_MOVED') {
      this.hold();
      this.#listener.headMoved();
      return;
    }
    if (!outcome.ok) throw new Error(outcome.error.code);
    if (outcome.value.kind !== 'post') throw new Error('another answer');
    const { results } = outcome.value;
    // Whatever has no result would be asked for no more, and be told of never.
    if (results.length !== items.length) throw new Error('an answer to other posts');
    this.#freshness.posted(from.head);
    // Others may have come or gone meanwhile, but these were the first.
    const answered = new Set(items);
    this.#queue = this.#queue.filter((item) => !answered.has(item));
    items.forEach((item, i) => {
      const result = results[i];
      if (result !== undefined) this.#listener.result(item, result);
    });
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
