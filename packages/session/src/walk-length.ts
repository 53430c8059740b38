/** Where a message stands on the chains of a session, as told by its outside, before its tag can be looked at. */

import { equalBytes } from '@simsim/bytes';
import type { RatchetLimits } from '@simsim/double-ratchet';
import type { Session } from './session-state.ts';
import type { ParsedMessage } from './wire.ts';

/**
 * Whether a session knows a message's ratchet key, and its chain is past the message: the key of such a message
 * was used, or skipped. A place of the post-quantum ratchet says less, all sessions have the same. No cryptography.
 */
export function isBehind(session: Session, message: ParsedMessage): boolean {
  const { header } = message.kind === 'initiation' ? message.inner : message;
  return header.counter < placeIn(session, header.ratchetKey);
}

/**
 * Steps that the chains of a session walk to a message's keys, of both ratchets together. What is refused
 * before any step is none. No cryptography.
 */
export function walkLengthWith(
  session: Session,
  message: ParsedMessage,
  { forwardJumpMax, pqForwardJumpMax }: RatchetLimits,
): number {
  const { hot, cold } = session;
  if (message.version !== cold.version) return 0;
  const { header, pq } = message.kind === 'initiation' ? message.inner : message;
  const isPq = hot.pq !== undefined && pq?.kind === 'key';
  const pqSteps = isPq ? pq.index - hot.pq.receiving.counter : 0;
  if (pqSteps > pqForwardJumpMax + 1) return 0;
  const steps = header.counter - placeIn(session, header.ratchetKey);
  return Math.max(0, pqSteps) + (steps > forwardJumpMax ? 0 : Math.max(0, steps));
}

/** How far the chain of a ratchet key has come; 0 for a new one, beyond everything for a closed one. */
function placeIn({ hot, cold }: Session, ratchetKey: Uint8Array): number {
  const isIt = (other: { readonly ratchetKey: Uint8Array }): boolean =>
    equalBytes(other.ratchetKey, ratchetKey);
  if (hot.peer !== undefined && equalBytes(hot.peer.bytes, ratchetKey))
    return hot.receiving?.counter ?? 0;
  const older = cold.ratchet.olderChains.find(isIt);
  if (older !== undefined) return older.counter;
  return cold.ratchet.directory.some(isIt) ? Number.MAX_SAFE_INTEGER : 0;
}
