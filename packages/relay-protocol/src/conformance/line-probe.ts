/** A device's end of a line, of which each event can be awaited. */

import { check, same } from '@simsim/bytes/conformance';
import type { ServerFrame } from '../frame.ts';
import type { IncomingEnvelope } from '../post.ts';
import type { LineEnd, LineListener, RelayLine, RelayTransport } from '../relay-transport.ts';
import type { Timer } from './patience.ts';
import { within } from './patience.ts';

/** What a line told its device. */
export type LineEvent = { readonly kind: 'up' } | ServerFrame | LineDown;

/** It is down. */
export interface LineDown {
  readonly kind: 'down';
  readonly end: LineEnd;
}

/** Listens to one line. */
export class LineProbe {
  readonly line: RelayLine;
  /** Everything, in order. */
  readonly heard: LineEvent[] = [];
  readonly #timer: Timer;
  #read = 0;
  #wake: () => void = () => undefined;

  constructor(transport: RelayTransport, timer: Timer, token: Uint8Array | undefined) {
    this.#timer = timer;
    const hear = (event: LineEvent): void => {
      this.heard.push(event);
      this.#wake();
    };
    const listener: LineListener = {
      onUp: () => hear({ kind: 'up' }),
      onFrame: hear,
      onDown: (end) => hear({ kind: 'down', end }),
    };
    this.line = transport.connect(token, listener);
    same(this.heard, [], 'what a listener hears before it was handed its line');
  }

  /** The next event that was not asked for yet. */
  async next(what: string): Promise<LineEvent> {
    if (this.#read === this.heard.length) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await within(this.#timer, woken, what);
    }
    const event = this.heard[this.#read];
    check(event !== undefined, what);
    this.#read++;
    return event;
  }

  /** The next one that is neither about keys nor that the line is up. */
  async nextMail(what: string): Promise<LineEvent> {
    for (;;) {
      const event = await this.next(what);
      if (event.kind !== 'keysLow' && event.kind !== 'up') return event;
    }
  }

  /** The next envelopes, so many and no other events among them. */
  async envelopes(count: number, what: string): Promise<readonly IncomingEnvelope[]> {
    const found: IncomingEnvelope[] = [];
    while (found.length < count) {
      const event = await this.nextMail(what);
      check(event.kind === 'envelopes', `${what}: ${event.kind} came`);
      found.push(...event.envelopes);
    }
    same(found.length, count, what);
    return found;
  }

  /** The numbers of the next envelopes. */
  async seqs(count: number, what: string): Promise<readonly number[]> {
    return (await this.envelopes(count, what)).map(({ seq }) => seq);
  }

  /** All that waited has come. */
  async emptied(): Promise<void> {
    const { kind } = await this.nextMail('word that the queue is empty');
    same(kind, 'queueEmpty', 'what follows the mail that waited');
  }

  /** How the line ends; nothing else comes before. */
  async end(what: string): Promise<LineEnd> {
    const event = await this.nextMail(what);
    check(event.kind === 'down', `${what}: ${event.kind} came`);
    return event.end;
  }
}
