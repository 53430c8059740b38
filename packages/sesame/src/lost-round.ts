/**
 * Rounds whose post the outbox has lost. Its rows are in no chain, so damage may take them; the send would
 * wait for an answer to a post that never leaves.
 */

import type { UserId } from '@simsim/relay-protocol';
import { startRound, writeSend } from './send-round.ts';
import { roundsInFlight, withRecipient } from './send-state.ts';
import type { StreamId } from './streams.ts';
import type { Workspace } from './workspace.ts';

/** A recipient's round, by its send. */
export interface LostRound {
  readonly stream: StreamId;
  readonly userId: UserId;
}

/** The rounds of sends that are in flight and not in the outbox. The sends must be loaded. */
export function lostRounds(work: Workspace, sends: readonly StreamId[]): readonly LostRound[] {
  const pending = new Set(work.pendingPosts().map(({ postId }) => postId));
  return sends.flatMap((stream) => {
    const state = work.value('send', stream);
    const inFlight = state === undefined ? [] : roundsInFlight(state);
    return inFlight
      .filter(({ postId }) => !pending.has(postId))
      .map(({ recipient }) => ({ stream, userId: recipient.userId }));
  });
}

/**
 * Begins the next round in its place, whose streams must be loaded. Chains have moved on since, so no key
 * is used twice; where the lost post had come all the same, its devices know the message by its id.
 */
export function restartRound(work: Workspace, { stream, userId }: LostRound): void {
  const state = work.value('send', stream);
  const recipient = state?.recipients.get(userId);
  if (state === undefined || recipient === undefined) return;
  work.write(stream, { name: 'SendRestarted' });
  const started = startRound(work, state, recipient);
  writeSend(work, withRecipient(state, started), { posted: false });
}
