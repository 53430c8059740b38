/** Forgetting a user who may go on writing meanwhile. */

import type { CoreInput } from '@simsim/device-core';
import type { UserId } from '@simsim/relay-protocol';
import { SessionError } from './session-error.ts';

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
  /** `undefined` where something new began with the user meanwhile. */
  forgetHistory(userId: UserId): Forgotten | undefined;
}

/** Ends what there is with a user, then has the log forget it. Throws: `USER_BUSY`, `OWN_USER`. */
export async function forgetUser(userId: UserId, by: Forgetting): Promise<Forgotten> {
  for (let tries = 0; tries < FORGET_TRIES_MAX; tries++) {
    await by.put({ type: 'forgetUser', userId });
    const forgotten = by.forgetHistory(userId);
    if (forgotten !== undefined) return forgotten;
  }
  throw new SessionError('USER_BUSY');
}
