/** A whole relay in this process, without sockets, timers or files: its decisions over a store. */

import type { Crypto, Entropy } from '@simsim/crypto';
import type { RelayEnd, RelayOutcome, RelayTransport } from '@simsim/relay-protocol';
import { LATENCY_MAX_MS, lineEndOf, NEEDS_TOKEN } from '@simsim/relay-protocol';
import { decide, sliceFor } from '../core/decide.ts';
import type { RelayCall, RelayPolicy } from '../core/decision.ts';
import { MAILBOX_BYTES_MAX, MAILBOX_COUNT_MAX } from '../core/limits.ts';
import type { RelayStore } from '../core/store.ts';
import { Lines } from '../push/lines.ts';
import { createMemoryStore } from './memory-store.ts';
import { createMemoryTransport } from './memory-transport.ts';

/** What a relay in this process is made of. */
export interface MemoryRelayOptions {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** The relay's clock, wall ms. */
  readonly now: () => number;
  /** Where it keeps what it knows. Default: in memory. */
  readonly store?: RelayStore;
  /** Default: open to everybody, mailboxes as large as a relay's are. */
  readonly policy?: RelayPolicy;
  /** Called where a call could not be decided, which is answered with `UNAVAILABLE`, or mail not read. */
  readonly onFailure?: (error: unknown) => void;
}

/** A relay in this process. */
export interface MemoryRelay extends RelayEnd {
  /** A way to it for any number of devices. */
  readonly transport: RelayTransport;
  /** Forgets what expired; call it from time to time. */
  prune(): void;
  /** Breaks every line and closes the store; whoever still asks hears that it is away. */
  close(): void;
}

const CLOSE_GOING_AWAY = 1001;
const AWAY: RelayOutcome = { ok: false, error: { code: 'UNAVAILABLE' } };

const OPEN_POLICY: RelayPolicy = {
  registration: 'open',
  mailboxCountMax: MAILBOX_COUNT_MAX,
  mailboxBytesMax: MAILBOX_BYTES_MAX,
};

/** Starts a relay in this process. */
export function createMemoryRelay(options: MemoryRelayOptions): MemoryRelay {
  const { crypto, entropy, now, onFailure } = options;
  const { store = createMemoryStore(), policy = OPEN_POLICY } = options;
  const hashOf = (token?: Uint8Array): Uint8Array | undefined => token && crypto.digest([token]);
  const decideNow = (call: RelayCall): RelayOutcome => {
    const env = { nowMs: now(), crypto, entropy, policy };
    const { outcome, wakeups } = store.transact((transaction) => {
      const decision = decide(transaction.read(sliceFor(call)), call, env);
      transaction.apply(decision.changes);
      return decision;
    });
    lines.wake(wakeups);
    return outcome;
  };
  let isClosed = false;
  const submit = (call: RelayCall): Promise<RelayOutcome> => {
    if (isClosed) return Promise.resolve(AWAY);
    try {
      return Promise.resolve(decideNow(call));
    } catch (error) {
      onFailure?.(error);
      return Promise.resolve(AWAY);
    }
  };
  const lines = new Lines({ store, submit, now, ...(onFailure && { onFailure }) });
  const end: RelayEnd = {
    answer(request, token) {
      const tokenHash = NEEDS_TOKEN[request.kind] ? hashOf(token) : undefined;
      return submit({ request, ...(tokenHash && { tokenHash }) });
    },
    accept(far, token) {
      if (isClosed) {
        far.close('lost');
        return { onAck: () => undefined, onDown: () => undefined };
      }
      let isOpen = true;
      const wire = {
        send: far.send.bind(far),
        close(code: number) {
          isOpen = false;
          far.close(lineEndOf(code));
        },
        isOpen: () => isOpen,
        bufferedBytes: () => 0,
      };
      const line = lines.accept(wire, hashOf(token));
      return {
        onAck: (seqs) => void line?.acknowledge(seqs),
        onDown() {
          isOpen = false;
          line?.closed();
        },
      };
    },
  };
  return {
    ...end,
    transport: createMemoryTransport(end),
    prune() {
      const nowMs = now();
      store.prune({ nowMs, beforeMs: nowMs - LATENCY_MAX_MS });
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      lines.close(CLOSE_GOING_AWAY);
      store.close();
    },
  };
}
