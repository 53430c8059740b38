/**
 * Bringing the vault up to the log: after a kill the vault is as of its anchor, the log may be
 * further. Walking the events since then says which slots were taken, how far each key has moved
 * and which were destroyed. One-way keys make this possible without ever storing an old one.
 */

import { equalBytes } from '@simsim/bytes';
import { linkOfRow } from './chain.ts';
import type { EventRow } from './event-store.ts';
import { createInboxEpochs } from './inbox-epochs.ts';
import { BATCH_EVENTS_MAX, LAG_EVENTS_MAX } from './limits.ts';
import type { LogState, Queues } from './log-state.ts';
import { openFacts } from './open-facts.ts';
import type { OpenedFacts } from './facts-envelope.ts';
import { createQueueSlots } from './queue-slots.ts';
import type { StoreRefusal } from './refusal.ts';
import { sealedIndex } from './sealed-part.ts';

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
  if (seq - anchor.seq > LAG_EVENTS_MAX + BATCH_EVENTS_MAX) {
    return { code: 'VAULT_ROLLED_BACK', detail: 'the vault is far behind the log' };
  }
  log.tip = { seq: anchor.seq, hash: anchor.hash };
  log.streamMax = anchor.streamMax;
  log.at = anchor.at;
  return followLog(log);
}

/** Follows the log from the tip in memory to the store's. */
export function followLog(log: LogState): StoreRefusal | undefined {
  const reached = new Map<number, number>();
  log.streams.forget();
  for (const row of log.store.events(log.tip.seq + 1, log.store.tip().seq)) {
    const refusal = followEvent(log, row, reached);
    if (refusal !== undefined) return refusal;
  }
  for (const [slot, index] of reached) moveKey(log, slot, index);
  log.streamMax = Math.max(log.streamMax, log.store.streamMax());
  refreshKeys(log);
  log.seen.reset();
  return loadQueues(log);
}

function followEvent(
  log: LogState,
  row: EventRow,
  reached: Map<number, number>,
): StoreRefusal | undefined {
  const hash = linkOfRow(log.crypto, log.tip.hash, row);
  const isNext = row.seq === log.tip.seq + 1;
  if (!isNext || hash === undefined || !equalBytes(hash, row.hash)) return damaged(row.seq);
  const facts = openFacts(log.box, row);
  if (facts === undefined) return damaged(row.seq);
  followYoung(log, row, facts);
  if (!followSlots(log, row, { facts, reached })) {
    return { code: 'VAULT_ROLLED_BACK', detail: 'the vault contradicts the log', seq: row.seq };
  }
  log.tip = { seq: row.seq, hash };
  log.at = row.at;
  return undefined;
}

/** Knows a stream that began after the last flush, as far as the store has no row of it. */
function followYoung(log: LogState, row: EventRow, facts: OpenedFacts): void {
  const { streams, store } = log;
  const { stream: id, version, seq } = row;
  log.streamMax = Math.max(log.streamMax, id);
  const isBorn = facts.name !== undefined && store.streamById(id) === undefined;
  const name = isBorn ? facts.name : streams.youngById(id)?.name;
  if (name === undefined) return;
  const before = streams.youngById(id);
  streams.set({
    name,
    id,
    version,
    seq,
    sealed: row.sealed === undefined ? (before?.sealed ?? 0) : seq,
    isClosed: facts.closes,
    isYoung: true,
    slot: facts.slot ?? before?.slot,
    index: -1,
    next: undefined,
  });
}

/** Young streams take their keys from where the vault stands now. */
function refreshKeys({ streams, vault }: LogState): void {
  for (const state of streams.young()) {
    const held = state.slot === undefined || state.isClosed ? undefined : vault.slot(state.slot);
    streams.set({ ...state, index: held?.index ?? -1 });
  }
}

/** Applies one event to the vault's slots; false where the slots are not as they must be. */
function followSlots(
  log: LogState,
  row: EventRow,
  step: { readonly facts: OpenedFacts; readonly reached: Map<number, number> },
): boolean {
  const { vault } = log;
  const { facts, reached } = step;
  const taken = facts.slot === undefined ? facts.epochs : [facts.slot, ...facts.epochs];
  if (taken.some((slot) => vault.slot(slot)?.use !== 'free')) return false;
  if (facts.slot !== undefined) vault.assign(facts.slot, 'stream', row.stream);
  for (const slot of facts.epochs) vault.assign(slot, 'epoch', 0);
  const isSealed = row.sealed !== undefined;
  if (!isSealed && !facts.closes) return true;
  const slot =
    facts.slot ?? (log.streams.youngById(row.stream) ?? log.store.streamById(row.stream))?.slot;
  if (slot === undefined) return !isSealed;
  const held = vault.slot(slot);
  if (held?.use !== 'stream' || held.owner !== row.stream) return false;
  if (row.sealed !== undefined) {
    const index = sealedIndex(row.sealed);
    if (index === undefined || index < (reached.get(slot) ?? held.index)) return false;
    reached.set(slot, index);
  }
  if (facts.closes) {
    vault.destroy(slot);
    reached.delete(slot);
  }
  return true;
}

function moveKey({ crypto, vault }: LogState, slot: number, index: number): void {
  let at = vault.slot(slot)?.index ?? index;
  let key = vault.key(slot);
  for (; at < index; at++) {
    const [next, sealKey] = crypto.sealStep(key);
    crypto.wipe(key);
    crypto.wipe(sealKey);
    key = next;
  }
  vault.advance(slot, index, key);
  crypto.wipe(key);
}

/** Reads which rows are pending and destroys epochs of which none is. */
function loadQueues(log: LogState): StoreRefusal | undefined {
  const { crypto, store, vault } = log;
  const queues: Queues = {
    outbox: createQueueSlots(),
    inbox: createQueueSlots(),
    outboxOrder: 0,
    epochByRow: new Map(),
    epochs: createInboxEpochs(crypto, vault),
  };
  for (const { post, slot, seq } of store.outbox()) {
    queues.outbox.restore(post, slot);
    queues.outboxOrder = seq;
  }
  for (const { id, slot, epoch } of store.inbox()) {
    if (vault.slot(epoch)?.use !== 'epoch') {
      return { code: 'VAULT_ROLLED_BACK', detail: 'the key of unread mail is gone' };
    }
    queues.inbox.restore(id, slot);
    queues.epochByRow.set(slot, epoch);
    queues.epochs.addRow(epoch);
  }
  const pending = new Set(queues.epochByRow.values());
  for (const { slot, use } of vault.liveSlots()) {
    if (use === 'epoch' && !pending.has(slot)) vault.destroy(slot);
  }
  log.queues = queues;
  return undefined;
}

function damaged(seq: number): StoreRefusal {
  return { code: 'STORE_CORRUPT', detail: `event ${seq} does not fit the chain`, seq };
}

function rolledBack(detail: string): StoreRefusal {
  return { code: 'STORE_ROLLED_BACK', detail: `the log was put back: ${detail}` };
}
