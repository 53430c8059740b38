/** Fetching keys for devices without a session: one claim per user in flight, whoever waits for it. */

import { claimIdFromBytes } from '@simsim/relay-protocol';
import type { ClaimId, DeviceId, MessageId, UserId } from '@simsim/relay-protocol';
import type { ClaimResult, Effect, Input, ResendRef } from '@simsim/sesame';
import { Backoff, sleep } from './backoff.ts';
import type { RelayClient } from './relay-client.ts';

interface Waiting {
  readonly sends: Set<MessageId>;
  readonly resends: Map<string, ResendRef>;
}

interface Claim extends Waiting {
  readonly devices: Set<DeviceId>;
  /** What the claim in flight does not ask for; it is asked for next. */
  next?: Claim;
}

/** Keeps claims. */
export class ClaimDesk {
  readonly #client: RelayClient;
  readonly #entropy: (length: number) => Uint8Array;
  readonly #onInput: (input: Input) => void;
  readonly #signal: AbortSignal;
  readonly #inFlight = new Map<UserId, Claim>();

  constructor(
    client: RelayClient,
    on: {
      input: (input: Input) => void;
      entropy: (length: number) => Uint8Array;
      signal: AbortSignal;
    },
  ) {
    this.#client = client;
    this.#onInput = on.input;
    this.#entropy = on.entropy;
    this.#signal = on.signal;
  }

  /** Users whose keys are being fetched. */
  size(): number {
    return this.#inFlight.size;
  }

  /**
   * Takes a claim. One for devices whose claim is in flight waits for that answer: nine fetches for
   * one peer would make five competing sessions.
   */
  put(effect: Extract<Effect, { type: 'claim' }>): void {
    const { userId } = effect;
    const inFlight = this.#inFlight.get(userId);
    if (inFlight === undefined) {
      this.#start(userId, claimOf(effect));
      return;
    }
    const isCovered = effect.devices.every((deviceId) => inFlight.devices.has(deviceId));
    const waiting = isCovered ? inFlight : (inFlight.next ??= claimOf(effect));
    for (const deviceId of effect.devices) waiting.devices.add(deviceId);
    join(waiting, effect);
  }

  #start(userId: UserId, claim: Claim): void {
    this.#inFlight.set(userId, claim);
    void this.#fetch(userId, claim);
  }

  async #fetch(userId: UserId, claim: Claim): Promise<void> {
    const claimId = claimIdFromBytes(this.#entropy(16));
    const backoff = new Backoff();
    const devices = [...claim.devices].sort((a, b) => a - b);
    for (;;) {
      const answer = devices.length === 0 ? [] : await this.#ask({ userId, claimId, devices });
      if (this.#signal.aborted) return;
      if (answer !== undefined) {
        this.#inFlight.delete(userId);
        const waiting = { userId, sends: [...claim.sends], resends: [...claim.resends.values()] };
        if (answer === 'unknownUser') this.#onInput({ type: 'claimFailed', ...waiting });
        else this.#onInput({ type: 'claimed', results: answer, ...waiting });
        if (claim.next !== undefined) this.#start(userId, claim.next);
        return;
      }
      await sleep(backoff.nextMs(), this.#signal);
    }
  }

  /** `undefined`: no answer yet, ask again. The same claim id gives the same keys. */
  async #ask(request: {
    userId: UserId;
    claimId: ClaimId;
    devices: DeviceId[];
  }): Promise<readonly ClaimResult[] | 'unknownUser' | undefined> {
    try {
      const outcome = await this.#client.ask({ kind: 'claimKeys', ...request });
      if (outcome.ok) return outcome.value.kind === 'claimKeys' ? outcome.value.results : undefined;
      if (outcome.error.code === 'UNKNOWN_USER') return 'unknownUser';
      if (outcome.error.code === 'RATE_LIMITED')
        await sleep(outcome.error.retryAfterMs, this.#signal);
      return undefined;
    } catch {
      // The relay is away; the caller waits and asks again.
      return undefined;
    }
  }
}

function claimOf(effect: Extract<Effect, { type: 'claim' }>): Claim {
  const claim: Claim = { devices: new Set(effect.devices), sends: new Set(), resends: new Map() };
  join(claim, effect);
  return claim;
}

function join(waiting: Waiting, effect: Extract<Effect, { type: 'claim' }>): void {
  for (const messageId of effect.sends) waiting.sends.add(messageId);
  for (const resend of effect.resends)
    waiting.resends.set(`${resend.messageId}.${resend.deviceId}`, resend);
}
