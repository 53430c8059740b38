/** The end of this device: a list that its user signed leaves it out, or a copy of it goes on in its place. */

import { hasEnded } from './own-device.ts';
import type { OwnDevice } from './own-device.ts';
import { destroyPreKeys } from './pre-key-age.ts';
import { DEVICE_STREAM } from './streams.ts';
import type { Workspace } from './workspace.ts';

/**
 * Ends this device, for good: nothing is sent any more, and what first messages could still be opened with
 * is destroyed, since no sweep comes after this (SES-94). The device and its prekeys must be loaded.
 */
export function endDevice(work: Workspace, own: OwnDevice, as: 'removed' | 'replaced'): void {
  if (hasEnded(own.status)) return;
  const name = as === 'removed' ? 'DeviceRemoved' : 'DeviceReplaced';
  work.write(DEVICE_STREAM, { name }, { ...own, status: as });
  destroyPreKeys(work);
}
