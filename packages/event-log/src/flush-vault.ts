/** The flush: the vault follows the log, and what was superseded is erased. */

import { equalBytes, invariant } from '@simsim/bytes';
import { catchUp, followOthers } from './catch-up.ts';
import { LAG_EVENTS_MAX, MOVES_MAX, POOL_MIN_DEFAULT } from './limits.ts';
import { orFail } from './log-state.ts';
import type { LogState } from './log-state.ts';
import { registerStreams } from './stream-rows.ts';

/**
 * Events the vault has not followed yet. A log that was put back is taken as it is with its first
 * commit, however few events it has.
 */
export function lagOf({ tip, vault, rollback }: LogState): number {
  const anchor = vault.anchor();
  const isUnseen = rollback !== undefined && equalBytes(anchor.hash, rollback.seen.hash);
  return isUnseen ? LAG_EVENTS_MAX : tip.seq - anchor.seq;
}

/** Whether the log was put back and nothing was committed yet that says so. */
export function isPutBack({ tip, rollback }: LogState): boolean {
  return rollback !== undefined && tip.seq === rollback.found.seq;
}

/**
 * Makes the vault follow; `poolMin` slots are ready afterwards, where a batch asks for them. Before that
 * the rows of streams follow: whoever reads the log finds what came later in the events after the vault's
 * anchor.
 */
export function flushVault(log: LogState, poolMin?: number): void {
  if (isPutBack(log)) {
    // What the vault has seen must stay the evidence, and its keys may open the log that comes back.
    if (poolMin !== undefined) orFail(log, 'VAULT_FAILED', () => log.vault.grow(poolMin));
    return;
  }
  const slots = poolMin ?? POOL_MIN_DEFAULT;
  if (log.isShared) flushShared(log, slots);
  else {
    registerAll(log);
    writeVault(log, slots);
  }
}

/** The last flush: nobody may come to erase what a lazy one replaces, unless others share the log. */
export function flushLast(log: LogState): void {
  flushVault(log);
  if (!log.isShared) orFail(log, 'VAULT_FAILED', () => log.vault.settle());
}

/**
 * The same among several processes. Rows must last before the vault has seen their streams, so they
 * have a lock of their own; whoever wrote between the two is taken over and registered too.
 */
function flushShared(log: LogState, poolMin: number): void {
  for (let tries = 0; ; tries++) {
    invariant(tries < MOVES_MAX, 'the log moved under a flush again and again');
    const isDone = orFail(log, 'VAULT_FAILED', () => {
      log.store.locked(() => {
        catchUp(log);
        invariant(registerStreams(log), 'nobody writes under the lock');
        log.storeVersion = log.store.version();
      });
      log.chaos?.at('register:after');
      return log.store.locked(() => {
        if (catchUp(log) && log.streams.ahead().length > 0) return false;
        writeVault(log, poolMin);
        return true;
      });
    });
    if (isDone) return;
  }
}

function writeVault(log: LogState, poolMin: number): void {
  const { vault } = log;
  if (log.sabotage.keepsOneEpoch !== true) log.queues.epochs.end();
  const { tip, streamMax, at } = log;
  const anchor = { seq: tip.seq, hash: tip.hash, streamMax, at };
  if (anchor.seq < vault.anchor().seq) vault.rebase(anchor);
  if (log.isPoolDue) vault.refreshPool();
  orFail(log, 'VAULT_FAILED', () => vault.flush(anchor, poolMin));
  if (log.isPoolDue) log.rekeying++;
  log.isPoolDue = false;
}

function registerAll(log: LogState): void {
  for (let tries = 0; !orFail(log, 'STORE_FAILED', () => registerStreams(log)); tries++) {
    invariant(tries < MOVES_MAX, 'the log moved under a flush again and again');
    followOthers(log);
  }
  log.chaos?.at('register:after');
}
