/** The commit of an open log: stage, store, adopt. */

import { encodeUtf8, equalBytes, err, invariant, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Committed, CommitRefusal, DraftEvent, LogBatch } from './event-log.ts';
import type { CommitAnswer } from './event-store.ts';
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
import type { LogState } from './log-state.ts';
import { failStore } from './refusal.ts';
import { followLog } from './recover.ts';
import { dropStreams, stageBatch, takesSlot } from './stage-batch.ts';
import type { StagedBatch } from './stage-batch.ts';
import { registerStreams } from './stream-rows.ts';
import { dropQueues } from './stage-queues.ts';

/** Registrations tried again when another process moved the log's tip in between. */
const MOVES_MAX = 5;

/** Commits one batch; see EventLog.commit. */
export function commitBatch(log: LogState, batch: LogBatch): Result<Committed, CommitRefusal> {
  checkLimits(batch);
  fillPool(log, batch);
  const staged = stageBatch(log, batch);
  if (!staged.ok) return staged;
  log.chaos?.at('commit:before');
  const answer = storeOrFail(log, staged.value);
  if (answer.kind === 'moved') {
    dropBatch(log, staged.value);
    follow(log);
    return err({ code: 'MOVED', tip: log.tip });
  }
  log.chaos?.at('commit:after');
  const seqFirst = log.tip.seq + 1;
  adoptBatch(log, staged.value, batch);
  if (lagOf(log) >= LAG_EVENTS_MAX) flushVault(log);
  return ok({ seqFirst, seqLast: log.tip.seq });
}

/**
 * Events the vault has not followed yet. A log that was put back is taken as it is with its first
 * commit, however few events it has.
 */
export function lagOf({ tip, vault, rollback }: LogState): number {
  const anchor = vault.anchor();
  const isPutBack = rollback !== undefined && equalBytes(anchor.hash, rollback.seen.hash);
  return isPutBack ? LAG_EVENTS_MAX : tip.seq - anchor.seq;
}

/**
 * Makes the vault follow; `poolMin` slots are ready afterwards. Streams that began since the last
 * flush get their rows first: whoever reads the log finds younger ones in the events after the
 * vault's anchor.
 */
export function flushVault(log: LogState, poolMin: number = POOL_MIN_DEFAULT): void {
  const { vault, rollback } = log;
  if (rollback !== undefined && log.tip.seq === rollback.found.seq) {
    // Nothing was committed that says so yet: what the vault has seen must stay the evidence.
    orFail(log, 'VAULT_FAILED', () => vault.flush(vault.anchor(), poolMin));
    return;
  }
  registerYoung(log);
  if (log.sabotage.keepsOneEpoch !== true) log.queues.epochs.end();
  const { tip, streamMax, at } = log;
  const anchor = { seq: tip.seq, hash: tip.hash, streamMax, at };
  if (anchor.seq < vault.anchor().seq) vault.rebase(anchor);
  if (log.isPoolDue) vault.refreshPool();
  orFail(log, 'VAULT_FAILED', () => vault.flush(anchor, poolMin));
  if (log.isPoolDue) log.rekeying++;
  log.isPoolDue = false;
}

function registerYoung(log: LogState): void {
  for (let tries = 0; !orFail(log, 'STORE_FAILED', () => registerStreams(log)); tries++) {
    invariant(tries < MOVES_MAX, 'the log moved under a flush again and again');
    follow(log);
  }
  log.chaos?.at('register:after');
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

/** Whether a write lasted that failed is unknown, so nothing more may be sealed from memory. */
function orFail<T>(log: LogState, code: 'STORE_FAILED' | 'VAULT_FAILED', write: () => T): T {
  try {
    return write();
  } catch (cause) {
    log.phase = 'failed';
    return failStore(code, cause instanceof Error ? cause.message : 'unknown', cause);
  }
}

function adoptBatch(log: LogState, staged: StagedBatch, batch: LogBatch): void {
  adoptStreams(log, staged);
  adoptQueues(log, staged);
  if (staged.seen !== undefined) log.seen.adopt(staged.seen);
  log.tip = staged.tip;
  log.streamMax = staged.streamMax;
  log.at = batch.at;
}

function adoptStreams(log: LogState, { streams }: StagedBatch): void {
  const { crypto, vault, meta } = log;
  for (const { before, state, tookSlot, key, spent } of streams.values()) {
    const { slot, isClosed } = state;
    if (tookSlot && slot !== undefined) {
      vault.assign(slot, 'stream', state.id, (before?.index ?? -1) + 1);
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

/** Somebody else wrote: reads what they wrote and forgets what was kept. */
function follow(log: LogState): void {
  const refusal = followLog(log);
  if (refusal === undefined) return;
  log.phase = 'failed';
  failStore(refusal.code, refusal.detail);
}

/** Makes sure that no stream or epoch of the batch has to wait for the vault. */
function fillPool(log: LogState, batch: LogBatch): void {
  const mails = batch.inboxPut?.length ?? 0;
  invariant(mails === 0 || batch.events.length > 0, 'mail enters with the event that received it');
  const epochs = mails === 0 ? 0 : Math.ceil(mails / EPOCH_ROWS_MAX) + 1;
  if (log.vault.poolSize() >= batch.events.length + epochs) return;
  const names = new Set<string>();
  for (const draft of batch.events) {
    const state = log.streams.get(draft.stream) ?? { slot: undefined, rekeying: 0 };
    if (takesSlot(log, state, draft)) names.add(draft.stream);
  }
  const needed = names.size + epochs;
  if (log.vault.poolSize() < needed) flushVault(log, Math.max(needed, POOL_MIN_DEFAULT));
}

function checkLimits(batch: LogBatch): void {
  invariant(batch.events.length <= BATCH_EVENTS_MAX, 'a batch has a bounded number of events');
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

function checkName(name: string): void {
  const isShort = name.length <= NAME_BYTES_MAX / 3 || encodeUtf8(name).length <= NAME_BYTES_MAX;
  invariant(isShort, 'names are bounded');
}

function checkQueued(id: Uint8Array, body: Uint8Array): void {
  invariant(id.length === 16 && id.some((byte) => byte !== 0), 'queue ids are 16 bytes, not zero');
  invariant(body.length <= VALUE_BYTES_MAX, 'queue bodies are bounded');
}
