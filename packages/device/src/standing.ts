/**
 * Where this device stands with its relay: whether its log is proven to be the newest, what becomes of
 * one that was put back, and what it means to be shut out. Mail and posts wait for it.
 */

import type { CoreInput } from '@simsim/device-core';
import type { Effect, OwnDevice } from '@simsim/sesame';
import type { DeviceParts } from './device-parts.ts';
import { Backoff, sleep } from './backoff.ts';
import { Freshness } from './freshness.ts';
import type { CloseReason, HealthEvent, RollbackNotice } from './health.ts';
import { ownDevice } from './own-devices.ts';
import type { PostPump } from './post-pump.ts';
import type { Registrar } from './registrar.ts';
import type { RelaySocket, SocketEnd } from './relay-socket.ts';

type RolledBack = Extract<Effect, { type: 'rolledBack' }>;

/** What a standing works with. */
export interface StandingOwner {
  readonly registrar: Registrar;
  readonly pump: () => PostPump;
  readonly socket: () => RelaySocket;
  put(input: CoreInput): Promise<void>;
  health(event: HealthEvent): void;
  /** `cause`: what failed, where something did. */
  stop(reason: CloseReason, cause?: unknown): void;
  readonly signal: AbortSignal;
}

/** How long a relay that does not let the device in is left alone, ms: at first, and at most. */
const SHUT_OUT_MS = [1000, 60_000] as const;

/** Keeps a device from speaking before it may. */
export class Standing {
  readonly freshness: Freshness;
  readonly #parts: DeviceParts;
  readonly #owner: StandingOwner;
  #isProving = false;
  #isUnproven = false;
  #isShutOut = false;
  #hasCheckedKeys = false;
  #notice: RollbackNotice | undefined;

  constructor(parts: DeviceParts, owner: StandingOwner) {
    this.#parts = parts;
    this.#owner = owner;
    this.#useToken();
    const { signal } = owner;
    this.freshness = new Freshness(parts, {
      put: (input) => owner.put(input),
      unproven: () => this.#unproven(),
      signal,
    });
    this.freshness.speakUntil(signal, () => this.prove());
  }

  /** The last state that was found put back, in this opening. */
  notice(): RollbackNotice | undefined {
    return this.#notice;
  }

  /** Has the relay say where the device stood; then mail and posts may flow. One at a time. */
  prove(): void {
    if (this.#isProving) return;
    this.#isProving = true;
    void this.#prove()
      .finally(() => (this.#isProving = false))
      .then((isFresh) => (isFresh ? this.#checkKeys() : undefined))
      .catch((cause: unknown) => this.#owner.stop('storeFailed', cause));
  }

  /** Tells the engine what opening found, before anything else is decided. */
  async settleOpening(): Promise<void> {
    const { rollback } = this.#parts.core.log;
    if (rollback === undefined) return;
    const { kind, seen, found, lostStreams } = rollback;
    await this.#owner.put({ type: 'rolledBack', source: kind, seen, found, lost: lostStreams });
    // Nothing of before may be read again: the log and its vault agree from here on.
    this.#parts.core.log.flush();
  }

  /** The state was put back, or a copy runs elsewhere. */
  rolledBack({ evidence, isQuarantined, lostSends }: RolledBack): void {
    const { source, seen, found } = evidence;
    const isVault = source === 'vault';
    this.#notice = {
      source,
      seenSeq: seen.seq,
      foundSeq: found.seq,
      missingEvents: isVault ? 0 : Math.max(0, seen.seq - found.seq),
      lostSends,
      lostMail: this.#parts.core.log.rollback?.lostMail ?? 0,
      isQuarantined,
    };
    this.#owner.pump().hold();
    this.#owner.health({ type: 'rolledBack', notice: this.#notice });
    if (!isQuarantined) {
      this.#owner.stop('rolledBack');
      return;
    }
    this.#owner.pump().clear();
    this.#owner.socket().pause();
    this.#useToken();
  }

  /** The engine wants the next incarnation registered. */
  wanted(): void {
    if (this.#own()?.status === 'renewing') this.prove();
  }

  /** The line ended for good. */
  socketEnded(end: SocketEnd): void {
    if (end === 'connectedElsewhere') this.#owner.stop(end);
  }

  /** Whether it was proven, and the device goes on. */
  async #prove(): Promise<boolean> {
    const { registrar, signal } = this.#owner;
    const backoff = new Backoff(...SHUT_OUT_MS);
    while (!signal.aborted) {
      if (this.#own()?.status === 'renewing') {
        const outcome = await registrar.renewed(() => this.#unproven());
        if (outcome === 'shutOut') {
          if (await this.#shutOut(backoff)) return false;
          continue;
        }
        this.#owner.health({ type: 'renewed' });
        // Everything that waits for keys, and every first contact, is owed again.
        await this.#owner.put({ type: 'started' });
      }
      if ((await this.freshness.exchange()) === 'shutOut') {
        if (await this.#shutOut(backoff)) return false;
        continue;
      }
      this.#isShutOut = false;
      if (this.#notice?.isQuarantined === false) return false;
      if (this.#own()?.status !== 'renewing') break;
    }
    if (signal.aborted || this.#own()?.status !== 'registered') return false;
    this.#isUnproven = false;
    this.#owner.health({ type: 'fresh' });
    this.#owner.pump().open();
    this.#owner.socket().open();
    return true;
  }

  /** Once an opening, and no part of a proof: it may wait long for an upload, and another proof may not. */
  async #checkKeys(): Promise<void> {
    if (this.#hasCheckedKeys) return;
    this.#hasCheckedKeys = true;
    await this.#owner.registrar.checkKeys();
  }

  /**
   * The relay does not let this device in. Answers whether that is its end: only its user's signed list can
   * say so. Otherwise the relay is told of, and left alone for a while before it is asked again.
   */
  async #shutOut(backoff: Backoff): Promise<boolean> {
    const { signal } = this.#owner;
    if (signal.aborted) return true;
    const list = await this.#owner.registrar.fetchOwnList().catch(() => undefined);
    await this.#owner.put({ type: 'shutOut', ...(list && { list }) });
    const end = this.#end();
    if (end !== undefined) {
      this.#owner.stop(end);
      return true;
    }
    if (!this.#isShutOut) this.#owner.health({ type: 'shutOut' });
    this.#isShutOut = true;
    await sleep(backoff.nextMs(), signal);
    return false;
  }

  #end(): 'revoked' | 'replaced' | undefined {
    const status = this.#own()?.status;
    if (status === 'removed') return 'revoked';
    return status === 'replaced' ? status : undefined;
  }

  #unproven(): void {
    if (this.#isUnproven) return;
    this.#isUnproven = true;
    this.#owner.health({ type: 'freshnessUnknown', since: this.freshness.provenAt() });
  }

  #own(): OwnDevice | undefined {
    return ownDevice(this.#parts.core);
  }

  #useToken(): void {
    const own = this.#own();
    if (own === undefined) return;
    const token = this.#parts.crypto.exportSecret(own.token);
    this.#parts.client.setToken(token);
    token.fill(0);
  }
}
