/** Handing messages to the application: in order, at most 64 unacknowledged at a time. */

import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';
import type { AckOptions, Message } from './message.ts';

/** What an application does with a message; what it returns is acknowledged with it. */
export type MessageHandler = (message: Message) => Promise<AckOptions | void> | AckOptions | void;

/** Messages the application may hold without acknowledging them. */
const UNACKNOWLEDGED_MAX = 64;

/** How long a message waits after its handler failed. */
const HANDLER_RETRY_MS = 1000;

/** One consumer at a time takes messages; what it leaves unacknowledged, the next one gets again. */
export class MessageStream {
  readonly #waiting = new Map<string, Message>();
  readonly #handed = new Map<string, Message>();
  readonly #subscribers = new Set<Subscriber<Message>>();
  #wake: (() => void) | undefined;
  #isClosed = false;
  readonly messages$: Observable<Message>;

  constructor() {
    this.messages$ = new Observable((subscriber) => {
      if (this.#isClosed) {
        subscriber.complete();
        return undefined;
      }
      this.#subscribers.add(subscriber);
      this.#pump();
      return () => {
        this.#subscribers.delete(subscriber);
        if (this.#subscribers.size === 0) this.#handBack();
      };
    });
  }

  /** Messages not acknowledged. */
  size(): number {
    return this.#waiting.size + this.#handed.size;
  }

  /** Adds a message under its envelope id. */
  put(key: string, message: Message): void {
    this.#waiting.set(key, message);
    this.#pump();
  }

  /** Removes an acknowledged message, which makes room for the next. */
  acknowledged(key: string): void {
    this.#handed.delete(key);
    this.#waiting.delete(key);
    this.#pump();
  }

  /** Runs a handler for each message; one that fails is told, and its message comes again. */
  handle(
    handler: MessageHandler,
    onFailure: (message: Message, cause: unknown) => void,
  ): { stop(): void } {
    const subscription = this.messages$.subscribe((message) => {
      void (async () => {
        try {
          await message.ack((await handler(message)) ?? {});
        } catch (cause) {
          onFailure(message, cause);
          setTimeout(() => this.putBack(message), HANDLER_RETRY_MS).unref();
        }
      })();
    });
    return { stop: () => subscription.unsubscribe() };
  }

  /** Gives one message again, after those that wait. */
  putBack(message: Message): void {
    for (const [key, handed] of this.#handed) {
      if (handed !== message) continue;
      this.#handed.delete(key);
      this.put(key, message);
      return;
    }
  }

  /** Iterates for ever, until the device closes. Leaving the loop hands unacknowledged ones back. */
  async *iterate(): AsyncGenerator<Message> {
    try {
      while (!this.#isClosed) {
        const next = this.#take();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#handBack();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const subscriber of this.#subscribers) subscriber.complete();
    this.#wake?.();
  }

  #pump(): void {
    while (this.#subscribers.size > 0) {
      const next = this.#take();
      if (next === undefined) return;
      for (const subscriber of this.#subscribers) subscriber.next(next);
    }
    this.#wake?.();
  }

  #take(): Message | undefined {
    if (this.#handed.size >= UNACKNOWLEDGED_MAX) return undefined;
    for (const [key, message] of this.#waiting) {
      this.#waiting.delete(key);
      this.#handed.set(key, message);
      return message;
    }
    return undefined;
  }

  #handBack(): void {
    const handed = [...this.#handed, ...this.#waiting];
    this.#handed.clear();
    this.#waiting.clear();
    for (const [key, message] of handed) this.#waiting.set(key, message);
  }
}
