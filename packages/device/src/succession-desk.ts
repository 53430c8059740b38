/**
 * The own identity key and the relay: publishing the one that waits, and following the one that another
 * own device made. Every step may be repeated after a crash, or after an answer that was lost.
 */

import { equalBytes } from '@simsim/bytes';
import type { CoreInput } from '@simsim/device-core';
import type { DeviceId, RelayOutcome, RelayRequest, UserId } from '@simsim/relay-protocol';
import { DEVICE_STREAM, successionAsk, successionRequest, userStream } from '@simsim/sesame';
import type { OwnDevice, Successor } from '@simsim/sesame';
import { Backoff, sleep } from './backoff.ts';
import type { DeviceParts } from './device-parts.ts';
import type { IdentityDoubt } from './health.ts';
import { SessionError } from './session-error.ts';

/** What a desk works with. */
export interface SuccessionOwner {
  readonly userId: UserId;
  put(input: CoreInput): Promise<void>;
  /** Has the own list fetched and taken in. */
  fetchOwnList(): Promise<'answered' | 'silent'>;
  readonly signal: AbortSignal;
}

/** Tries against a list that moves. */
const REMOVAL_TRIES_MAX = 8;

/** Refusals that say nothing of the list: another try may do. */
const RETRYABLE = new Set(['RATE_LIMITED', 'UNAVAILABLE']);

/** Keeps the own identity key up to date. */
export class SuccessionDesk {
  readonly #parts: DeviceParts;
  readonly #owner: SuccessionOwner;
  #running: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;
  #doubt: IdentityDoubt | undefined;
  #refusal: string | undefined;

  constructor(parts: DeviceParts, owner: SuccessionOwner) {
    this.#parts = parts;
    this.#owner = owner;
  }

  /** Why the listed key is not this device's, in this opening. */
  doubt(): IdentityDoubt | undefined {
    return this.#doubt;
  }

  /** The engine could not take the listed key, or has taken one: then there is no doubt any more. */
  judged(doubt: IdentityDoubt | undefined): void {
    this.#doubt = doubt;
  }

  /**
   * Has the relay take the key that waits, and takes in how the own list went on; resolves once the relay
   * has said so, or the device stops. One at a time: who asks meanwhile gets the next round's word.
   */
  settle(): Promise<void> {
    this.#waiting ??= this.#running.then(() => {
      this.#waiting = undefined;
      this.#running = this.#settle();
      return this.#running;
    });
    return this.#waiting;
  }

  /** Resolves once nothing of it is under way: then the own key is as the last list said. */
  idle(): Promise<void> {
    return this.#waiting ?? this.#running;
  }

  /**
   * Removes a device that is in other hands, under another identity key. Once it is durable here it goes
   * on by itself, also after a restart.
   *
   * Throws: `RELAY_UNAVAILABLE` before anything was begun; `LIST_MOVED` where another own device was
   * quicker; `UNKNOWN_DEVICE`, `SIGNER_LEAVES`, `RELAY_REFUSED`, `CLOSED`.
   */
  async remove(deviceId: DeviceId): Promise<void> {
    for (let tries = 0; tries < REMOVAL_TRIES_MAX; tries++) {
      if ((await this.#owner.fetchOwnList()) === 'silent')
        throw new SessionError('RELAY_UNAVAILABLE');
      // What came with the list, or waits since before, comes first.
      await (this.#own()?.successor === undefined ? this.idle() : this.settle());
      const before = this.#own()?.identity.publicKey.bytes;
      this.#refusal = undefined;
      await this.#owner.put({ type: 'removeCompromised', deviceId });
      const made = this.#own()?.successor?.identity.publicKey.bytes;
      await this.settle();
      const now = this.#own();
      if (now === undefined || now.successor !== undefined) throw new SessionError('CLOSED');
      const key = now.identity.publicKey.bytes;
      if (made !== undefined && equalBytes(key, made)) return;
      if (before !== undefined && !equalBytes(key, before)) throw new SessionError('LIST_MOVED');
      if (this.#refusal !== undefined)
        throw new SessionError('RELAY_REFUSED', { detail: this.#refusal });
    }
    throw new SessionError('LIST_MOVED');
  }

  async #settle(): Promise<void> {
    const backoff = new Backoff();
    while (!this.#owner.signal.aborted) {
      const isDone = await this.#once().catch((cause: unknown) => {
        if (!(cause instanceof SessionError)) throw cause;
        // The relay is away; or the device has stopped, which ends this as well.
        return cause.code === 'CLOSED';
      });
      if (isDone) return;
      await sleep(backoff.nextMs(), this.#owner.signal);
    }
  }

  /** One try; `false` where another is due. */
  async #once(): Promise<boolean> {
    const own = this.#own();
    if (own === undefined) return true;
    const outcome = own.successor && (await this.#publish(own, own.successor));
    const code = outcome === undefined || outcome.ok ? undefined : outcome.error.code;
    if (code !== undefined && RETRYABLE.has(code)) return false;
    // Whoever was removed, or takes its next incarnation first, is told so elsewhere.
    const isShutOut = code === 'UNAUTHORIZED';
    if (code !== undefined && code !== 'LIST_MOVED' && !isShutOut) {
      this.#refusal = code;
      await this.#owner.put({ type: 'successionRefused' });
    }
    return (await this.#follow(own)) || isShutOut;
  }

  /** `undefined` where the relay did not name the keys of each device: the list moved. */
  async #publish(own: OwnDevice, successor: Successor): Promise<RelayOutcome | undefined> {
    const devices = successor.list.list.devices.map(({ deviceId }) => deviceId);
    const keys = await this.#ask({ kind: 'getSignedKeys', devices });
    if (!keys.ok || keys.value.kind !== 'getSignedKeys') return keys;
    const request = successionRequest(own, keys.value.devices, this.#parts);
    return request && this.#ask(request);
  }

  async #follow(own: OwnDevice): Promise<boolean> {
    const record = this.#parts.core.reader().value('user', userStream(own.userId));
    if (record === undefined) return true;
    const outcome = await this.#ask(successionAsk({ own, record }, this.#parts.crypto));
    // Whoever is not listed any more has nothing to follow, and hears so elsewhere.
    if (!outcome.ok && outcome.error.code === 'FORBIDDEN') return true;
    if (!outcome.ok || outcome.value.kind !== 'getSuccession') return false;
    const { lists, sealed } = outcome.value;
    await this.#owner.put({ type: 'succession', lists, ...(sealed && { sealed }) });
    // A prekey was replaced before the relay took the list: what is there now is signed next.
    return this.#own()?.successor === undefined;
  }

  #ask(request: RelayRequest): Promise<RelayOutcome> {
    return this.#parts.client.ask(request);
  }

  #own(): OwnDevice | undefined {
    return this.#parts.core.reader().value('device', DEVICE_STREAM);
  }
}
