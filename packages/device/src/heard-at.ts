/** When a device was last heard of: what tells a device that is gone for good from one that is idle. */

import type { DeviceCore } from '@simsim/device-core';
import type { UserId } from '@simsim/relay-protocol';
import { allSessionsOf, eventType, sessionStream } from '@simsim/sesame';
import type { DeviceRecord } from '@simsim/sesame';

/** Events of a session that are looked through: far more than a session sends without an answer. */
const EVENTS_MAX = 4096;

const RECEIVED = eventType('MessageReceived');

/**
 * When a message of a device last opened here, receipts and notices included: wall ms. `undefined` where
 * the sessions there are with it received none.
 */
export function heardAt(
  { log }: Pick<DeviceCore, 'log'>,
  userId: UserId,
  device: DeviceRecord,
): number | undefined {
  let latest: number | undefined;
  for (const session of allSessionsOf(device)) {
    let left = EVENTS_MAX;
    const stream = sessionStream({ userId, deviceId: device.deviceId, session });
    for (const { type, at } of log.history(stream)) {
      if (left-- === 0) break;
      if (type !== RECEIVED) continue;
      latest = Math.max(latest ?? at, at);
      break;
    }
  }
  return latest;
}
