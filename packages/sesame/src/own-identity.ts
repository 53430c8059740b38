/**
 * Copies for own devices while it is not known which identity key they have: they wait, durable and not
 * encrypted, until the relay has said how the own list went on.
 */

import { failRecipient, leaveHeld, refuseHeld, releaseHeld } from './send-round.ts';
import type { Recipient, SendState } from './send-state.ts';
import type { Workspace } from './workspace.ts';

/** Leaves the own user's copies waiting, and has it found out what they wait for. */
export function awaitSuccession(
  work: Workspace,
  state: SendState,
  recipient: Recipient,
): Recipient {
  const { userId } = recipient;
  const { messageId } = state;
  if (work.isSabotaged('drop-own-copies'))
    return failRecipient(work, state, { recipient, reason: 'BAD_LIST' });
  const reason = 'IDENTITY_CHANGED';
  const held = leaveHeld(work, state, { recipient, reason });
  // No key is named: nobody is asked about the own one.
  work.effect({ type: 'recipientHeld', messageId, userId, reason, keys: [] });
  work.effect({ type: 'succeed' });
  return held;
}

/** Copies that waited go on: `anew` under another key, else with the rounds they have had. */
export function releaseOwnCopies(work: Workspace, rounds: 'anew' | 'goOn'): void {
  releaseHeld(work, work.self().userId, rounds);
}

/** The relay shows an own identity key that is not ours to take: copies for own devices end here. */
export function refuseOwnCopies(work: Workspace): void {
  refuseHeld(work, work.self().userId, 'BAD_LIST');
}
