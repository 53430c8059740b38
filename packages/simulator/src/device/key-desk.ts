/**
 * What an application says of identity keys: a while after one was shown it accepts those that are really
 * somebody's. It is asked of users who have changed, and of every key under the policy `ask`.
 */

import { bytesToHex, equalBytes } from '@simsim/bytes';
import type { UserId } from '@simsim/relay-protocol';
import { offersOf, pinAt, pinnedKeys, USER_PREFIX, userStream } from '@simsim/sesame';
import type { Effect, TrustPolicy, UserRecord } from '@simsim/sesame';
import type { Host } from './host.ts';

/** The keys of one device's contacts, as its owner settles them. */
export class KeyDesk {
  readonly #host: Host;
  readonly #due = new Set<UserId>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Takes up what the process before left. */
  start(): void {
    const { core, log } = this.#host;
    for (const stream of log.streamsWithPrefix(USER_PREFIX)) {
      const userId = core.reader().value('user', stream)?.userId;
      if (userId !== undefined) this.#settleLater(userId);
    }
  }

  /** A key was shown, or a message waits for one. */
  take(effect: Effect): void {
    const isAsked = effect.type === 'identityChanged' || effect.type === 'recipientHeld';
    if (isAsked) this.#settleLater(effect.userId);
  }

  #isOurs(userId: UserId): boolean {
    const { knobs, ledger } = this.#host.place;
    if (userId === this.#host.machine.userId) return false;
    return knobs.trust === 'ask' || ledger.changed.has(userId);
  }

  #settleLater(userId: UserId): void {
    if (!this.#isOurs(userId) || this.#due.has(userId)) return;
    this.#due.add(userId);
    const { agenda, knobs } = this.#host.place;
    agenda.after(knobs.readMs, () =>
      this.#host.alive(() => {
        this.#due.delete(userId);
        this.#settle(userId);
      }),
    );
  }

  #settle(userId: UserId): void {
    const { core, place } = this.#host;
    const record = core.reader().value('user', userStream(userId));
    const shown = record === undefined ? [] : unsettled(record, place.knobs.trust ?? 'tofu');
    for (const [address, identityKey] of place.ledger.identityKeys) {
      const isTheirs = address.startsWith(`${userId}.`);
      if (!isTheirs || !shown.some((key) => equalBytes(key, identityKey))) continue;
      // It has said so, whatever becomes of the process meanwhile.
      const { userId: own } = this.#host.machine;
      place.ledger.accepted.add(`${own} ${userId} ${bytesToHex(identityKey)}`);
      const { outcomes } = this.#host.run({ type: 'trustIdentity', userId, identityKey });
      if (outcomes[0]?.kind === 'done') place.situations.met('key accepted by an application');
    }
  }
}

/** The keys that wait for a word: offered ones, those beside an offer, and under `ask` all without any. */
function unsettled(record: UserRecord, policy: TrustPolicy): readonly Uint8Array[] {
  const offers = offersOf(record);
  const pinned = pinnedKeys(record).filter(
    (pin) => offers.length > 0 || (policy === 'ask' && pinAt(record, pin).trust === undefined),
  );
  return [...offers, ...pinned].map(({ key }) => key);
}
