/** Creating and opening event logs. */

import { decodeUtf8, equalBytes, err, invariant, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { genesisHash } from './chain.ts';
import type { Chaos } from './chaos.ts';
import { commitBatch, flushVault, lagOf } from './commit-batch.ts';
import type { EventLog, InboxEntry, LogEvent, OutboxEntry } from './event-log.ts';
import { NO_CHANGE } from './event-store.ts';
import type { EventStore, StreamRow } from './event-store.ts';
import { createInboxEpochs, epochKey, openMail } from './inbox-epochs.ts';
import { SEEN_MS_DEFAULT } from './limits.ts';
import { encodeLogMeta, hasLog, readLogMeta } from './log-meta.ts';
import type { LogMeta } from './log-meta.ts';
import type { LogSabotage, LogState } from './log-state.ts';
import { createMetadataBox } from './metadata-box.ts';
import { createNoncePool } from './nonce-pool.ts';
import { labelPlace } from './open-facts.ts';
import { createQueueSlots } from './queue-slots.ts';
import { acceptRollback, isRollback } from './accept-rollback.ts';
import { recoverLog } from './recover.ts';
import { forgetEvents } from './forget.ts';
import { pruneParts } from './prune.ts';
import { failStore } from './refusal.ts';
import type { StoreRefusal } from './refusal.ts';
import { openState } from './open-state.ts';
import type { HeldPart } from './open-state.ts';
import { sealedIndex } from './sealed-part.ts';
import { createSeenLog } from './seen-log.ts';
import { createStreamStates } from './stream-states.ts';
import { createTimeline } from './timeline.ts';
import type { Vault } from './vault.ts';

/** What a log is made of. The log owns store and vault from here on. */
export interface LogParts {
  readonly store: EventStore;
  readonly vault: Vault;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
}

/** What is decided when a log is created, what when it is opened, and test-only seams. */
export interface LogOptions {
  /** How long received digests are remembered, ms; fixed at creation. Default 45 days. */
  readonly seenMs?: number;
  /** Whether facts and stream names are encrypted; fixed at creation. Default `sealed`. */
  readonly metadata?: LogMeta['metadata'];
  /**
   * Keeps every key for ever, so that replay can open every sealed state there ever was: for tests and
   * debugging. Fixed at creation; the second name says what it costs.
   */
  readonly keepAll?: { readonly iKnowThisDisablesForwardSecrecy: true };
  /**
   * What to do with a log that was put back, or whose vault was: `refuse` (default), or `accept` it as
   * it is and say so in {@link EventLog.rollback}.
   */
  readonly onRollback?: 'refuse' | 'accept';
  readonly chaos?: Chaos;
  readonly sabotage?: LogSabotage;
}

/** Makes a log in an empty store. Refuses with `STORE_EXISTS` where there is one. */
export function createEventLog(
  parts: LogParts,
  options: LogOptions = {},
): Result<EventLog, StoreRefusal> {
  const { store, vault } = parts;
  if (hasLog(store)) {
    return err({ code: 'STORE_EXISTS', detail: 'the store holds a log already' });
  }
  const meta: LogMeta = {
    logId: vault.logId,
    seenMs: options.seenMs ?? SEEN_MS_DEFAULT,
    metadata: options.metadata ?? 'sealed',
    keepsAll: options.keepAll !== undefined,
  };
  const answer = store.commit({
    ...NO_CHANGE,
    expectedTip: store.tip(),
    meta: encodeLogMeta(meta),
  });
  invariant(answer.kind === 'committed', 'an empty store has the empty tip');
  return openEventLog(parts, options);
}

/**
 * Opens a log and brings its vault up to it.
 *
 * Refuses: `STORE_MISSING` (never created), `STORE_TOO_NEW`, `STORE_CORRUPT`, `STORE_ROLLED_BACK`,
 * `VAULT_MISMATCH`, `VAULT_ROLLED_BACK`. Cost: the pending queues and the events since the last
 * flush, whatever the length of the history.
 */
export function openEventLog(
  parts: LogParts,
  options: LogOptions = {},
): Result<EventLog, StoreRefusal> {
  const settings = readSettings(parts);
  if (!settings.ok) return settings;
  const log = logState(parts, options, settings.value);
  const refusal = settleLog(log, options.onRollback ?? 'refuse');
  return refusal === undefined ? ok(eventLog(log)) : err(refusal);
}

function settleLog(log: LogState, onRollback: 'refuse' | 'accept'): StoreRefusal | undefined {
  const refusal = recoverLog(log);
  const kind = refusal && isRollback(refusal);
  return kind === undefined || onRollback === 'refuse' ? refusal : acceptRollback(log, kind);
}

function readSettings({ store, vault }: LogParts): Result<LogMeta, StoreRefusal> {
  const meta = readLogMeta(store, 'write');
  if (!meta.ok || equalBytes(meta.value.logId, vault.logId)) return meta;
  return err({ code: 'VAULT_MISMATCH', detail: 'the vault belongs to another log' });
}

function logState(parts: LogParts, options: LogOptions, meta: LogMeta): LogState {
  const { crypto, store, vault, entropy } = parts;
  const { logId, keys } = vault;
  const { seenMs, metadata, keepsAll } = meta;
  const nonces = createNoncePool(entropy);
  const box = createMetadataBox({ crypto, keys, logId, nonces, metadata });
  return {
    crypto,
    store,
    vault,
    meta,
    logId,
    box,
    nonces,
    streams: createStreamStates({ crypto, store, vault, box, keepsAll }),
    seen: createSeenLog({ crypto, store, box, keys, seenMs }),
    chaos: options.chaos,
    sabotage: options.sabotage ?? {},
    queues: {
      outbox: createQueueSlots(),
      inbox: createQueueSlots(),
      outboxOrder: 0,
      epochByRow: new Map(),
      epochs: createInboxEpochs(crypto, vault),
    },
    tip: { seq: 0, hash: genesisHash(crypto, logId) },
    streamMax: 0,
    at: 0,
    rekeying: 0,
    isPoolDue: true,
    phase: 'open',
    rollback: undefined,
  };
}

function eventLog(log: LogState): EventLog {
  const { store, vault, box } = log;
  const checkOpen = (): void => {
    if (log.phase === 'failed') failStore('STORE_FAILED', 'open the log again');
    invariant(log.phase === 'open', 'the log is open');
  };
  return {
    logId: log.logId,
    rollback: log.rollback,
    tip: () => log.tip,
    head(stream) {
      const state = log.streams.get(stream);
      return state && { version: state.version, isClosed: state.isClosed };
    },
    link: (seq) => (seq === 0 ? genesisHash(log.crypto, log.logId) : store.event(seq)?.hash),
    sealedValue(stream) {
      checkOpen();
      return sealedValue(log, stream);
    },
    sealedAt(seq) {
      checkOpen();
      return sealedAt(log, seq);
    },
    record(name) {
      const hash = box.nameHash('record', name);
      const value = store.record(hash);
      return value && box.openNamed('record', hash, value)?.value;
    },
    recordNames: () =>
      [...store.records()].flatMap(
        ({ name, value }) => box.openNamed('record', name, value)?.name ?? [],
      ),
    data(key) {
      const hash = box.nameHash('data', key);
      const value = store.data(hash);
      return value && box.openNamed('data', hash, value)?.value;
    },
    dataEntries: () => dataEntries(log),
    streamsWithPrefix: (prefix) => streamsWithPrefix(log, prefix),
    isSeen: (digest) => log.seen.has(log.seen.idOf(digest)),
    outbox: () => outboxEntries(log),
    inbox: () => inboxEntries(log),
    commit(batch) {
      checkOpen();
      return commitBatch(log, batch);
    },
    flush() {
      checkOpen();
      flushVault(log);
    },
    lag: () => lagOf(log),
    events: (from = 1, to = log.tip.seq) => eventsOf(log, from, to),
    prune(before) {
      checkOpen();
      return pruneParts(log, before);
    },
    forget(matches) {
      checkOpen();
      flushVault(log);
      return forgetEvents(log, matches);
    },
    close() {
      if (log.phase === 'closed') return;
      try {
        if (log.phase === 'open') flushVault(log);
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

function sealedValue(log: LogState, stream: string): Uint8Array | undefined {
  const state = log.streams.get(stream);
  if (state === undefined || state.isClosed || state.sealed === 0) return undefined;
  // Only a log or a vault that was put back leaves a stream without the slot of its state.
  if (state.slot === undefined && log.rollback !== undefined) return undefined;
  invariant(state.slot !== undefined, 'a sealing stream has a slot');
  return openEvent(log, state.sealed, { slot: state.slot, index: state.index });
}

function sealedAt(log: LogState, seq: number): Uint8Array | undefined {
  const row = log.store.event(seq);
  const index = row?.sealed && sealedIndex(row.sealed);
  const slot = row && slotOf(log, row.stream);
  const held = slot === undefined ? undefined : log.vault.slot(slot);
  if (slot === undefined || index === undefined || held?.use !== 'stream') return undefined;
  if (held.owner !== row?.stream || index < held.index) return undefined;
  return openEvent(log, seq, { slot, index });
}

function slotOf(log: LogState, streamId: number): number | undefined {
  const young = log.streams.youngById(streamId);
  return young === undefined ? log.store.streamById(streamId)?.slot : young.slot;
}

function openEvent(log: LogState, seq: number, held: HeldPart): Uint8Array {
  const value = openState(log, seq, held);
  if (value === undefined) {
    failStore('STORE_CORRUPT', `the sealed part of event ${seq} does not open`);
  }
  return value;
}

function* dataEntries({ store, box }: LogState): Iterable<{ key: string; value: Uint8Array }> {
  for (const { name, value } of store.dataRows()) {
    const entry = box.openNamed('data', name, value);
    if (entry === undefined) failStore('STORE_CORRUPT', 'a data row does not open');
    yield { key: entry.name, value: entry.value };
  }
}

function streamsWithPrefix(log: LogState, prefix: string): string[] {
  const young = log.streams.young().filter(({ isClosed }) => !isClosed);
  return [...registeredStreams(log), ...young]
    .sort((a, b) => a.id - b.id)
    .flatMap(({ name }) => (name.startsWith(prefix) ? [name] : []));
}

function registeredStreams({ store, vault, box }: LogState): { id: number; name: string }[] {
  const rows: StreamRow[] = [...store.publicStreams()];
  for (const { use, owner } of vault.liveSlots()) {
    const row = use === 'stream' ? store.streamById(owner) : undefined;
    if (row !== undefined) rows.push(row);
  }
  return rows
    .filter(({ id }) => store.head(id)?.state === 0)
    .flatMap(({ id, label }) => {
      const opened = box.open('label', labelPlace(id), label);
      const name = opened && decodeUtf8(opened);
      return name === undefined ? [] : [{ id, name }];
    });
}

function outboxEntries({ store, box }: LogState): OutboxEntry[] {
  return [...store.outbox()].map(({ post, body, tries, due }) => {
    const opened = box.open('outbox', post, body);
    if (opened === undefined) failStore('STORE_CORRUPT', 'an outbox row does not open');
    return { post, body: opened, tries, due };
  });
}

function inboxEntries({ crypto, store, vault, logId }: LogState): InboxEntry[] {
  return [...store.inbox()].map(({ id, seq, epoch, body }) => {
    const key = epochKey(crypto, vault, epoch);
    const opened = openMail(crypto, { key, place: { logId, epoch, seq, id }, box: body });
    crypto.wipe(key);
    if (opened === undefined) failStore('STORE_CORRUPT', 'an inbox row does not open');
    return { id, body: opened, seq };
  });
}

function* eventsOf({ store, vault, box }: LogState, from: number, to: number): Iterable<LogEvent> {
  const timeline = createTimeline({ store, vault, box });
  for (const row of store.events(from, to)) yield timeline.decode(row);
}
