/** What the parts of an open log share. */

import type { Crypto } from '@simsim/crypto';
import type { Chaos } from './chaos.ts';
import type { RollbackReport } from './event-log.ts';
import type { EventStore, Tip } from './event-store.ts';
import type { LogMeta } from './log-meta.ts';
import type { MetadataBox } from './metadata-box.ts';
import type { NonceSource } from './nonce-pool.ts';
import type { Queues } from './queues.ts';
import { failStore } from './refusal.ts';
import type { RowCounts } from './row-counts.ts';
import type { SeenLog } from './seen-log.ts';
import type { StreamStates } from './stream-states.ts';
import type { Vault } from './vault.ts';

/** Broken variants of our own code, for tests of the tests. Production passes none. */
export interface LogSabotage {
  /** The vault never follows: superseded keys stay derivable. */
  readonly keepsOldKeys?: true;
  /** Mail is sealed under one epoch for ever. */
  readonly keepsOneEpoch?: true;
  /** A head row does not follow when its stream is closed. */
  readonly leavesHeadsOpen?: true;
  /** The dedupe ids are not written into the events. */
  readonly forgetsSeen?: true;
  /** The vault leaves replaced page copies on the medium. */
  readonly keepsOldCopies?: true;
  /** A rotation takes the master key that there is. */
  readonly keepsMaster?: true;
  /** A stream goes on in its old slot after the log was opened again. */
  readonly keepsOldSlots?: true;
  /** One of several owners does not look what the others flushed. */
  readonly trustsItsMemory?: true;
  /** Posts are not written down. */
  readonly forgetsOutbox?: true;
  /** Mail for the application is not written down. */
  readonly forgetsInbox?: true;
  /** Mail that the application is done with stays. */
  readonly keepsInbox?: true;
  /** A stream's state is written once, and what follows is not. */
  readonly keepsFirstState?: true;
  /** A version of each stream is left out. */
  readonly skipsVersion?: true;
  /** Events say that they are of a later release. */
  readonly writesLaterSchema?: true;
  /** The last byte of an event's facts is lost. */
  readonly cutsFacts?: true;
}

/** An open log from inside. */
export interface LogState {
  readonly crypto: Crypto;
  readonly store: EventStore;
  readonly vault: Vault;
  readonly meta: LogMeta;
  readonly logId: Uint8Array;
  readonly box: MetadataBox;
  readonly nonces: NonceSource;
  readonly streams: StreamStates;
  readonly seen: SeenLog;
  readonly chaos: Chaos | undefined;
  readonly sabotage: LogSabotage;
  queues: Queues;
  /** Rows that no event tells of; undefined in a log that does not count them. */
  counts: RowCounts | undefined;
  /** The chain's tip: genesis link at `seq` 0, where the store's own tip has no hash. */
  tip: Tip;
  streamMax: number;
  /** Wall ms of the last batch. */
  at: number;
  /** Other processes write too: every write first takes over what they wrote. */
  readonly isShared: boolean;
  /** {@link EventReader.version} when this process last looked. */
  storeVersion: number;
  /** What others wrote was taken over since the last commit: what was decided before is decided again. */
  isMoved: boolean;
  /**
   * Counts fresh pools, from 0 at open: a stream whose slot comes from an older one takes another with
   * its next state, so that an old copy of the vault is of no use any more.
   */
  rekeying: number;
  /** The next flush makes the pool afresh. */
  isPoolDue: boolean;
  phase: 'open' | 'failed' | 'closed';
  /** What opening found put back. */
  rollback: RollbackReport | undefined;
  /** The events `from` … `upto` that pruning looked at last, and the least time among them. */
  young: { readonly from: number; readonly upto: number; readonly least: number } | undefined;
  /** Slots of unread mail that nothing opens any more, until a commit with an event frees them. */
  readonly lostMail: Set<number>;
}

/** Whether a write lasted that failed is unknown, so nothing more may be sealed from memory. */
export function orFail<T>(log: LogState, code: 'STORE_FAILED' | 'VAULT_FAILED', write: () => T): T {
  try {
    return write();
  } catch (cause) {
    log.phase = 'failed';
    return failStore(code, cause instanceof Error ? cause.message : 'unknown', cause);
  }
}
