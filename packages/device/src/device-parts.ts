/** The parts that the classes of a device share. */

import type { Crypto, Entropy } from '@simsim/crypto';
import type { DeviceCore } from '@simsim/device-core';
import type { Retention } from '@simsim/event-log';
import type { Logger } from './logger.ts';
import type { RelayClient } from './relay-client.ts';
import type { Trust } from './trust.ts';

/** What a device is made of; `openDevice` puts it together. */
export interface DeviceParts {
  readonly core: DeviceCore;
  readonly client: RelayClient;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly retention: Retention;
  /** Default: `tofu`. */
  readonly trust?: Trust;
  /** Default: nobody is told. */
  readonly logger?: Logger;
}
