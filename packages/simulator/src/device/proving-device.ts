/** A device, as far as its first steps at the relay go. */

import type { Crypto, Entropy } from '@simsim/crypto';
import type { CoreInput, DeviceCore } from '@simsim/device-core';
import type { RelayOutcome, RelayRequest } from '@simsim/relay-protocol';

/** What is asked of a device here. */
export interface ProvingDevice {
  readonly core: DeviceCore;
  readonly env: { readonly crypto: Crypto; readonly entropy: Entropy };
  run(...inputs: CoreInput[]): unknown;
  /** `undefined` where no answer came. */
  tryAsk(request: RelayRequest): RelayOutcome | undefined;
}
