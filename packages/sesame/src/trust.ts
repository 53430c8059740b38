/**
 * Whose keys are trusted, and what waits where they are not (SES-35, SES-88…91). A key that differs from
 * the pinned one is an offer: it is kept beside it and told, and nothing is encrypted to it, nothing
 * sent at all to that user, before the application has said so.
 */

import type { MessageId, UserId } from '@simsim/relay-protocol';
import type { HoldReason } from './hold-reason.ts';
import { isSameKey, pinsInUse, modelOf, offersOf, pinAt } from './key-pin.ts';
import type { IdentityKey } from './user-change.ts';
import { changeUser, roundStreams } from './peer-session.ts';
import type { SendState } from './send-state.ts';
import { SEND_PREFIX } from './streams.ts';
import type { StreamId } from './streams.ts';
import type { UserRecord } from './user-record.ts';
import type { Workspace } from './workspace.ts';

/** Why mail to a user must wait; `undefined` where it need not. */
export function holdReason(work: Workspace, record: UserRecord): HoldReason | undefined {
  if (record.userId === work.self().userId) return undefined;
  if (work.isSabotaged('never-hold')) return undefined;
  // Without a key nothing can be encrypted; the first round brings one.
  if (modelOf(record) === undefined) return undefined;
  if (offersOf(record).length > 0) return 'IDENTITY_CHANGED';
  return doubtful(work, pinsInUse(record)).length > 0 ? 'UNVERIFIED' : undefined;
}

/** Those keys that the policy does not let mail go to before the application has spoken. */
function doubtful<T extends Pick<UserRecord, 'trust'>>(
  work: Workspace,
  keys: readonly T[],
): readonly T[] {
  switch (work.env.trust ?? 'tofu') {
    case 'tofu':
      return [];
    case 'ask':
      return keys.filter(({ trust }) => trust === undefined);
    case 'verified-only':
      return keys.filter(({ trust }) => trust !== 'verified');
  }
}

/** Keeps a key that somebody showed for a user or a device of theirs, and tells it, once. */
export function offerKey(work: Workspace, userId: UserId, shown: IdentityKey): void {
  const { key, deviceId } = shown;
  const { offered } = pinAt(work.user(userId), shown);
  if (isSameKey(offered, key)) return;
  const whose = deviceId === undefined ? {} : { deviceId };
  work.effect({ type: 'identityChanged', userId, identityKey: key, ...whose });
  const type = work.isSabotaged('take-offered-key') ? 'identity' : 'offer';
  changeUser(work, userId, [{ type, key, ...whose }]);
}

/** Tells that a message waits, and for which keys. */
export function tellHeld(
  work: Workspace,
  held: { readonly messageId: MessageId; readonly userId: UserId; readonly reason: HoldReason },
): void {
  const record = work.user(held.userId);
  const offers = offersOf(record);
  const keys = offers.length > 0 ? offers : doubtful(work, pinsInUse(record));
  const named = keys.map(({ deviceId, key }) => ({ key, ...(deviceId && { deviceId }) }));
  work.effect({ type: 'recipientHeld', ...held, keys: named });
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
