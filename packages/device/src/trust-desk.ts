/** Identity keys of users: what is known of them, and what the application says of them. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { bytesToHex, equalBytes } from '@simsim/bytes';
import type { CoreInput } from '@simsim/device-core';
import type { UserId } from '@simsim/relay-protocol';
import { offersOf, pinAt, pinnedKeys, USER_PREFIX, userStream } from '@simsim/sesame';
import type { IdentityKey } from '@simsim/sesame';
import { checkedAnswer } from './checked-arguments.ts';
import type { DeviceParts } from './device-parts.ts';
import type { HealthEvent } from './health.ts';
import type { Identity, ShownIdentity, Trust, TrustAnswer } from './trust.ts';

/** Users looked at in one turn of the event loop. */
const USERS_A_TURN = 200;

/** Asks the application, and tells the engine what it says. */
export class TrustDesk {
  readonly #parts: DeviceParts;
  readonly #put: (input: CoreInput) => Promise<void>;
  readonly #health: (event: HealthEvent) => void;
  /** The keys that are being asked about, each with its user. */
  readonly #asking = new Set<string>();

  constructor(
    parts: DeviceParts,
    on: { put: (input: CoreInput) => Promise<void>; health: (event: HealthEvent) => void },
  ) {
    this.#parts = parts;
    this.#put = on.put;
    this.#health = on.health;
  }

  identityOf(userId: UserId): Identity | undefined {
    const record = this.#parts.core.reader().value('user', userStream(userId));
    if (record?.identityKey === undefined) return undefined;
    const { identityKey: key, trust = 'seen', offered } = record;
    return { key, trust, ...(offered && { offered }) };
  }

  identitiesOf(userId: UserId): readonly ShownIdentity[] {
    const record = this.#parts.core.reader().value('user', userStream(userId));
    if (record === undefined) return [];
    const pinned = pinnedKeys(record).map((shown): ShownIdentity => {
      const { trust = 'seen' } = pinAt(record, shown);
      return { ...shown, trust };
    });
    return [
      ...pinned,
      ...offersOf(record).map((offer) => ({ ...offer, trust: 'offered' }) as const),
    ];
  }

  async accept(
    userId: UserId,
    identityKey: Uint8Array,
    { verified }: { readonly verified?: true },
  ): Promise<void> {
    const level = verified === true ? 'verified' : 'accepted';
    await this.#put({ type: 'trustIdentity', userId, identityKey, level });
  }

  async refuse(userId: UserId, identityKey: Uint8Array | undefined): Promise<void> {
    await this.#put({ type: 'refuseIdentity', userId, ...(identityKey && { identityKey }) });
  }

  /** A key was shown, or mail waits for one: the application is asked, once at a time. */
  offered(userId: UserId, shown: IdentityKey): void {
    const { trust } = this.#parts;
    const name = `${bytesToHex(shown.key)} ${userId}`;
    if (typeof trust !== 'function' || this.#asking.has(name)) return;
    this.#asking.add(name);
    void this.#ask(trust, userId, shown).finally(() => this.#asking.delete(name));
  }

  /** Asks about all that waits for an answer: whoever was asked before may not be there any more. */
  async askAgain(signal: AbortSignal): Promise<void> {
    if (typeof this.#parts.trust !== 'function') return;
    const { log } = this.#parts.core;
    for (const [i, stream] of log.streamsWithPrefix(USER_PREFIX).entries()) {
      if (i % USERS_A_TURN === 0) await nextTurn();
      // A device that was closed meanwhile has nothing to read any more.
      if (signal.aborted) return;
      const record = this.#parts.core.reader().value('user', stream);
      if (record === undefined) continue;
      for (const offer of offersOf(record)) this.offered(record.userId, offer);
    }
  }

  async #ask(
    trust: Extract<Trust, (...question: never) => unknown>,
    userId: UserId,
    shown: IdentityKey,
  ): Promise<void> {
    const { key } = shown;
    const record = this.#parts.core.reader().value('user', userStream(userId));
    const pinned = record && pinAt(record, shown).identityKey;
    const former = pinned === undefined || equalBytes(pinned, key) ? undefined : pinned;
    try {
      const question = { user: userId, ...shown, ...(former && { former }) };
      const answer = checkedAnswer(await trust(question));
      if (answer === 'hold' || !this.#isOpen(userId, { shown, answer })) return;
      if (answer === 'refuse') await this.refuse(userId, key);
      else await this.#put({ type: 'trustIdentity', userId, identityKey: key, level: answer });
    } catch (cause) {
      // A question without an answer, or with a wrong one, holds; a device that was closed asks again when it is open.
      this.#health({ type: 'trustFailed', user: userId, cause });
    }
  }

  /**
   * Whether a question is one still. The relay may have taken the key back since, or the application may have
   * said something of it itself, which an answer to an older question does not undo.
   */
  #isOpen(
    userId: UserId,
    { shown, answer }: { readonly shown: IdentityKey; readonly answer: TrustAnswer },
  ): boolean {
    const record = this.#parts.core.reader().value('user', userStream(userId));
    const { identityKey, offered, trust } = record === undefined ? {} : pinAt(record, shown);
    const isShown = (key: Uint8Array | undefined): boolean =>
      key !== undefined && equalBytes(key, shown.key);
    if (isShown(offered)) return true;
    if (!isShown(identityKey)) return false;
    return trust === undefined || (trust === 'accepted' && answer === 'verified');
  }
}
