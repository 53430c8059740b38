/**
 * Telling contacts that there is another own identity key (SES-92). A contact who only reads would go on
 * for ever in the sessions there are, and hear of it from nobody. The word goes in those sessions; it
 * says that the list is another one, and the contact asks the relay and then its owner (SES-89).
 */

import type { DecideResult } from './decision.ts';
import { TOLD_USERS_MAX } from './limits.ts';
import { noticeStreams, postNotice } from './notice.ts';
import type { OwnDevice } from './own-device.ts';
import { DEVICE_STREAM, USER_PREFIX, userStream } from './streams.ts';
import { currentDevices } from './user-record.ts';
import { needMore } from './workspace.ts';
import type { Workspace } from './workspace.ts';

/** Tells some contacts, and says where it goes on: in the log, for the process may die. */
export function decideTellContacts(work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  if (own?.status !== 'registered' || own.toldUpTo === undefined) return work.decided();
  const { toldUpTo } = own;
  const ownStream = userStream(own.userId);
  const left = work
    .live(USER_PREFIX)
    .filter((stream) => stream > toldUpTo && stream !== ownStream)
    .toSorted();
  const users = left.slice(0, TOLD_USERS_MAX);
  const missing = work.missing([ownStream, ...users]);
  if (missing.length > 0) return needMore(missing);
  const records = users.flatMap((stream) => work.value('user', stream) ?? []);
  const devices = records.flatMap((record) =>
    currentDevices(record).map(({ deviceId }) => ({ record, deviceId })),
  );
  const streams = devices.flatMap(({ record, deviceId }) => noticeStreams(work, record, deviceId));
  if (streams.length > 0) return needMore(streams);
  const version = work.user(own.userId).listVersion;
  const told = devices.filter(({ record: { userId }, deviceId }) =>
    postNotice(work, { userId, deviceId }, { type: 'listMoved', version }),
  );
  noteTold(work, own, {
    count: told.length,
    ...(left.length > users.length && { upTo: users.at(-1) }),
  });
  return work.decided();
}

/** Without `upTo` everybody was told. */
function noteTold(
  work: Workspace,
  own: OwnDevice,
  { count, upTo }: { count: number; upTo?: string | undefined },
): void {
  const { toldUpTo: _, ...done } = own;
  const next = upTo === undefined ? done : { ...own, toldUpTo: upTo };
  work.write(DEVICE_STREAM, { name: 'ContactsTold', fields: { count } }, next);
  if (upTo !== undefined) work.effect({ type: 'tellContacts' });
}
