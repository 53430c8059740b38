/** Taking over what other processes wrote. */

import { recoverLog, followLog } from './recover.ts';
import { failStore } from './refusal.ts';
import type { StoreRefusal } from './refusal.ts';
import type { LogState } from './log-state.ts';

/** Somebody else wrote: reads what they wrote and forgets what was kept. */
export function followOthers(log: LogState): void {
  settle(log, followLog(log));
}

/**
 * Under the lock of several processes: takes over what the others wrote or flushed since this one last
 * looked. Answers whether anybody did.
 */
export function catchUp(log: LogState): boolean {
  const { store, vault } = log;
  if (log.sabotage.trustsItsMemory === true) return false;
  const isReloaded = vault.reload(store.tip().seq);
  const version = store.version();
  if (!isReloaded && version === log.storeVersion) return false;
  // The vault is as of its anchor again: everything after that is followed anew.
  settle(log, isReloaded ? recoverLog(log) : followLog(log));
  return true;
}

/**
 * Before a read among several processes: what the store holds and what is kept of it must be of one
 * moment. Whoever decided on what was read before is told by the next commit.
 */
export function refresh(log: LogState): void {
  const { store, sabotage } = log;
  if (!log.isShared || store.version() === log.storeVersion) return;
  if (sabotage.trustsItsMemory === true) return;
  store.locked(() => {
    if (catchUp(log)) log.isMoved = true;
  });
}

function settle(log: LogState, refusal: StoreRefusal | undefined): void {
  log.storeVersion = log.store.version();
  if (refusal === undefined) return;
  log.phase = 'failed';
  failStore(refusal.code, refusal.detail);
}
