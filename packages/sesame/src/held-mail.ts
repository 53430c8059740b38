/** Mail that came under a key that is not pinned: its name waits until the key is, and is asked for then. */

import type { UserId } from '@simsim/relay-protocol';
import { offersOf } from './key-pin.ts';
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

/** The changes after which some of the mail that waits does so no more, and the rest does. */
export function releases(
  { held = [] }: UserRecord,
  isFree: (mail: HeldMail) => boolean,
): readonly UserChange[] {
  const kept = held.filter((mail) => !isFree(mail));
  if (kept.length === held.length) return [];
  return [{ type: 'releaseMail' }, ...kept.map((mail) => ({ type: 'holdMail', mail }) as const)];
}
