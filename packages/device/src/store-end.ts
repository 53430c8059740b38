/** What the end of a store means to its device. */

import type { EventLog } from '@simsim/event-log';
import { failureError } from './session-error.ts';
import type { SessionError } from './session-error.ts';

/** Why the device stops where its store failed so. */
export function endBy(cause: unknown): 'takenOver' | 'storeFailed' {
  return failureError(cause).code === 'STORE_TAKEN_OVER' ? 'takenOver' : 'storeFailed';
}

/** Closes a log; answers what failed at its last flush. */
export function letGo(log: EventLog): SessionError | undefined {
  try {
    log.close();
    return undefined;
  } catch (cause) {
    return failureError(cause);
  }
}
