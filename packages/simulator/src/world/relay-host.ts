/** The relay of a world: the shipping decisions over the memory store, and the lies it may tell. */

import type { Crypto, Entropy } from '@simsim/crypto';
import { decide, sliceFor } from '@simsim/relay/core';
import type { RelayCall, RelayEnv, RelayStore, Slice, Wakeup } from '@simsim/relay/core';
import { createMemoryStore } from '@simsim/relay/memory';
import { LATENCY_MAX_MS } from '@simsim/relay-protocol';
import type { RelayOutcome, RelayRequest, UserId } from '@simsim/relay-protocol';

/** What a relay is made of. */
export interface RelayHostParts {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly nowMs: () => number;
  /** Whom to tell. */
  readonly wake: (wakeup: Wakeup) => void;
}

/** A mailbox here holds as much as comes; what happens at its limit is the relay's own tests' matter. */
const MAILBOX_COUNT_MAX = 100_000;
const MAILBOX_BYTES_MAX = 2 ** 30;

/** A relay without sockets. */
export class RelayHost {
  readonly #store: RelayStore = createMemoryStore();
  readonly #parts: RelayHostParts;
  /** Users whose accounts count as gone until they are made again. */
  readonly #forgotten = new Set<UserId>();

  constructor(parts: RelayHostParts) {
    this.#parts = parts;
  }

  /** Decides a request as it came, by the credential that came with it. */
  decide(request: RelayRequest, token: Uint8Array | undefined): RelayOutcome {
    const anew = this.#beginning(request);
    const { crypto, entropy, nowMs, wake } = this.#parts;
    const env: RelayEnv = {
      nowMs: nowMs(),
      crypto,
      entropy,
      policy: {
        registration: 'open',
        mailboxCountMax: MAILBOX_COUNT_MAX,
        mailboxBytesMax: MAILBOX_BYTES_MAX,
      },
    };
    const call: RelayCall =
      token === undefined ? { request } : { request, tokenHash: crypto.digest([token]) };
    const decision = this.#store.transact((transaction) => {
      const decided = decide(this.#remembered(transaction.read(sliceFor(call))), call, env);
      if (anew !== undefined && decided.outcome.ok) {
        const former =
          transaction
            .read({ users: [anew] })
            .accounts.get(anew)
            ?.devices.keys() ?? [];
        for (const deviceId of former)
          transaction.apply([{ kind: 'deviceRemoved', device: { userId: anew, deviceId } }]);
        this.#forgotten.delete(anew);
      }
      transaction.apply(decided.changes);
      return decided;
    });
    for (const wakeup of decision.wakeups) wake(wakeup);
    return decision.outcome;
  }

  /** Its owner lets a user begin anew: for whoever asks from now on, there is no such account. */
  forget(userId: UserId): void {
    this.#forgotten.add(userId);
  }

  /** The forgotten user that a request begins anew for. */
  #beginning(request: RelayRequest): UserId | undefined {
    if (request.kind !== 'createAccount') return undefined;
    return this.#forgotten.has(request.userId) ? request.userId : undefined;
  }

  #remembered(slice: Slice): Slice {
    if (this.#forgotten.size === 0) return slice;
    const { caller, accounts, ...rest } = slice;
    const isKnown = caller !== undefined && !this.#forgotten.has(caller.userId);
    const known = [...accounts].filter(([userId]) => !this.#forgotten.has(userId));
    return { ...rest, ...(isKnown && { caller }), accounts: new Map(known) };
  }

  /** Forgets what is over its time. */
  prune(): void {
    const nowMs = this.#parts.nowMs();
    this.#store.prune({ nowMs, beforeMs: nowMs - LATENCY_MAX_MS });
  }
}
