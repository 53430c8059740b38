/** How long sessions and records live in a world. */

import { invariant } from '@simsim/bytes';
import { sessionExpiry } from '@simsim/sesame';
import type { SessionExpiry } from '@simsim/sesame';
import type { Knobs } from '../case/case.ts';

/** The times of a case; those that nobody chose where it names none. */
export function expiryOf({ latencyMs, sendMs }: Knobs): SessionExpiry {
  const expiry = sessionExpiry({
    ...(latencyMs !== undefined && { latencyMs }),
    ...(sendMs !== undefined && { sendMs }),
  });
  invariant(expiry.ok, 'cases choose sound times');
  return expiry.value;
}
