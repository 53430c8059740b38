/**
 * Proving that this device's log is the newest there is: the relay is given where the log stands, and
 * gives back where it stood by the device's own word. Nothing leaves before that was answered once in
 * this opening: a log that was put back would encrypt again with keys that were used.
 */

import type { CoreInput } from '@simsim/device-core';
import type { DeviceHead, PostingHead, RelayAnswer, RelayRequest } from '@simsim/relay-protocol';
import { Backoff, sleep } from './backoff.ts';
import type { DeviceParts } from './device-parts.ts';
import { SessionError } from './session-error.ts';

/** How often a log that moved without posting is spoken of again. */
const SPEAK_MS = 60_000;

/** What the owner is asked to do. */
export interface FreshnessOwner {
  put(input: CoreInput): Promise<void>;
  /** The relay does not answer. */
  unproven(): void;
  readonly signal: AbortSignal;
}

/** Exchanges heads with the relay. */
export class Freshness {
  readonly #parts: DeviceParts;
  readonly #owner: FreshnessOwner;
  /** The link of the head that the relay is believed to have. */
  #expected: Uint8Array = new Uint8Array(32);
  #given = 0;
  #provenAt: number | undefined;

  constructor(parts: DeviceParts, owner: FreshnessOwner) {
    this.#parts = parts;
    this.#owner = owner;
  }

  /**
   * Asks until the relay answered, and has the answer judged; whether it was evidence shows in the
   * device's status then. `shutOut`: the relay knows this device's token no longer.
   */
  async exchange(): Promise<'answered' | 'shutOut'> {
    const backoff = new Backoff();
    while (!this.#owner.signal.aborted) {
      const answer = await this.#look();
      if (answer === 'shutOut' || answer === 'answered') return answer;
      if (answer === 'silent') this.#owner.unproven();
      await sleep(backoff.nextMs(), this.#owner.signal);
    }
    return 'answered';
  }

  /**
   * Has the relay say what it has, then has it keep where the log stands in the place of just that. Were
   * it kept at once, an answer that is lost would be lost for good, and what it proves with it.
   */
  async #look(): Promise<'answered' | 'shutOut' | 'silent' | 'moved'> {
    const { core } = this.#parts;
    const first = core.firstHead();
    const answer = await this.#ask({ kind: 'exchangeHead', head: first });
    if (answer === 'UNAUTHORIZED') return 'shutOut';
    if (typeof answer === 'string' || answer.kind !== 'exchangeHead') return 'silent';
    const { before = first } = answer;
    await this.#owner.put({ type: 'headSeen', source: 'relay', head: before });
    this.#expected = before.hash;
    this.#given = before.seq;
    const head = core.head();
    if (core.isOfLog(before) && before.seq < head.seq) {
      const from = { head, expected: before.hash };
      const told = await this.#ask({ kind: 'post', posts: [], from });
      if (told === 'UNAUTHORIZED') return 'shutOut';
      if (typeof told === 'string') return told === 'HEAD_MOVED' ? 'moved' : 'silent';
      this.#expected = head.hash;
      this.#given = head.seq;
    }
    this.#provenAt = Date.now();
    return 'answered';
  }

  /** When the relay last said that it knows nothing newer, wall ms; in this opening. */
  provenAt(): number | undefined {
    return this.#provenAt;
  }

  /** What goes with posts that leave now. */
  posting(): PostingHead {
    return { head: this.#parts.core.head(), expected: this.#expected };
  }

  /** The relay took posts that went with this head. */
  posted(head: DeviceHead): void {
    this.#expected = head.hash;
    this.#given = head.seq;
    this.#provenAt = Date.now();
  }

  /** Calls from time to time, where the log moved since the relay heard of it; ends with the signal. */
  speakUntil(signal: AbortSignal, speak: () => void): void {
    if (signal.aborted) return;
    const timer = setInterval(() => {
      if (this.#parts.core.log.tip().seq > this.#given) speak();
    }, SPEAK_MS);
    timer.unref();
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** The answer, or why there is none. */
  async #ask(request: RelayRequest): Promise<RelayAnswer | string> {
    try {
      const outcome = await this.#parts.client.ask(request);
      return outcome.ok ? outcome.value : outcome.error.code;
    } catch (cause) {
      if (cause instanceof SessionError && cause.code === 'RELAY_UNAVAILABLE') return cause.code;
      throw cause;
    }
  }
}
