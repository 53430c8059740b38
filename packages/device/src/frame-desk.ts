/** What comes down the line to the relay: mail, and word that prekeys run low. */

import type { DeviceCore } from '@simsim/device-core';
import { IN_FLIGHT_MAX } from '@simsim/relay-protocol';
import type { ServerFrame } from '@simsim/relay-protocol';
import type { CommitQueue } from './commit-queue.ts';

/** Unacknowledged messages, and inputs that wait, above which no more mail is taken from the relay. */
const INBOX_MAX = 1024;

/** Envelopes and other frames that wait: all that may be under way, and word that there is no more. */
const HELD_MAX: number = IN_FLIGHT_MAX + 1;

/** What a desk tells of frames that are nothing to decide. */
export interface FrameListener {
  queueEmpty(): void;
  /** The relay says that prekeys run low; how low they are now it has to be asked. */
  keysLow(): void;
  /** More came than a relay sends without an acknowledgement: the line is to be dropped. */
  overrun(): void;
}

/** Hands frames to the engine, as fast as the application takes what comes of them. */
export class FrameDesk {
  readonly #core: DeviceCore;
  readonly #queue: CommitQueue;
  readonly #listener: FrameListener;
  readonly #held: ServerFrame[] = [];
  /** How much they are, counted as for {@link HELD_MAX}. */
  #heldCount = 0;
  #isQueueEmpty = false;

  constructor(core: DeviceCore, queue: CommitQueue, listener: FrameListener) {
    this.#core = core;
    this.#queue = queue;
    this.#listener = listener;
  }

  /** Takes a frame; it waits, unacknowledged, while the application or the engine is behind. */
  put(frame: ServerFrame): void {
    if (frame.kind === 'keysLow' || (this.#held.length === 0 && !this.#isFull())) {
      this.#take(frame);
      return;
    }
    this.#held.push(frame);
    this.#heldCount += countOf(frame);
    if (this.#heldCount > HELD_MAX) this.#listener.overrun();
  }

  /** Goes on where frames waited. Call it after each commit: whatever made room was one. */
  takeHeld(): void {
    while (this.#held.length > 0 && !this.#isFull()) {
      const frame = this.#held.shift();
      if (frame === undefined) return;
      this.#heldCount -= countOf(frame);
      this.#take(frame);
    }
  }

  /** The line is down: what was not acknowledged comes again. */
  reset(): void {
    this.#isQueueEmpty = false;
    this.#held.length = 0;
    this.#heldCount = 0;
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

function countOf(frame: ServerFrame): number {
  return frame.kind === 'envelopes' ? Math.max(1, frame.envelopes.length) : 1;
}
