/** Reading at open which queue rows are pending, and telling a damaged row from a vault that was put back. */

import type { InboxRow } from './event-store.ts';
import { opensMail } from './inbox-epochs.ts';
import type { LogState } from './log-state.ts';
import { emptyQueues } from './queues.ts';
import type { StoreRefusal } from './refusal.ts';
import { readRowCounts } from './row-counts.ts';

/** What following the log since the vault's anchor has found out. */
export interface FreshEpochs {
  /** Epochs that began since then: mail under their keys must open. */
  readonly epochs: ReadonlySet<number>;
  /** A state opened under a key that was in the vault's pool then, so the whole pool is the right one. */
  readonly isPoolProven: boolean;
}

const NOTHING_FRESH: FreshEpochs = { epochs: new Set(), isPoolProven: true };

/**
 * Reads which rows are pending and destroys epochs of which none is. Bodies are left to whoever reads
 * them, but for those of fresh epochs, and where an epoch would be destroyed.
 *
 * Refuses: `VAULT_ROLLED_BACK`, `STORE_CORRUPT`; nothing was destroyed then.
 */
export function loadQueues(
  log: LogState,
  fresh: FreshEpochs = NOTHING_FRESH,
): StoreRefusal | undefined {
  const { crypto, store, vault } = log;
  const queues = emptyQueues(crypto, vault);
  for (const { post, slot, seq } of store.outbox()) {
    queues.outbox.restore(post, slot);
    queues.outboxOrder = seq;
  }
  const rows = [...store.inbox()].filter(({ slot }) => !log.lostMail.has(slot));
  const refusal = refusalOf(log, rows, fresh);
  if (refusal !== undefined) return refusal;
  for (const { id, slot, epoch } of rows) {
    queues.inbox.restore(id, slot);
    queues.epochByRow.set(slot, epoch);
    queues.epochs.addRow(epoch);
  }
  const pending = new Set(rows.map(({ epoch }) => epoch));
  const ended = liveEpochs(log).filter((epoch) => !pending.has(epoch));
  // A row that names another epoch than its own would take the key of its mail along.
  const damaged = ended.length === 0 ? undefined : rows.find((row) => !opensMail(log, row));
  if (damaged !== undefined) return damagedRow(damaged);
  for (const epoch of ended) vault.destroy(epoch);
  log.queues = queues;
  log.counts = readRowCounts(store);
  return undefined;
}

function refusalOf(
  log: LogState,
  rows: readonly InboxRow[],
  { epochs, isPoolProven }: FreshEpochs,
): StoreRefusal | undefined {
  for (const row of rows) {
    const { epoch } = row;
    const isHeld = log.vault.slot(epoch)?.use === 'epoch';
    if (isHeld && (!epochs.has(epoch) || opensMail(log, row))) continue;
    const isKeyRight = isHeld && (isPoolProven || isProven(log, rows, epoch));
    const isOfOther = liveEpochs(log).some((other) => opensMail(log, { ...row, epoch: other }));
    if (isKeyRight || isOfOther) return damagedRow(row);
    return { code: 'VAULT_ROLLED_BACK', detail: 'the key of unread mail is gone' };
  }
  return undefined;
}

/** Whether the key of an epoch opens any mail of it. */
function isProven(log: LogState, rows: readonly InboxRow[], epoch: number): boolean {
  return rows.some((row) => row.epoch === epoch && opensMail(log, row));
}

function liveEpochs({ vault }: LogState): number[] {
  const live = [...vault.liveSlots()].filter(({ use }) => use === 'epoch');
  return live.map(({ slot }) => slot);
}

function damagedRow({ slot }: InboxRow): StoreRefusal {
  return { code: 'STORE_CORRUPT', detail: `row ${slot} of the inbox does not open` };
}
