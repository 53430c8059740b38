/** What a device is called. */

import { decodeUtf8, encodeUtf8, err, ok } from '@simsim/bytes';
import type { Brand, Result } from '@simsim/bytes';
import { DEVICE_NAME_BYTES_MAX } from './limits.ts';

/**
 * A device's name: at most 64 bytes of UTF-8 on one line, no space at either end; empty where a device
 * has none any more. Made for people, so two devices may have the same one.
 */
export type DeviceName = Brand<string, 'DeviceName'>;

/** Why a text is no name. */
export interface DeviceNameRejection {
  readonly code: 'BAD_DEVICE_NAME';
}

/** The name of a device that has none. */
export const NO_NAME: DeviceName = '' as DeviceName;

/** Control characters, ends of lines, and what turns the direction of the text around it. */
const UNFIT = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Checks a name. Rejects: `BAD_DEVICE_NAME`. */
export function parseDeviceName(text: unknown): Result<DeviceName, DeviceNameRejection> {
  const refused = err({ code: 'BAD_DEVICE_NAME' } as const);
  if (typeof text !== 'string' || text.length > DEVICE_NAME_BYTES_MAX) return refused;
  if (text !== text.trim() || UNFIT.test(text)) return refused;
  const bytes = encodeUtf8(text);
  // A lone surrogate would come back as another character.
  if (bytes.length > DEVICE_NAME_BYTES_MAX || decodeUtf8(bytes) !== text) return refused;
  return ok(text as DeviceName);
}
