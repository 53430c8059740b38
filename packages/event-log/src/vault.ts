/**
 * The vault: the only erasable thing. It holds one 32-byte key for each live stream, the keys of
 * inbox epochs, and the three fixed keys of the log. It may lag behind the log, because stream keys
 * move forward by a one-way step; what it must never do is bring an old key back.
 */

import type { Secret } from '@simsim/crypto';
import type { FixedKeys } from './metadata-box.ts';
import type { StoreRefusal } from './refusal.ts';

/** What the vault has seen of the log when it was last flushed. */
export interface Anchor {
  readonly seq: number;
  /** Link of event `seq`; the genesis link where `seq` is 0. */
  readonly hash: Uint8Array;
  /** Highest stream id handed out. */
  readonly streamMax: number;
  /** Wall ms of the last batch. */
  readonly at: number;
}

/** What a slot is for. */
export type SlotUse = 'free' | 'stream' | 'epoch' | 'fixed' | 'released';

/** One slot, without its key. */
export interface SlotState {
  readonly slot: number;
  readonly use: SlotUse;
  /** Stream id of a stream's slot, else 0. */
  readonly owner: number;
  /** Which key of its stream it holds: the stream's sealed parts count on, also in a new slot. */
  readonly index: number;
}

/** What a free slot becomes. */
export interface SlotAssignment {
  readonly use: 'stream' | 'epoch';
  /** Stream id of a stream's slot, else 0. */
  readonly owner: number;
  /** Where a stream that had another slot before goes on counting; default 0. */
  readonly index?: number;
}

/** Reading a vault. */
export interface VaultReader {
  /** 16 bytes. */
  readonly logId: Uint8Array;
  readonly keys: FixedKeys;
  anchor(): Anchor;
  /** `undefined` where there is no such slot. */
  slot(slot: number): SlotState | undefined;
  /** Slots of streams and epochs. */
  liveSlots(): Iterable<SlotState>;
  /** The slot's key, a copy that the caller wipes. Bug: asking for a slot that does not exist. */
  key(slot: number): Secret<'stream'>;
  /** Forgets every key in memory. */
  close(): void;
}

/**
 * A vault. Changes are in memory until `flush`, which makes them durable as one and erases what
 * they replaced.
 */
export interface Vault extends VaultReader {
  /** Slots that are filled, durable and unused. */
  poolSize(): number;
  /** Takes a pool slot. Bug: taking from an empty pool; see {@link Vault.flush}. */
  take(): number;
  /** Puts a taken slot back that was never assigned. */
  giveBack(slot: number): void;
  /** Marks a slot as used, taking it from the pool if it is still there. */
  assign(slot: number, to: SlotAssignment): void;
  /** Moves a stream's key forward. Copies `key`. Bug: going back. */
  advance(slot: number, index: number, key: Secret<'stream'>): void;
  /** Forgets a slot's key; the slot comes back to the pool, filled afresh, with the next flush. */
  destroy(slot: number): void;
  /** Fills the unused slots afresh. None may be taken before the next flush. */
  refreshPool(): void;
  /**
   * Makes everything durable together with `anchor` and fills the pool up to `poolMin` slots, or as far
   * as there is room.
   *
   * Throws: StoreFailure `VAULT_FAILED`; the vault is unusable then and must be opened again.
   */
  flush(anchor: Anchor, poolMin?: number): void;
  /**
   * Adds slots until the pool has `poolMin`, or as far as there is room, and makes these durable and
   * nothing else: the anchor and every other slot stay on the medium as they are.
   *
   * Throws: as {@link Vault.flush}.
   */
  grow(poolMin: number): void;
  /** Erases what a flush replaced and left for the next one. Throws: as {@link Vault.flush}. */
  settle(): void;
  /**
   * Takes over what another process flushed since this one last read or wrote the vault; what was
   * not flushed here is forgotten then. False where nobody did, and nothing is changed. To be called
   * under the lock that every flush of every process is made under.
   *
   * `tipSeq` is the number of the log's last event: events after the vault's anchor prove that its
   * newest state lasts.
   *
   * Throws: StoreFailure `VAULT_CORRUPT`, `VAULT_ROLLED_BACK`, `VAULT_KEY_UNAVAILABLE`,
   * `VAULT_FAILED`; unusable then.
   */
  reload(tipSeq?: number): boolean;
  /**
   * Goes on from `anchor`, which may lie before the vault's own: the log was put back from a copy.
   * The next flush makes it durable, whatever else changed.
   */
  rebase(anchor: Anchor): void;
  /**
   * Begins to replace the key that everything in the vault is sealed under; nothing where that is
   * going on already. Each following flush seals some more pages under the new key, and the last one
   * makes the medium forget the old key. A rotation asked for outlives a reload. What is under no key
   * has nothing to rotate.
   */
  rotateMaster(): void;
  /** Whether something is still under a key that is being replaced. */
  isRotating(): boolean;
  /** Why the provider of the vault's key does not let a rotation end; every flush tries again. */
  rotationHindrance(): StoreRefusal | undefined;
}
