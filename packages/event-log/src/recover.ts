/**
 * Bringing the vault up to the log: after a kill the vault is as of its anchor, the log may be
 * further. Walking the events since then says which slots were taken, how far each key has moved
 * and which were destroyed. One-way keys make this possible without ever storing an old one.
 */

import { equalBytes } from '@simsim/bytes';
import { linkOfRow } from './chain.ts';
import type { EventRow } from './event-store.ts';
import { heldKey } from './held-key.ts';
import { loadQueues } from './load-queues.ts';
import { UNFLUSHED_EVENTS_MAX } from './limits.ts';
import { rowsWrittenAt } from './log-meta.ts';
import type { LogState } from './log-state.ts';
import { openFacts } from './open-facts.ts';
import type { OpenedFacts } from './facts-envelope.ts';
import { failStore } from './refusal.ts';
import type { StoreRefusal } from './refusal.ts';
import { opensState } from './open-state.ts';
import { sealedIndex } from './sealed-part.ts';
import { openName } from './stream-label.ts';
import { lastIndex } from './stream-states.ts';
import type { StreamState } from './stream-states.ts';

/** What following knows of the vault's slots. */
interface SlotWalk {
  /** Slot of each stream by its id. */
  readonly slotByOwner: Map<number, number>;
  /** How far the key of each slot has to move. */
  readonly reached: Map<number, number>;
  /** `seq` of the last state under a key that was still in the pool at the anchor, by slot. */
  readonly taken: Map<number, number>;
  /** The same, of inbox epochs. */
  readonly epochs: Set<number>;
}

/** Follows the log from its anchor at open. Answers why it cannot, if it cannot. */
export function recoverLog(log: LogState): StoreRefusal | undefined {
  const anchor = log.vault.anchor();
  const { seq } = log.store.tip();
  if (seq < anchor.seq) {
    return rolledBack(`it ends at event ${seq}, the vault has seen event ${anchor.seq}`);
  }
  const anchored = anchor.seq === 0 ? log.tip.hash : log.store.event(anchor.seq)?.hash;
  if (anchored === undefined || !equalBytes(anchored, anchor.hash)) {
    return rolledBack(`event ${anchor.seq} is not the one the vault has seen`);
  }
  // The rows of streams follow before the vault does.
  if (rowsWrittenAt(log.store) < anchor.seq) {
    return rolledBack('its streams are behind what the vault has seen');
  }
  if (seq - anchor.seq > UNFLUSHED_EVENTS_MAX) {
    return { code: 'VAULT_ROLLED_BACK', detail: 'the vault is far behind the log' };
  }
  log.tip = { seq: anchor.seq, hash: anchor.hash };
  log.streamMax = anchor.streamMax;
  log.at = anchor.at;
  return followLog(log);
}

/** Follows the log from the tip in memory to the store's. */
export function followLog(log: LogState): StoreRefusal | undefined {
  const walk: SlotWalk = {
    slotByOwner: slotsByOwner(log),
    reached: new Map(),
    taken: new Map(),
    epochs: new Set(),
  };
  log.streams.forget();
  log.streams.dropRegistered();
  for (const row of log.store.events(log.tip.seq + 1, log.store.tip().seq)) {
    const refusal = followEvent(log, row, walk);
    if (refusal !== undefined) return refusal;
  }
  for (const [slot, index] of walk.reached) moveKey(log, slot, index);
  // An old copy of a vault may hold other keys in its pool than the ones that were taken.
  for (const [slot, seq] of walk.taken) {
    const index = log.vault.slot(slot)?.index ?? 0;
    if (!opensState(log, seq, { slot, index: walk.reached.get(slot) ?? index })) {
      return { code: 'VAULT_ROLLED_BACK', detail: 'the vault holds other keys', seq };
    }
  }
  log.streamMax = Math.max(log.streamMax, log.store.streamMax());
  refreshKeys(log);
  log.seen.reset();
  return loadQueues(log, { epochs: walk.epochs, isPoolProven: walk.taken.size > 0 });
}

function followEvent(log: LogState, row: EventRow, walk: SlotWalk): StoreRefusal | undefined {
  const facts = followRow(log, row);
  if (facts === undefined) return damaged(row.seq);
  if (!followSlots(log, row, { facts, walk })) {
    return { code: 'VAULT_ROLLED_BACK', detail: 'the vault contradicts the log', seq: row.seq };
  }
  return undefined;
}

/** Takes the next event as the tip; `undefined` where it does not fit the chain. */
export function followRow(log: LogState, row: EventRow): OpenedFacts | undefined {
  const hash = linkOfRow(log.crypto, log.tip.hash, row);
  const isNext = row.seq === log.tip.seq + 1;
  if (!isNext || hash === undefined || !equalBytes(hash, row.hash)) return undefined;
  const facts = openFacts(log.box, row);
  if (facts === undefined) return undefined;
  followStream(log, row, facts);
  log.tip = { seq: row.seq, hash };
  log.at = row.at;
  return facts;
}

/** The slots of streams, by stream id. */
export function slotsByOwner({ vault }: LogState): Map<number, number> {
  const slots = new Map<number, number>();
  for (const { slot, use, owner } of vault.liveSlots())
    if (use === 'stream') slots.set(owner, slot);
  return slots;
}

/** Knows how far a stream has come since its rows were written. */
function followStream(log: LogState, row: EventRow, facts: OpenedFacts): void {
  const { streams } = log;
  const { stream: id, version, seq } = row;
  log.streamMax = Math.max(log.streamMax, id);
  const before = streams.aheadById(id) ?? registeredStream(log, id);
  const name = facts.name ?? before?.name;
  if (name === undefined) return;
  streams.set({
    name,
    id,
    version,
    seq,
    sealed: row.sealed === undefined ? (before?.sealed ?? 0) : seq,
    isClosed: facts.closes,
    rows: before?.rows,
    slot: facts.slot ?? before?.slot,
    rekeying: 0,
    index: -1,
    next: undefined,
  });
}

type Registered = Pick<StreamState, 'name' | 'sealed' | 'rows' | 'slot'>;

function registeredStream({ store, box }: LogState, id: number): Registered | undefined {
  const row = store.streamById(id);
  const head = row && store.head(id);
  const name = row && openName(box, row);
  if (row === undefined || head === undefined) return undefined;
  if (name === undefined) failStore('STORE_CORRUPT', `the row of stream ${id} does not open`);
  const { version, sealed } = head;
  return { name, sealed, slot: row.slot, rows: { version, slot: row.slot } };
}

/** Streams take their keys from where the vault stands now. */
export function refreshKeys({ streams, store, vault }: LogState): void {
  streams.forget();
  for (const state of streams.ahead()) {
    const held = state.slot === undefined || state.isClosed ? undefined : vault.slot(state.slot);
    const isHeld = held?.use === 'stream' && held.owner === state.id;
    const slot = isHeld || state.isClosed ? state.slot : undefined;
    streams.set({ ...state, slot, index: lastIndex(store, state.sealed) });
  }
}

/** Applies one event to the vault's slots; false where the slots are not as they must be. */
function followSlots(
  log: LogState,
  row: EventRow,
  step: { readonly facts: OpenedFacts; readonly walk: SlotWalk },
): boolean {
  const { vault, meta } = log;
  const { slotByOwner, reached, taken } = step.walk;
  const { slot: took, epochs, closes } = step.facts;
  const wanted = took === undefined ? epochs : [took, ...epochs];
  if (wanted.some((slot) => vault.slot(slot)?.use !== 'free')) return false;
  for (const slot of epochs) {
    vault.assign(slot, { use: 'epoch', owner: 0 });
    step.walk.epochs.add(slot);
  }
  const index = row.sealed && sealedIndex(row.sealed);
  if (took !== undefined) {
    vault.assign(took, { use: 'stream', owner: row.stream, index: index ?? 0 });
    const before = slotByOwner.get(row.stream);
    if (before !== undefined) letGo(log, before, step.walk);
    slotByOwner.set(row.stream, took);
  }
  const slot = slotByOwner.get(row.stream);
  if (slot === undefined) return row.sealed === undefined;
  if (row.sealed !== undefined) {
    const least = reached.get(slot) ?? vault.slot(slot)?.index;
    if (index === undefined || least === undefined || index < least) return false;
    reached.set(slot, index);
    if (took !== undefined || taken.has(slot)) taken.set(slot, row.seq);
  }
  if (!closes || meta.keepsAll) return true;
  letGo(log, slot, step.walk);
  slotByOwner.delete(row.stream);
  return true;
}

function letGo({ vault }: LogState, slot: number, { reached, taken }: SlotWalk): void {
  vault.destroy(slot);
  reached.delete(slot);
  taken.delete(slot);
}

/** Hashes a slot's key forward, unless the log keeps all. */
export function moveKey({ crypto, vault, meta }: LogState, slot: number, index: number): void {
  if (meta.keepsAll) return;
  const key = heldKey({ crypto, vault }, slot, index);
  vault.advance(slot, index, key);
  crypto.wipe(key);
}

/** An event that does not fit. */
export function damaged(seq: number): StoreRefusal {
  return { code: 'STORE_CORRUPT', detail: `event ${seq} does not fit the chain`, seq };
}

function rolledBack(detail: string): StoreRefusal {
  return { code: 'STORE_ROLLED_BACK', detail: `the log was put back: ${detail}` };
}
