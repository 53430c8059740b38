/** Forgetting a user, part by part, while the device goes on, and the user may go on writing. */

import type { CoreInput, DeviceCore, ForgetProgress, ForgottenHistory } from '@simsim/device-core';
import type { UserId } from '@simsim/relay-protocol';
import { failureError, SessionError } from './session-error.ts';

/** Tries for one part, where the user goes on writing. */
const FORGET_TRIES_MAX = 5;

/** What was forgotten of a user. */
export type Forgotten = ForgottenHistory;

/** Who does it. */
interface Forgetting {
  put(input: CoreInput): Promise<void>;
  core(): Pick<DeviceCore, 'beginForgetting' | 'forgetPart'>;
  /** The store failed: the device ends. */
  failed(failure: SessionError): void;
}

/** Ends what there is with a user, then has the log forget it. Throws: `USER_BUSY`, `OWN_USER`. */
export async function forgetUser(userId: UserId, by: Forgetting): Promise<Forgotten> {
  const progress = by.core().beginForgetting(userId);
  for (let busy = 0; busy < FORGET_TRIES_MAX;) {
    // What has begun since the last part ends first; the others have their turn while that is decided.
    await by.put({ type: 'forgetUser', userId });
    const forgotten = forgetPart(progress, by);
    if (typeof forgotten === 'object') return forgotten;
    busy = forgotten === 'busy' ? busy + 1 : 0;
  }
  throw new SessionError('USER_BUSY');
}

function forgetPart(progress: ForgetProgress, by: Forgetting): Forgotten | 'more' | 'busy' {
  try {
    return by.core().forgetPart(progress);
  } catch (cause) {
    const failure = failureError(cause);
    by.failed(failure);
    throw failure;
  }
}
