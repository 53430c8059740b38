/** A device's own state, as its core has it. */

import { invariant } from '@simsim/bytes';
import type { DeviceCore } from '@simsim/device-core';
import { DEVICE_STREAM, userStream } from '@simsim/sesame';
import type { OwnDevice, OwnListInput } from '@simsim/sesame';

/** The device as it is now. */
export function ownDevice(core: DeviceCore): OwnDevice {
  const own = core.reader().value('device', DEVICE_STREAM);
  invariant(own !== undefined, 'a device is made before it is asked');
  return own;
}

/** What changes to the own list are made of. */
export function ownListInput(core: DeviceCore): OwnListInput {
  const own = ownDevice(core);
  const record = core.reader().value('user', userStream(own.userId));
  invariant(record !== undefined, 'a registered device has a list');
  return { own, record };
}
