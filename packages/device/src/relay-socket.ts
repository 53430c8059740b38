/** A device's live line to its relay: mail comes down, acknowledgements go up, and it comes back. */

import type { RelayLine, ServerFrame } from '@simsim/relay-protocol';
import { Backoff } from './backoff.ts';
import type { RelayClient } from './relay-client.ts';

/** Why a socket will not come back. */
export type SocketEnd = 'closed' | 'connectedElsewhere';

/** What a socket tells its device. */
export interface SocketListener {
  onFrame(frame: ServerFrame): void;
  /** The line is up; mail that was not acknowledged comes again. */
  onUp(): void;
  onDown(): void;
  /** The relay does not know the device; the line stays away until it is opened again. */
  onShutOut(): void;
  /** The line is gone for good. */
  onEnd(end: SocketEnd): void;
}

/** Keeps one line open until it is closed or refused for good. */
export class RelaySocket {
  readonly #client: RelayClient;
  readonly #listener: SocketListener;
  readonly #backoff = new Backoff();
  #line: RelayLine | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;
  #isPaused = true;
  /** Mail that the line of now has brought, and that is not acknowledged. */
  #brought = new Set<number>();
  #acks: number[] = [];
  #isAckScheduled = false;

  constructor(client: RelayClient, listener: SocketListener) {
    this.#client = client;
    this.#listener = listener;
  }

  /** Connects, and again after every loss, until it is paused. */
  open(): void {
    this.#isPaused = false;
    if (this.#isEnded || this.#line !== undefined) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Lets go of the line until it is opened again. */
  pause(): void {
    this.#isPaused = true;
    clearTimeout(this.#timer);
    const line = this.#line;
    if (line === undefined) return;
    line.drop();
    this.#lost(line);
  }

  #connect(): void {
    const brought = new Set<number>();
    this.#brought = brought;
    const line = this.#client.connect({
      onUp: () => this.#listener.onUp(),
      onFrame: (frame) => {
        // A line that only opens is no success: a relay that fails would be asked again at once, by everybody.
        if (frame.kind === 'queueEmpty') this.#backoff.reset();
        if (frame.kind === 'envelopes') for (const { seq } of frame.envelopes) brought.add(seq);
        this.#listener.onFrame(frame);
      },
      onDown: (end) => {
        // What a line says that was let go of concerns nobody.
        if (line !== this.#line) return;
        if (end === 'connectedElsewhere') this.#end('connectedElsewhere');
        if (end === 'unauthorized') this.#isPaused = true;
        this.#lost(line);
        if (end === 'unauthorized') this.#listener.onShutOut();
      },
    });
    this.#line = line;
  }

  /**
   * Tells the relay that it may forget mail; batched, best effort: what is lost comes again. Only by the line
   * that brought it: a relay that was put back in between has other mail under the number.
   */
  acknowledge(seq: number): void {
    if (!this.#brought.delete(seq)) return;
    this.#acks.push(seq);
    if (this.#isAckScheduled) return;
    this.#isAckScheduled = true;
    setImmediate(() => this.#sendAcks());
  }

  /** Breaks the line; it comes back by itself. */
  drop(): void {
    const line = this.#line;
    if (line === undefined) return;
    line.drop();
    setImmediate(() => this.#lost(line));
  }

  /** Closes for good. */
  close(): void {
    this.#sendAcks();
    this.#end('closed');
    clearTimeout(this.#timer);
    this.#line?.close();
  }

  #sendAcks(): void {
    this.#isAckScheduled = false;
    const seqs = this.#acks;
    this.#acks = [];
    if (seqs.length > 0) this.#line?.acknowledge(seqs);
  }

  #lost(line: RelayLine): void {
    if (line !== this.#line) return;
    this.#line = undefined;
    this.#acks = [];
    this.#listener.onDown();
    if (this.#isEnded || this.#isPaused) return;
    this.#timer = setTimeout(() => this.#connect(), this.#backoff.nextMs());
  }

  #end(end: SocketEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#listener.onEnd(end);
  }
}
