/** What comes down the line to the relay: mail, and word that prekeys run low. */

import type { DeviceCore } from '@simsim/device-core';
import type { ServerFrame } from '@simsim/relay-protocol';
import type { CommitQueue } from './commit-queue.ts';

/** Unacknowledged messages above which no more mail is taken from the relay. */
const INBOX_MAX = 1024;

/** What a desk tells of frames that are nothing to decide. */
export interface FrameListener {
  queueEmpty(): void;
  /** The relay says that prekeys run low; how low they are now it has to be asked. */
  keysLow(): void;
}

/** Hands frames to the engine, as fast as the application takes what comes of them. */
export class FrameDesk {
  readonly #core: DeviceCore;
  readonly #queue: CommitQueue;
  readonly #listener: FrameListener;
  readonly #held: ServerFrame[] = [];
  #isQueueEmpty = false;

  constructor(core: DeviceCore, queue: CommitQueue, listener: FrameListener) {
    this.#core = core;
    this.#queue = queue;
    this.#listener = listener;
  }

  /** Takes a frame; it waits, unacknowledged, while the application is behind. */
  put(frame: ServerFrame): void {
    if (frame.kind !== 'keysLow' && (this.#isFull() || this.#held.length > 0)) {
      this.#held.push(frame);
      return;
    }
    this.#take(frame);
  }

  /** The application took some: goes on where frames waited; the relay had stopped sending. */
  takeHeld(): void {
    while (this.#held.length > 0 && !this.#isFull()) {
      const frame = this.#held.shift();
      if (frame !== undefined) this.#take(frame);
    }
  }

  /** The line is down: what was not acknowledged comes again. */
  reset(): void {
    this.#isQueueEmpty = false;
    this.#held.length = 0;
  }

  /** True when all that waited at the relay was taken. */
  isEmpty(): boolean {
    return this.#isQueueEmpty && this.#held.length === 0;
  }

  #isFull(): boolean {
    return this.#core.inbox().length + this.#queue.size() > INBOX_MAX;
  }

  #take(frame: ServerFrame): void {
    switch (frame.kind) {
      case 'envelopes':
        for (const envelope of frame.envelopes) this.#queue.post({ type: 'envelope', envelope });
        break;
      case 'queueEmpty':
        this.#isQueueEmpty = true;
        this.#listener.queueEmpty();
        break;
      case 'keysLow':
        this.#listener.keysLow();
        break;
    }
  }
}
