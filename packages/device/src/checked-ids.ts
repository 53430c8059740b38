/** Ids and names as applications give them, checked at the door. */

import { parseDeviceId, parseMessageId, parseUserId } from '@simsim/relay-protocol';
import type { DeviceId, MessageId, UserId } from '@simsim/relay-protocol';
import { parseDeviceName } from '@simsim/sesame';
import type { DeviceName } from '@simsim/sesame';
import { SessionError } from './session-error.ts';

/** A user id. Throws: {@link SessionError} `BAD_USER_ID`. */
export function checkedUserId(user: string): UserId {
  const parsed = parseUserId(user);
  if (!parsed.ok) throw new SessionError('BAD_USER_ID');
  return parsed.value;
}

/** One user id, or several. Throws: {@link SessionError} `BAD_USER_ID`. */
export function checkedUserIds(users: string | readonly string[]): readonly UserId[] {
  if (typeof users === 'string') return [checkedUserId(users)];
  if (!Array.isArray(users)) throw new SessionError('BAD_USER_ID');
  return users.map(checkedUserId);
}

/** A device id, 1…127. Throws: {@link SessionError} `BAD_DEVICE_ID`. */
export function checkedDeviceId(deviceId: number): DeviceId {
  const parsed = parseDeviceId(deviceId);
  if (!parsed.ok) throw new SessionError('BAD_DEVICE_ID');
  return parsed.value;
}

/** A message id. Throws: {@link SessionError} `BAD_MESSAGE_ID`. */
export function checkedMessageId(messageId: string): MessageId {
  const parsed = parseMessageId(messageId);
  if (!parsed.ok) throw new SessionError('BAD_MESSAGE_ID');
  return parsed.value;
}

/** A device's name, without the spaces around it. Throws: {@link SessionError} `BAD_DEVICE_NAME`. */
export function checkedDeviceName(name: string): DeviceName {
  const parsed = parseDeviceName(typeof name === 'string' ? name.trim() : name);
  if (!parsed.ok) throw new SessionError('BAD_DEVICE_NAME');
  return parsed.value;
}
