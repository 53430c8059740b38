/** Identity keys of users: what is known of them, and what the application says of them. */

import { bytesToHex, equalBytes } from '@simsim/bytes';
import type { CoreInput } from '@simsim/device-core';
import type { UserId } from '@simsim/relay-protocol';
import { userStream } from '@simsim/sesame';
import type { DeviceParts } from './device-parts.ts';
import type { HealthEvent } from './health.ts';
import type { Identity, Trust } from './trust.ts';

/** Asks the application, and tells the engine what it says. */
export class TrustDesk {
  readonly #parts: DeviceParts;
  readonly #put: (input: CoreInput) => Promise<void>;
  readonly #health: (event: HealthEvent) => void;
  /** The key each user is being asked about. */
  readonly #asking = new Map<UserId, string>();

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

  async accept(
    userId: UserId,
    identityKey: Uint8Array,
    { verified }: { readonly verified?: true },
  ): Promise<void> {
    const level = verified === true ? 'verified' : 'accepted';
    await this.#put({ type: 'trustIdentity', userId, identityKey, level });
  }

  /** A key was shown, or mail waits for one: the application is asked, once at a time. */
  offered(userId: UserId, key: Uint8Array): void {
    const { trust } = this.#parts;
    const name = bytesToHex(key);
    if (typeof trust !== 'function' || this.#asking.get(userId) === name) return;
    this.#asking.set(userId, name);
    void this.#ask(trust, { userId, key }).finally(() => {
      if (this.#asking.get(userId) === name) this.#asking.delete(userId);
    });
  }

  async #ask(
    trust: Extract<Trust, (...question: never) => unknown>,
    { userId, key }: { userId: UserId; key: Uint8Array },
  ): Promise<void> {
    const pinned = this.identityOf(userId)?.key;
    const former = pinned === undefined || equalBytes(pinned, key) ? undefined : pinned;
    try {
      const answer = await trust({ user: userId, key, ...(former && { former }) });
      if (answer === 'hold') return;
      if (answer === 'refuse') await this.#put({ type: 'refuseIdentity', userId });
      else await this.#put({ type: 'trustIdentity', userId, identityKey: key, level: answer });
    } catch (cause) {
      // A question without an answer holds; a device that was closed asks again when it is open.
      this.#health({ type: 'trustFailed', user: userId, cause });
    }
  }
}
