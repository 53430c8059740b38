/** The relay as the victim sees it: its real decisions over its memory store; no sockets. */

import { invariant } from '@simsim/bytes';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import type { RelayAnswer, RelayRequest } from '@simsim/relay-protocol';
import { decide, sliceFor } from '@simsim/relay/core';
import type { RelayEnv } from '@simsim/relay/core';
import { createMemoryStore } from '@simsim/relay/memory';

/** Asks the relay as a device, or as nobody. Refusals are bugs of the harness. */
export type Ask = (request: RelayRequest, token?: Uint8Array) => RelayAnswer;

/** A relay of its own for each world. */
export function createNetwork(): Ask {
  const store = createMemoryStore();
  return (request, token) => {
    const env: RelayEnv = {
      nowMs: Date.now(),
      crypto,
      entropy,
      policy: { registration: 'open', mailboxCountMax: 100_000, mailboxBytesMax: 1 << 30 },
    };
    const call = token === undefined ? { request } : { request, tokenHash: crypto.digest([token]) };
    const outcome = store.transact((transaction) => {
      const decision = decide(transaction.read(sliceFor(call)), call, env);
      transaction.apply(decision.changes);
      return decision.outcome;
    });
    const code = outcome.ok ? '' : outcome.error.code;
    invariant(outcome.ok, `the relay answers ${request.kind}: ${code}`);
    return outcome.value;
  };
}
