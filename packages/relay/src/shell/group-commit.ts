/**
 * Calls are decided in the order they came, many in one transaction, and answered after COMMIT.
 * While one COMMIT waits for the disk the next calls gather, so the group grows with the load.
 */

import type { Crypto, Entropy } from '@simsim/crypto';
import type { RelayOutcome } from '@simsim/relay-protocol';
import { decide, sliceFor } from '../core/decide.ts';
import type { Decision, RelayCall, RelayPolicy, Wakeup } from '../core/decision.ts';
import { refuse } from '../core/decision.ts';
import type { RelayStore, RelayTransaction } from '../core/store.ts';

/** Calls decided in one transaction: more would keep the first ones waiting for little gain. */
export const GROUP_MAX = 64;

/** Where a test may strike: before and after the COMMIT that takes an accepted post. */
export type ChaosSite = 'post:before-commit' | 'post:committed';

/** A test's hook; called once for each post that a group accepts. Production passes none. */
export interface Chaos {
  at(site: ChaosSite): void;
}

/** What a group commit works with. */
export interface GroupCommitParts {
  readonly store: RelayStore;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly policy: RelayPolicy;
  /** The relay's clock in milliseconds. */
  readonly now: () => number;
  readonly chaos?: Chaos;
  /** Called after COMMIT, before the answers. */
  readonly onWakeups: (wakeups: readonly Wakeup[]) => void;
  /** Called where a whole group failed and each call is decided alone. */
  readonly onFailure: (error: unknown) => void;
}

/** The one way into a relay's state. */
export interface GroupCommit {
  /** Decides a call; resolves once its changes are durable, with `UNAVAILABLE` if they cannot be. */
  submit(call: RelayCall): Promise<RelayOutcome>;
  /** Decides what is queued; later calls are refused. */
  close(): void;
}

interface Waiting {
  readonly call: RelayCall;
  readonly resolve: (outcome: RelayOutcome) => void;
}

/** Starts a group commit over a store. */
export function createGroupCommit(parts: GroupCommitParts): GroupCommit {
  const queue: Waiting[] = [];
  let isScheduled = false;
  let isClosed = false;
  const runGroup = (): void => {
    const group = queue.splice(0, GROUP_MAX);
    const decisions = decideGroup(parts, group);
    parts.onWakeups(decisions.flatMap((decision) => decision.wakeups));
    for (const [i, { resolve }] of group.entries()) {
      resolve((decisions[i] ?? refuse('UNAVAILABLE')).outcome);
    }
  };
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      if (queue.length === 0) return;
      runGroup();
      if (queue.length > 0) schedule();
    });
  };
  return {
    submit(call) {
      if (isClosed) return Promise.resolve(refuse('UNAVAILABLE').outcome);
      return new Promise((resolve) => {
        queue.push({ call, resolve });
        schedule();
      });
    },
    close() {
      isClosed = true;
      while (queue.length > 0) runGroup();
    },
  };
}

function decideGroup(parts: GroupCommitParts, group: readonly Waiting[]): readonly Decision[] {
  const calls = group.map((waiting) => waiting.call);
  try {
    return decideAll(parts, calls);
  } catch (error) {
    parts.onFailure(error);
  }
  // One call may have brought the others down; alone, it brings down only itself.
  return calls.map((call) => {
    try {
      return decideAll(parts, [call])[0] ?? refuse('UNAVAILABLE');
    } catch (error) {
      parts.onFailure(error);
      return refuse('UNAVAILABLE');
    }
  });
}

function decideAll(parts: GroupCommitParts, calls: readonly RelayCall[]): readonly Decision[] {
  const { store, crypto, entropy, policy, chaos } = parts;
  const env = { nowMs: parts.now(), crypto, entropy, policy };
  const accepted: ChaosSite[] = [];
  const decisions = store.transact((transaction: RelayTransaction) => {
    const made = calls.map((call) => {
      const decision = decide(transaction.read(sliceFor(call)), call, env);
      transaction.apply(decision.changes);
      return decision;
    });
    for (const { changes } of made) {
      for (const change of changes) {
        if (change.kind === 'postAccepted') accepted.push('post:committed');
      }
    }
    for (const _ of accepted) chaos?.at('post:before-commit');
    return made;
  });
  for (const site of accepted) chaos?.at(site);
  return decisions;
}
