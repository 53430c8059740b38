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

/** A message that somebody has, and who: one of several loops, or all subscribers together. */
interface Handed {
  readonly message: Message;
  readonly taker: object;
}

/**
 * Hands each message to one taker: to one of the loops that wait, or to all subscribers at once, who
 * come first. What a taker leaves unacknowledged when it ends, the others get, before what waits.
 */
export class MessageStream {
  #waiting = new Map<string, Message>();
  readonly #handed = new Map<string, Handed>();
  readonly #subscribers = new Set<Subscriber<Message>>();
  /** Loops that wait for a message or for the end. */
  readonly #wakes = new Set<() => void>();
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
        if (this.#subscribers.size === 0) this.#handBack(this.#subscribers);
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
      if (handed.message !== message) continue;
      this.#handed.delete(key);
      this.put(key, message);
      return;
    }
  }

  /**
   * Iterates for ever, until the device closes. Of several loops each message goes to one. Leaving the
   * loop hands back what it has not acknowledged; what the others hold stays theirs.
   */
  async *iterate(): AsyncGenerator<Message> {
    const taker = {};
    try {
      while (!this.#isClosed) {
        const next = this.#take(taker);
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => this.#wakes.add(resolve));
      }
    } finally {
      this.#handBack(taker);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const subscriber of this.#subscribers) subscriber.complete();
    this.#wakeLoops();
  }

  #pump(): void {
    while (this.#subscribers.size > 0) {
      const next = this.#take(this.#subscribers);
      if (next === undefined) return;
      for (const subscriber of this.#subscribers) subscriber.next(next);
    }
    this.#wakeLoops();
  }

  /** All of them look again: which one is first to take, the event loop says. */
  #wakeLoops(): void {
    const wakes = [...this.#wakes];
    this.#wakes.clear();
    for (const wake of wakes) wake();
  }

  #take(taker: object): Message | undefined {
    if (this.#handed.size >= UNACKNOWLEDGED_MAX) return undefined;
    for (const [key, message] of this.#waiting) {
      this.#waiting.delete(key);
      this.#handed.set(key, { message, taker });
      return message;
    }
    return undefined;
  }

  #handBack(taker: object): void {
    const back = [...this.#handed].filter(([, handed]) => handed.taker === taker);
    for (const [key] of back) this.#handed.delete(key);
    const messages = back.map(([key, { message }]) => [key, message] as const);
    this.#waiting = new Map([...messages, ...this.#waiting]);
    this.#pump();
  }
}
