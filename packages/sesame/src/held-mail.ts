/** Mail that came under a key that is not pinned: its name waits until the key is, and is asked for then. */

import type { UserId } from '@simsim/relay-protocol';
import { offersOf } from './key-pin.ts';
import { HELD_MAIL_MAX } from './limits.ts';
import { changeUser } from './peer-session.ts';
import { requestResend } from './resend.ts';
import type { UserChange } from './user-change.ts';
import { currentDevices } from './user-record.ts';
import type { HeldMail, UserRecord } from './user-record.ts';
import type { Workspace } from './workspace.ts';

/** Asks for mail that came under keys which are pinned now: its senders encrypt it again. */
export function askHeldMail(work: Workspace, userId: UserId): void {
  const record = work.user(userId);
  if (offersOf(record).length > 0) return;
  for (const { deviceId, envelopeId } of record.held ?? []) {
    const device = currentDevices(record).find((each) => each.deviceId === deviceId);
    if (device === undefined || device.registrationId === 0) continue;
    const mail = { sender: userId, senderDevice: deviceId, envelopeId };
    requestResend(work, mail, device.registrationId);
  }
  const over = releases(record, () => true);
  changeUser(work, userId, over);
}

/** Keeps the name of mail until its sender's key, or its sender, is there; `false` where too much is kept. */
export function holdName(work: Workspace, userId: UserId, mail: HeldMail): boolean {
  const { held = [] } = work.user(userId);
  if (held.some(({ envelopeId }) => envelopeId === mail.envelopeId)) return true;
  if (held.length >= HELD_MAIL_MAX) return false;
  changeUser(work, userId, [{ type: 'holdMail', mail }]);
  return true;
}

/** The changes after which some of the mail that waits does so no more, and the rest does. */
export function releases(
  { held = [] }: UserRecord,
  isFree: (mail: HeldMail) => boolean,
): readonly UserChange[] {
  const kept = held.filter((mail) => !isFree(mail));
  if (kept.length === held.length) return [];
  return [{ type: 'releaseMail' }, ...kept.map((mail) => ({ type: 'holdMail', mail }) as const)];
}
