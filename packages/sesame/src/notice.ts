/** Small messages to one device that nothing waits for: receipts, heads, a turn of the ratchet. */

import type { DeviceId, UserId } from '@simsim/relay-protocol';
import { messageIdFromBytes } from '@simsim/relay-protocol';
import { encodeContent } from './content.ts';
import type { ContentKind } from './content.ts';
import { encryptWith, sendingSession, sessionStreams } from './peer-session.ts';
import type { StreamId } from './streams.ts';
import type { UserRecord } from './user-record.ts';
import type { Workspace } from './workspace.ts';

/** The streams a notice to a device reads, as far as its user's record is loaded. */
export function noticeStreams(
  work: Workspace,
  record: UserRecord,
  deviceId: DeviceId,
): readonly StreamId[] {
  const at = sendingSession(work, record, deviceId);
  return at === undefined ? [] : work.missing(sessionStreams(at));
}

/**
 * Posts a notice in the session that sends to a device. `false` where there is none: nobody fetches keys
 * for a notice.
 */
export function postNotice(
  work: Workspace,
  { userId, deviceId }: { userId: UserId; deviceId: DeviceId },
  kind: ContentKind,
): boolean {
  const record = work.user(userId);
  const device = record.devices.get(deviceId);
  const at = sendingSession(work, record, deviceId);
  const isReachable =
    device !== undefined &&
    (device.staleAt ?? record.staleAt) === undefined &&
    device.registrationId !== 0;
  if (!isReachable || at === undefined) return false;
  const envelopeId = work.newEnvelopeId();
  const content = encodeContent({
    messageId: messageIdFromBytes(work.env.entropy(16)),
    sentAt: work.env.clock.wallMs,
    kind,
  });
  const ciphertext = encryptWith(work, at, { content, envelopeId });
  if (ciphertext === undefined) return false;
  const { registrationId } = device;
  const envelope = { deviceId, registrationId, envelopeId, kind: 'message' } as const;
  work.post(
    {
      postId: work.newPostId(),
      recipient: userId,
      scope: 'device',
      envelopes: [{ ...envelope, content: ciphertext }],
    },
    { type: 'notice', userId, deviceId },
  );
  return true;
}
