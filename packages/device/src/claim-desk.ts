/** Fetching keys for devices without a session: one claim per user in flight, whoever waits for it. */

import { claimIdFromBytes } from '@simsim/relay-protocol';
import type { ClaimId, DeviceId, MessageId, UserId } from '@simsim/relay-protocol';
import { prepareSession } from '@simsim/sesame';
import type { ClaimResult, Effect, Input, ResendRef } from '@simsim/sesame';
import { Backoff, sleep } from './backoff.ts';
import type { DeviceParts } from './device-parts.ts';
import { ownDevice } from './own-devices.ts';
import { Permits } from './permits.ts';

/**
 * Users whose keys the relay is asked for at a time. A first message may go to hundreds, and what else the
 * device has to say shares the way with it.
 */
const ASKED_MAX = 16;

interface Waiting {
  readonly sends: Set<MessageId>;
  readonly resends: Map<string, ResendRef>;
}

/** Who hears of claims, and until when. */
interface ClaimDeskEnds {
  /** Takes what came of a claim. */
  readonly claimed: (input: Input) => void;
  /** The relay gave no answer, or refused for now; it is asked again. */
  readonly failed: () => void;
  readonly signal: AbortSignal;
}

interface Claim extends Waiting {
  readonly devices: Set<DeviceId>;
  /** What the claim in flight does not ask for; it is asked for next. */
  next?: Claim;
}

/** Keeps claims. */
export class ClaimDesk {
  readonly #parts: DeviceParts;
  readonly #ends: ClaimDeskEnds;
  readonly #inFlight = new Map<UserId, Claim>();
  readonly #permits = new Permits(ASKED_MAX);
  /** The sessions in the making: of one user after the other, or all would take the same turn. */
  #making: Promise<unknown> = Promise.resolve();

  constructor(parts: DeviceParts, ends: ClaimDeskEnds) {
    this.#parts = parts;
    this.#ends = ends;
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
    const { claimed, failed, signal } = this.#ends;
    const claimId = claimIdFromBytes(this.#parts.entropy(16));
    const backoff = new Backoff();
    const devices = [...claim.devices].sort((a, b) => a - b);
    for (;;) {
      const answer = devices.length === 0 ? [] : await this.#ask({ userId, claimId, devices });
      const results = typeof answer === 'object' ? await this.#inTurn(answer) : answer;
      if (signal.aborted) return;
      if (results !== undefined) {
        this.#inFlight.delete(userId);
        const waiting = { userId, sends: [...claim.sends], resends: [...claim.resends.values()] };
        if (results === 'unknownUser') claimed({ type: 'claimFailed', ...waiting });
        else claimed({ type: 'claimed', results, ...waiting });
        if (claim.next !== undefined) this.#start(userId, claim.next);
        return;
      }
      failed();
      await sleep(backoff.nextMs(), signal);
    }
  }

  /** As {@link ClaimDesk.#prepared}, after those that came before. */
  #inTurn(results: readonly ClaimResult[]): Promise<readonly ClaimResult[]> {
    const prepared = this.#making.then(() => this.#prepared(results));
    this.#making = prepared.catch(() => undefined);
    return prepared;
  }

  /** With the sessions of all but the first, each made in a turn of the event loop of its own. */
  async #prepared(results: readonly ClaimResult[]): Promise<readonly ClaimResult[]> {
    const prepared: ClaimResult[] = [];
    for (const result of results) {
      const isFirst = prepared.length === 0;
      if (!isFirst) await turn();
      // A device that was closed meanwhile has nothing to read any more.
      const own = this.#ends.signal.aborted ? undefined : ownDevice(this.#parts.core);
      if (own === undefined) return results;
      if (isFirst || 'gone' in result) prepared.push(result);
      else prepared.push({ ...result, prepared: prepareSession(result.bundle, own, this.#parts) });
    }
    return prepared;
  }

  /** `undefined`: no answer yet, ask again. The same claim id gives the same keys. */
  async #ask(request: {
    userId: UserId;
    claimId: ClaimId;
    devices: DeviceId[];
  }): Promise<readonly ClaimResult[] | 'unknownUser' | undefined> {
    try {
      const outcome = await this.#permits.with(async () => {
        if (this.#ends.signal.aborted) return undefined;
        return this.#parts.client.ask({ kind: 'claimKeys', ...request });
      });
      if (outcome === undefined) return undefined;
      if (outcome.ok) return outcome.value.kind === 'claimKeys' ? outcome.value.results : undefined;
      if (outcome.error.code === 'UNKNOWN_USER') return 'unknownUser';
      if (outcome.error.code === 'RATE_LIMITED')
        await sleep(outcome.error.retryAfterMs, this.#ends.signal);
      return undefined;
    } catch {
      // The relay is away; the caller waits and asks again.
      return undefined;
    }
  }
}

/** Everything else that waits for the event loop has its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
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
