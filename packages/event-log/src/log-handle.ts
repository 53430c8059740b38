/** An open log as its owner holds it. */

import { invariant } from '@simsim/bytes';
import { genesisHash } from './chain.ts';
import { refresh } from './catch-up.ts';
import { commitBatch } from './commit-batch.ts';
import type { EventLog } from './event-log.ts';
import { flushLast, flushVault, isPutBack, lagOf } from './flush-vault.ts';
import { forgetEvents } from './forget.ts';
import {
  dataEntries,
  eventsOf,
  historyOf,
  inboxEntries,
  outboxEntries,
  sealedAt,
  sealedValue,
} from './log-reads.ts';
import type { LogState } from './log-state.ts';
import { namedValue, openRow } from './named-rows.ts';
import { pruneParts } from './prune.ts';
import { failStore } from './refusal.ts';

/** The methods over a log's state. */
export function logHandle(log: LogState): EventLog {
  return {
    logId: log.logId,
    rollback: log.rollback,
    ...reading(log),
    ...writing(log),
  };
}

type Writing = 'commit' | 'flush' | 'rotate' | 'prune' | 'forget' | 'close';

function checkOpen({ phase }: LogState): void {
  if (phase === 'failed') failStore('STORE_FAILED', 'open the log again');
  invariant(phase === 'open', 'the log is open');
}

function reading(log: LogState): Omit<EventLog, Writing | 'logId' | 'rollback'> {
  const { store, box } = log;
  return {
    tip: () => log.tip,
    head(stream) {
      refresh(log);
      const state = log.streams.get(stream);
      return state && { version: state.version, isClosed: state.isClosed };
    },
    link: (seq) => (seq === 0 ? genesisHash(log.crypto, log.logId) : store.event(seq)?.hash),
    sealedValue(stream) {
      checkOpen(log);
      refresh(log);
      return sealedValue(log, stream);
    },
    sealedAt(seq) {
      checkOpen(log);
      refresh(log);
      return sealedAt(log, seq);
    },
    record: (name) => namedValue(box, 'record', { name, find: (hash) => store.record(hash) }),
    recordNames: () => [...store.records()].map((row) => openRow(box, 'record', row).name),
    data: (key) => namedValue(box, 'data', { name: key, find: (hash) => store.data(hash) }),
    dataEntries: () => dataEntries(log),
    streamsWithPrefix(prefix) {
      refresh(log);
      return log.streams.live(prefix);
    },
    isSeen(digest) {
      refresh(log);
      return log.seen.has(log.seen.idOf(digest));
    },
    outbox: () => outboxEntries(log),
    inbox() {
      refresh(log);
      return inboxEntries(log);
    },
    lag: () => lagOf(log),
    rotationHindrance: () => log.vault.rotationHindrance(),
    events: (from = 1, to = log.tip.seq) => eventsOf(log, from, to),
    history(stream) {
      refresh(log);
      return historyOf(log, stream);
    },
  };
}

function writing(log: LogState): Pick<EventLog, Writing> {
  const { store, vault } = log;
  return {
    commit(batch) {
      checkOpen(log);
      return commitBatch(log, batch);
    },
    flush() {
      checkOpen(log);
      flushVault(log);
    },
    rotate() {
      checkOpen(log);
      vault.rotateMaster();
      log.isPoolDue = true;
    },
    prune(before) {
      checkOpen(log);
      return pruneParts(log, before);
    },
    forget(matches, scope = {}) {
      checkOpen(log);
      invariant(!isPutBack(log), 'a log that was put back forgets nothing before its next event');
      flushVault(log);
      return forgetEvents(log, matches, scope);
    },
    close() {
      if (log.phase === 'closed') return;
      try {
        if (log.phase === 'open') flushLast(log);
      } finally {
        log.phase = 'closed';
        log.streams.forget();
        log.queues.epochs.end();
        vault.close();
        store.close();
      }
    },
  };
}
