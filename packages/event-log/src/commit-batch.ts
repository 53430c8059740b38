/** The commit of an open log: stage, store, adopt. */

import { encodeUtf8, err, invariant, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { alone, followOthers } from './catch-up.ts';
import type { Committed, CommitRefusal, DraftEvent, LogBatch } from './event-log.ts';
import type { CommitAnswer } from './event-store.ts';
import { flushVault, lagOf } from './flush-vault.ts';
import {
  BATCH_EVENTS_MAX,
  EPOCH_ROWS_MAX,
  FACTS_BYTES_MAX,
  LAG_EVENTS_MAX,
  NAME_BYTES_MAX,
  POOL_MIN_DEFAULT,
  SEEN_PER_EVENT_MAX,
  VALUE_BYTES_MAX,
} from './limits.ts';
import { orFail } from './log-state.ts';
import type { LogState } from './log-state.ts';
import { failStore } from './refusal.ts';
import { dropStreams, stageBatch, takesSlot } from './stage-batch.ts';
import type { StagedBatch } from './stage-batch.ts';
import { dropQueues } from './stage-queues.ts';

/** Commits one batch; see EventLog.commit. */
export function commitBatch(log: LogState, batch: LogBatch): Result<Committed, CommitRefusal> {
  checkLimits(batch);
  // The flush that was due failed, or a kill came before it: once more, and no vault could follow.
  if (lagOf(log) >= LAG_EVENTS_MAX) flushVault(log);
  const rekeysMax = fillPool(log, batch);
  const result = alone(log, () => {
    const answer = commitOnce(log, batch, rekeysMax);
    // Others let go of an epoch that has no row, so none of several owners keeps one for a next batch.
    if (log.isShared) log.queues.epochs.end();
    return answer;
  });
  if (result.ok && lagOf(log) >= LAG_EVENTS_MAX) flushVault(log);
  return result;
}

function commitOnce(
  log: LogState,
  batch: LogBatch,
  rekeysMax: number,
): Result<Committed, CommitRefusal> {
  if (log.isMoved) return moved(log);
  const staged = stageBatch(log, batch, rekeysMax);
  if (!staged.ok) return staged;
  log.chaos?.at('commit:before');
  const answer = storeOrFail(log, staged.value);
  if (answer.kind === 'moved') {
    dropBatch(log, staged.value);
    followOthers(log);
    return moved(log);
  }
  log.chaos?.at('commit:after');
  const seqFirst = log.tip.seq + 1;
  adoptBatch(log, staged.value, batch);
  return ok({ seqFirst, seqLast: log.tip.seq });
}

/** Tells once that others wrote. */
function moved(log: LogState): Result<Committed, CommitRefusal> {
  log.isMoved = false;
  return err({ code: 'MOVED', tip: log.tip });
}

function storeOrFail(log: LogState, staged: StagedBatch): CommitAnswer {
  let answer: CommitAnswer | undefined;
  try {
    answer = orFail(log, 'STORE_FAILED', () => log.store.commit(staged.change));
    return answer;
  } finally {
    if (answer === undefined) dropBatch(log, staged);
  }
}

function adoptBatch(log: LogState, staged: StagedBatch, batch: LogBatch): void {
  adoptStreams(log, staged);
  adoptQueues(log, staged);
  if (staged.seen !== undefined) log.seen.adopt(staged.seen);
  if (staged.change.events.length > 0) log.lostMail.clear();
  log.tip = staged.tip;
  log.streamMax = staged.streamMax;
  log.counts = staged.counts;
  log.at = batch.at;
}

function adoptStreams(log: LogState, { streams }: StagedBatch): void {
  const { crypto, vault, meta } = log;
  for (const { before, state, tookSlot, key, spent } of streams.values()) {
    const { slot, isClosed } = state;
    if (tookSlot && slot !== undefined) {
      vault.assign(slot, { use: 'stream', owner: state.id, index: (before?.index ?? -1) + 1 });
      if (before?.slot !== undefined) vault.destroy(before.slot);
      if (before?.next !== undefined) crypto.wipe(before.next);
    }
    const isKept = meta.keepsAll || log.sabotage.keepsOldKeys === true;
    if (key !== undefined && slot !== undefined && !isKept) vault.advance(slot, state.index, key);
    for (const secret of spent) crypto.wipe(secret);
    if (key !== undefined) crypto.wipe(key);
    if (isClosed && state.next !== undefined) crypto.wipe(state.next);
    if (isClosed && slot !== undefined && !meta.keepsAll) vault.destroy(slot);
    log.streams.set(isClosed ? { ...state, next: undefined } : state);
  }
}

function adoptQueues(log: LogState, { queues, epochs: staged }: StagedBatch): void {
  const { epochs, epochByRow } = log.queues;
  if (queues.change.outbox.length > 0) log.queues.outboxOrder = queues.outboxOrder;
  const gone = queues.inboxFreed.flatMap(({ slot }) => epochByRow.get(slot) ?? []);
  for (const { slot } of queues.inboxFreed) epochByRow.delete(slot);
  for (const { slot, epoch } of queues.change.inbox) {
    epochByRow.set(slot, epoch);
    epochs.addRow(epoch);
  }
  epochs.adopt(staged);
  for (const epoch of gone) epochs.removeRow(epoch);
}

function dropBatch(log: LogState, staged: StagedBatch): void {
  dropStreams(log, staged.streams);
  log.queues.epochs.drop(staged.epochs);
  dropQueues(log, staged.queues);
}

/**
 * Makes sure that no stream or epoch of the batch has to wait for the vault. Answers how many streams that
 * have a slot may take another: in a vault that is nearly full not all of them at once.
 */
function fillPool(log: LogState, batch: LogBatch): number {
  const mails = batch.inboxPut?.length ?? 0;
  invariant(mails === 0 || batch.events.length > 0, 'mail enters with the event that received it');
  const epochs = mails === 0 ? 0 : Math.ceil(mails / EPOCH_ROWS_MAX) + 1;
  if (log.vault.poolSize() >= batch.events.length + epochs) return batch.events.length;
  // A flush may make the pool afresh; then streams that had a slot take another one, too.
  for (let flushes = 0; ; flushes++) {
    const { first, another } = streamsTakingSlots(log, batch);
    const spare = log.vault.poolSize() - epochs - first;
    if (spare >= another) return another;
    if (flushes < 2) flushVault(log, Math.max(epochs + first + another, POOL_MIN_DEFAULT));
    else return spare >= 0 ? spare : failStore('VAULT_FAILED', VAULT_FULL);
  }
}

const VAULT_FULL =
  'the vault holds as many live streams as it can; forget users or sessions that are not needed';

/** How many streams take their first slot, and how many another one. */
function streamsTakingSlots(
  log: LogState,
  { events }: LogBatch,
): { readonly first: number; readonly another: number } {
  const first = new Set<string>();
  const another = new Set<string>();
  for (const draft of events) {
    const state = log.streams.get(draft.stream) ?? { slot: undefined, rekeying: 0 };
    if (!takesSlot(log, state, draft)) continue;
    (state.slot === undefined ? first : another).add(draft.stream);
  }
  return { first: first.size, another: another.size };
}

function checkLimits(batch: LogBatch): void {
  invariant(batch.events.length <= BATCH_EVENTS_MAX, 'a batch has a bounded number of events');
  invariant((batch.inboxPut?.length ?? 0) <= BATCH_EVENTS_MAX, 'and of mails');
  batch.events.forEach(checkDraft);
  for (const { name, value } of batch.records ?? []) checkNamed(name, value);
  for (const { key, value } of batch.data ?? []) checkNamed(key, value);
  for (const { post, body } of batch.outboxPut ?? []) checkQueued(post, body);
  for (const { id, body } of batch.inboxPut ?? []) checkQueued(id, body);
}

function checkDraft({ stream, type, schema, facts, seen }: DraftEvent): void {
  checkName(stream);
  invariant(Number.isInteger(type) && type >= 1 && type <= 0xffff, 'an event type is a u16');
  invariant(Number.isInteger(schema) && schema >= 1 && schema <= 0xff, 'a schema is a u8');
  invariant(facts.length <= FACTS_BYTES_MAX, 'facts are bounded');
  invariant((seen?.length ?? 0) <= SEEN_PER_EVENT_MAX, 'digests of an event are bounded');
}

function checkNamed(name: string, value: Uint8Array | undefined): void {
  checkName(name);
  invariant((value?.length ?? 0) <= VALUE_BYTES_MAX, 'values are bounded');
}

/** Half of a pair would come back as another character, and two such names would be one. */
const HALF_CHARACTER = /\p{Surrogate}/u;

function checkName(name: string): void {
  const isShort = name.length <= NAME_BYTES_MAX / 3 || encodeUtf8(name).length <= NAME_BYTES_MAX;
  invariant(isShort, 'names are bounded');
  invariant(!HALF_CHARACTER.test(name), 'names are whole text');
}

function checkQueued(id: Uint8Array, body: Uint8Array): void {
  invariant(id.length === 16 && id.some((byte) => byte !== 0), 'queue ids are 16 bytes, not zero');
  invariant(body.length <= VALUE_BYTES_MAX, 'queue bodies are bounded');
}
