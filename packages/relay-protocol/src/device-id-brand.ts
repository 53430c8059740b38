/** The number of a device within its user. */

import type { BinaryReader, Brand, Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import { DEVICE_ID_MAX } from './limits.ts';

/** A device of a user: 1…127, random, unique only within its user (SES-4). */
export type DeviceId = Brand<number, 'DeviceId'>;

/** Why a number is no device id. */
export interface DeviceIdRejection {
  readonly code: 'BAD_DEVICE_ID';
}

/** Checks a device id. Rejects: `BAD_DEVICE_ID`. */
export function parseDeviceId(value: unknown): Result<DeviceId, DeviceIdRejection> {
  const isDeviceId =
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= DEVICE_ID_MAX;
  return isDeviceId ? ok(value as DeviceId) : err({ code: 'BAD_DEVICE_ID' });
}

/** Reads a device id of one byte; anything else fails the reader. */
export function readDeviceId(reader: BinaryReader): DeviceId {
  const parsed = parseDeviceId(reader.u8());
  if (parsed.ok) return parsed.value;
  reader.fail();
  return 1 as DeviceId;
}
