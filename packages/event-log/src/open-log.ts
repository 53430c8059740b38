/** Creating and opening event logs. */

import { equalBytes, err, invariant, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { genesisHash } from './chain.ts';
import type { Chaos } from './chaos.ts';
import type { EventLog } from './event-log.ts';
import { NO_CHANGE } from './event-store.ts';
import type { EventStore } from './event-store.ts';
import { SEEN_MS_DEFAULT } from './limits.ts';
import { encodeLogMeta, hasLog, readLogMeta } from './log-meta.ts';
import { logHandle } from './log-handle.ts';
import type { LogMeta } from './log-meta.ts';
import type { LogSabotage, LogState } from './log-state.ts';
import { createMetadataBox } from './metadata-box.ts';
import { createNoncePool } from './nonce-pool.ts';
import { emptyQueues } from './queues.ts';
import { acceptRollback, isRollback } from './accept-rollback.ts';
import { recoverLog } from './recover.ts';
import { StoreFailure } from './refusal.ts';
import type { Retention } from './retention.ts';
import type { StoreRefusal } from './refusal.ts';
import { createSeenLog } from './seen-log.ts';
import { createStreamStates } from './stream-states.ts';
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
   * What becomes of the past. To the log itself only `keepsAll` matters, and that at its creation; when
   * to flush, rotate and prune is its owner's part.
   */
  readonly retention?: Retention;
  /**
   * Several processes work on this log at once: each commit first takes over what the others wrote.
   * Every one of them must say so. Default false: one owner.
   */
  readonly shared?: boolean;
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
    keepsAll: options.retention?.keepsAll === true,
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
  return refusal === undefined ? ok(logHandle(log)) : err(refusal);
}

function settleLog(log: LogState, onRollback: 'refuse' | 'accept'): StoreRefusal | undefined {
  try {
    const refusal = recoverLog(log);
    const kind = refusal && isRollback(refusal);
    return kind === undefined || onRollback === 'refuse' ? refusal : acceptRollback(log, kind);
  } catch (failure) {
    if (failure instanceof StoreFailure) return { code: failure.code, detail: failure.detail };
    // oxlint-disable-next-line house/no-throw -- neither ours nor the medium's: a bug goes on
    throw failure;
  }
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
    queues: emptyQueues(crypto, vault),
    counts: undefined,
    tip: { seq: 0, hash: genesisHash(crypto, logId) },
    streamMax: 0,
    at: 0,
    isShared: options.shared === true,
    storeVersion: store.version(),
    isMoved: false,
    rekeying: 0,
    isPoolDue: true,
    phase: 'open',
    rollback: undefined,
    young: undefined,
    lostMail: new Set(),
  };
}
