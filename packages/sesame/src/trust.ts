/**
 * Whose keys are trusted, and what waits where they are not (SES-35, SES-88…91). A key that differs from
 * the pinned one is an offer: it is kept beside it and told, and nothing is encrypted to it, nothing
 * sent at all to that user, before the application has said so.
 */

import { equalBytes } from '@simsim/bytes';
import type { MessageId, UserId } from '@simsim/relay-protocol';
import type { HoldReason } from './hold-reason.ts';
import { changeUser, roundStreams } from './peer-session.ts';
import type { SendState } from './send-state.ts';
import { SEND_PREFIX } from './streams.ts';
import type { StreamId } from './streams.ts';
import type { UserRecord } from './user-record.ts';
import type { Workspace } from './workspace.ts';

/** Why mail to a user must wait; `undefined` where it need not. */
export function holdReason(work: Workspace, record: UserRecord): HoldReason | undefined {
  // Without a key nothing can be encrypted; the first round brings one.
  if (record.identityKey === undefined || record.userId === work.self().userId) return undefined;
  if (record.offered !== undefined) return 'IDENTITY_CHANGED';
  const { trust } = record;
  switch (work.env.trust ?? 'tofu') {
    case 'tofu':
      return undefined;
    case 'ask':
      return trust === undefined ? 'UNVERIFIED' : undefined;
    case 'verified-only':
      return trust === 'verified' ? undefined : 'UNVERIFIED';
  }
}

/** Keeps a key that somebody showed for a user, and tells it, once. */
export function offerKey(work: Workspace, userId: UserId, key: Uint8Array): void {
  const { offered } = work.user(userId);
  if (offered !== undefined && equalBytes(offered, key)) return;
  work.effect({ type: 'identityChanged', userId, identityKey: key });
  if (work.isSabotaged('take-offered-key')) changeUser(work, userId, [{ type: 'identity', key }]);
  else changeUser(work, userId, [{ type: 'offer', key }]);
}

/** Tells that a message waits, and for which key. */
export function tellHeld(
  work: Workspace,
  held: { readonly messageId: MessageId; readonly userId: UserId; readonly reason: HoldReason },
): void {
  const { offered, identityKey } = work.user(held.userId);
  const key = offered ?? identityKey;
  work.effect({ type: 'recipientHeld', ...held, ...(key && { identityKey: key }) });
}

/** Sends to a user that wait for their key. The sends must be loaded. */
export function heldSends(work: Workspace, userId: UserId): readonly SendState[] {
  return work.live(SEND_PREFIX).flatMap((stream) => {
    const state = work.value('send', stream);
    return state?.recipients.get(userId)?.status === 'held' ? [state] : [];
  });
}

/** The streams that releasing what waits for a user reads. */
export function heldStreams(work: Workspace, userId: UserId): readonly StreamId[] {
  const sends = work.missing(work.live(SEND_PREFIX));
  return sends.length > 0 ? sends : roundStreams(work, userId);
}
