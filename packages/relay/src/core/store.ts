/** The seam to a relay's memory. An adapter is one when it passes the store's conformance suite. */

import type { Change } from './change.ts';
import type { Slice, SliceQuery } from './slice.ts';

/** Synchronous, one writer. Throws only for the environment: disk, lock, damaged file. */
export interface RelayStore {
  /** Runs `work` in one transaction. What `work` throws undoes all of it and is thrown on. */
  transact<T>(work: (transaction: RelayTransaction) => T): T;
  /** Reads committed state. */
  read(query: SliceQuery): Slice;
  /** Forgets what nobody may ask for any more: see {@link Expiry}. */
  prune(expiry: Expiry): void;
  /**
   * Forgets every one-time prekey that was not handed out: after the store itself was put back some of
   * them were, and nobody may get them a second time. Devices are told and upload new ones.
   */
  forgetOneTimeKeys(): void;
  /** Releases the file; using the store later is a bug. */
  close(): void;
}

/** Reads see the changes applied before them in the same transaction. */
export interface RelayTransaction {
  read(query: SliceQuery): Slice;
  /** Applies changes in order. Changes must fit the slice that was read in this transaction. */
  apply(changes: readonly Change[]): void;
}

/** What counts as expired. */
export interface Expiry {
  /** Nonces and links that expire at or before this moment go. */
  readonly nowMs: number;
  /** Mail, accepted posts, claims and handed-out keys from before this moment go; absent: none do. */
  readonly beforeMs?: number;
}
