/** Forgetting a user who may go on writing meanwhile. */

import type { CoreInput, DeviceCore } from '@simsim/device-core';
import type { UserId } from '@simsim/relay-protocol';
import { failureError, SessionError } from './session-error.ts';

/** Tries to forget a user who goes on writing. */
const FORGET_TRIES_MAX = 5;

/** What was forgotten of a user. */
export interface Forgotten {
  /** Events whose facts gave way to digests. */
  readonly events: number;
  /** Messages that other users still owe a receipt for, which mention the user until then. */
  readonly sends: number;
}

/** Who does it. */
interface Forgetting {
  put(input: CoreInput): Promise<void>;
  core(): Pick<DeviceCore, 'forgetHistory'>;
  /** The store failed: the device ends. */
  failed(failure: SessionError): void;
}

/** Ends what there is with a user, then has the log forget it. Throws: `USER_BUSY`, `OWN_USER`. */
export async function forgetUser(userId: UserId, by: Forgetting): Promise<Forgotten> {
  for (let tries = 0; tries < FORGET_TRIES_MAX; tries++) {
    await by.put({ type: 'forgetUser', userId });
    const forgotten = forgetHistory(userId, by);
    if (forgotten !== undefined) return forgotten;
  }
  throw new SessionError('USER_BUSY');
}

/** `undefined` where something new began with the user meanwhile. */
function forgetHistory(userId: UserId, by: Forgetting): Forgotten | undefined {
  try {
    return by.core().forgetHistory(userId);
  } catch (cause) {
    const failure = failureError(cause);
    by.failed(failure);
    throw failure;
  }
}
