/** Users as cases name them. */

import { invariant } from '@simsim/bytes';
import { parseUserId } from '@simsim/relay-protocol';
import type { UserId } from '@simsim/relay-protocol';

/** A user id that is surely one. */
export function userOf(name: string): UserId {
  const parsed = parseUserId(name);
  invariant(parsed.ok, 'cases name users well');
  return parsed.value;
}
