/** The far end of a transport, which says what a case has it say and keeps what it hears. */

import type { RelayOutcome } from '../answer.ts';
import type { RelayRequest } from '../request.ts';
import type { FarLine, FarListener, RelayEnd } from '../relay-transport.ts';
import type { Timer } from './patience.ts';
import { within } from './patience.ts';

/** A request as it arrived. */
export interface Asked {
  readonly request: RelayRequest;
  readonly token: Uint8Array | undefined;
}

/** A line as it was taken over. */
export interface ScriptedLine {
  readonly far: FarLine;
  readonly token: Uint8Array | undefined;
  /** Acknowledgements, frame by frame. */
  readonly acks: (readonly number[])[];
  /** Resolves when the line is gone. */
  readonly down: Promise<void>;
}

/** A relay that decides nothing. */
export class ScriptedEnd implements RelayEnd {
  readonly asked: Asked[] = [];
  readonly lines: ScriptedLine[] = [];
  /** What it answers; by default what was left at an address is the address. */
  reply: (request: RelayRequest) => RelayOutcome | Promise<RelayOutcome> = echo;
  /** What it does with a line that it has just taken over. */
  greet: (far: FarLine) => void = () => undefined;
  readonly #timer: Timer;
  #wake: () => void = () => undefined;

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /** Keeps the request and answers it. */
  answer(request: RelayRequest, token?: Uint8Array): Promise<RelayOutcome> {
    this.asked.push({ request, token: token?.slice() });
    this.#wake();
    return Promise.resolve(this.reply(request));
  }

  /** Keeps the line. */
  accept(far: FarLine, token?: Uint8Array): FarListener {
    const acks: (readonly number[])[] = [];
    let onDown: () => void = () => undefined;
    const down = new Promise<void>((resolve) => (onDown = resolve));
    this.lines.push({ far, token: token?.slice(), acks, down });
    this.greet(far);
    this.#wake();
    return {
      onAck: (seqs) => {
        acks.push(seqs);
        this.#wake();
      },
      onDown,
    };
  }

  /** Waits until it has heard this. */
  async heard(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await within(this.#timer, woken, what);
    }
  }

  /** The line that was taken over as number `index`, from 0. */
  async line(index: number): Promise<ScriptedLine> {
    for (;;) {
      const line = this.lines[index];
      if (line !== undefined) return line;
      await this.heard(() => this.lines.length > index, `line ${index} at the relay`);
    }
  }
}

/** Answers with what the request named. */
export function echo(request: RelayRequest): RelayOutcome {
  if (request.kind !== 'takeLink') return { ok: false, error: { code: 'FORBIDDEN' } };
  return { ok: true, value: { kind: 'takeLink', ciphertext: request.address } };
}
