/** Taking over what other processes wrote. */

import { recoverLog, followLog } from './recover.ts';
import { failStore } from './refusal.ts';
import type { StoreRefusal } from './refusal.ts';
import { orFail } from './log-state.ts';
import type { LogState } from './log-state.ts';

/**
 * Somebody else wrote: reads what they wrote and forgets what was kept. The next commit is refused then:
 * what was decided on may be from before.
 */
export function followOthers(log: LogState): void {
  settle(log, followLog(log));
}

/**
 * The same under the lock of several processes, where it may have happened or not. Answers whether
 * anybody wrote or flushed since this one last looked.
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
 * Runs a write alone: among several processes under their lock, once what the others wrote is taken over.
 * `isMoved` says whether there was anything.
 */
export function alone<T>(log: LogState, write: (isMoved: boolean) => T): T {
  if (!log.isShared) return write(false);
  return orFail(log, 'STORE_FAILED', () =>
    log.store.locked(() => {
      const answer = write(catchUp(log));
      log.storeVersion = log.store.version();
      return answer;
    }),
  );
}

/**
 * Before a read among several processes: what the store holds and what is kept of it must be of one
 * moment.
 */
export function refresh(log: LogState): void {
  const { store } = log;
  if (!log.isShared || store.version() === log.storeVersion) return;
  store.locked(() => catchUp(log));
}

function settle(log: LogState, refusal: StoreRefusal | undefined): void {
  log.storeVersion = log.store.version();
  log.isMoved = true;
  if (refusal === undefined) return;
  log.phase = 'failed';
  failStore(refusal.code, refusal.detail);
}
