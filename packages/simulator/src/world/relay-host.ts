/** The relay of a world: the shipping decisions over the memory store, and the lies it may tell. */

import type { Crypto, Entropy } from '@simsim/crypto';
import { decide, sliceFor } from '@simsim/relay/core';
import type { RelayCall, RelayEnv, RelayStore, Wakeup } from '@simsim/relay/core';
import { createMemoryStore } from '@simsim/relay/memory';
import { LATENCY_MAX_MS } from '@simsim/relay-protocol';
import type { RelayOutcome, RelayRequest } from '@simsim/relay-protocol';

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

  constructor(parts: RelayHostParts) {
    this.#parts = parts;
  }

  /** Decides a request as it came, by the credential that came with it. */
  decide(request: RelayRequest, token: Uint8Array | undefined): RelayOutcome {
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
      const decided = decide(transaction.read(sliceFor(call)), call, env);
      transaction.apply(decided.changes);
      return decided;
    });
    for (const wakeup of decision.wakeups) wake(wakeup);
    return decision.outcome;
  }

  /** Forgets what is over its time. */
  prune(): void {
    const nowMs = this.#parts.nowMs();
    this.#store.prune({ nowMs, beforeMs: nowMs - LATENCY_MAX_MS });
  }
}
