/**
 * Opening a log that was put back, or whose vault was: what can still be opened goes on, what cannot
 * is named. Nothing here lasts before the first commit and flush, so a kill in between finds the
 * same again.
 */

import { genesisHash } from './chain.ts';
import type { RollbackReport } from './event-log.ts';
import { opensMail } from './inbox-epochs.ts';
import { UNFLUSHED_EVENTS_MAX } from './limits.ts';
import type { LogState } from './log-state.ts';
import { loadQueues } from './load-queues.ts';
import { damaged, followRow, moveKey, refreshKeys, slotsByOwner } from './recover.ts';
import type { StoreRefusal } from './refusal.ts';
import { opensState } from './open-state.ts';
import { sealedIndex } from './sealed-part.ts';
import { openName } from './stream-label.ts';
import { lastIndex } from './stream-states.ts';

/** The slot a stream took, and which of its keys it was filled with. */
interface Taking {
  readonly slot: number;
  readonly index: number;
}

/** A live stream with a sealed state. */
interface LiveStream {
  readonly id: number;
  readonly name: string;
  /** `seq` of its last sealed part. */
  readonly sealed: number;
}

/**
 * Makes the log usable as it was found. Answers a refusal where the events themselves are damaged.
 */
export function acceptRollback(
  log: LogState,
  kind: RollbackReport['kind'],
): StoreRefusal | undefined {
  const { store, vault } = log;
  const anchor = vault.anchor();
  const found = store.tip();
  const takings = walkEvents(log, kind === 'vault' ? anchor.seq : found.seq - UNFLUSHED_EVENTS_MAX);
  if ('code' in takings) return takings;
  log.streamMax = Math.max(log.streamMax, store.streamMax());
  const lostStreams = reconcile(log, takings);
  refreshKeys(log);
  log.seen.reset();
  for (const slot of lostMailSlots(log)) log.lostMail.add(slot);
  const { seq, hash } = log.tip;
  log.rollback = {
    kind,
    seen: { seq: anchor.seq, hash: anchor.hash },
    found: { seq, hash },
    lostStreams,
    lostMail: log.lostMail.size,
  };
  return loadQueues(log);
}

/** Follows the last events for streams without rows; answers who took which slot in them. */
function walkEvents(log: LogState, after: number): Map<number, Taking> | StoreRefusal {
  const { store, crypto, logId } = log;
  const start = Math.max(after, 0);
  const hash = start === 0 ? genesisHash(crypto, logId) : store.event(start)?.hash;
  if (hash === undefined) return damaged(start);
  log.streams.forget();
  log.streamMax = 0;
  log.tip = { seq: start, hash };
  const takings = new Map<number, Taking>();
  for (const row of store.events(start + 1, store.tip().seq)) {
    const facts = followRow(log, row);
    if (facts === undefined) return damaged(row.seq);
    const index = (row.sealed && sealedIndex(row.sealed)) ?? 0;
    if (facts.slot !== undefined) takings.set(row.stream, { slot: facts.slot, index });
  }
  return takings;
}

/** Gives every live stream the slot that opens its state; names those for which there is none. */
function reconcile(log: LogState, takings: ReadonlyMap<number, Taking>): string[] {
  const { vault, store } = log;
  const slotByOwner = slotsByOwner(log);
  const lost: string[] = [];
  for (const { id, name, sealed } of liveStreams(log)) {
    const taking = takings.get(id);
    const index = lastIndex(store, sealed);
    const candidates = [slotByOwner.get(id), taking?.slot].filter((slot) => slot !== undefined);
    const slot = candidates.find((candidate) => canOpen(log, candidate, { id, sealed, taking }));
    if (slot === undefined) {
      lost.push(name);
      continue;
    }
    if (vault.slot(slot)?.use === 'free')
      vault.assign(slot, { use: 'stream', owner: id, ...(taking && { index: taking.index }) });
    moveKey(log, slot, index);
    if (slotByOwner.get(id) === slot) slotByOwner.delete(id);
  }
  for (const slot of slotByOwner.values()) vault.destroy(slot);
  return lost;
}

/** Whether a slot's key, hashed forward, opens the stream's last state. */
function canOpen(
  log: LogState,
  slot: number,
  stream: {
    readonly id: number;
    readonly sealed: number;
    readonly taking: Taking | undefined;
  },
): boolean {
  const { id, sealed, taking } = stream;
  const held = log.vault.slot(slot);
  const index = lastIndex(log.store, sealed);
  const isOwn = held?.use === 'stream' && held.owner === id;
  if (held === undefined || (!isOwn && held.use !== 'free')) return false;
  // The key of a free slot is the one with which the taking of it began to count.
  const steps = index - (isOwn ? held.index : (taking?.index ?? 0));
  if (steps < 0 || steps > UNFLUSHED_EVENTS_MAX) return false;
  return opensState(log, sealed, { slot, index: held.index + steps });
}

function liveStreams(log: LogState): LiveStream[] {
  const { store, box } = log;
  const live: LiveStream[] = [];
  for (const { stream: id, sealed, state } of store.heads()) {
    if (log.streams.aheadById(id) !== undefined) continue;
    const row = state === 0 && sealed > 0 ? store.streamById(id) : undefined;
    const name = row && openName(box, row);
    if (name !== undefined) live.push({ id, name, sealed });
  }
  for (const { id, name, sealed, isClosed } of log.streams.ahead()) {
    if (!isClosed && sealed > 0) live.push({ id, name, sealed });
  }
  return live;
}

/** The rows of mail that nothing opens any more; the first commit with an event frees them. */
function lostMailSlots(log: LogState): number[] {
  const { store, vault } = log;
  const lost: number[] = [];
  for (const row of store.inbox()) {
    const isEpoch = vault.slot(row.epoch)?.use === 'epoch';
    if (!isEpoch || !opensMail(log, row)) lost.push(row.slot);
  }
  return lost;
}

/** Whether a refusal says that something was put back, rather than damaged. */
export function isRollback(refusal: StoreRefusal): RollbackReport['kind'] | undefined {
  if (refusal.code === 'STORE_ROLLED_BACK') return 'log';
  return refusal.code === 'VAULT_ROLLED_BACK' ? 'vault' : undefined;
}
