/** How a test device is set up, and what its files are at some moment. */

import type { MemorySnapshot, VaultImage } from '@simsim/event-log';
import type { Sabotage, SessionExpiry, TrustPolicy } from '@simsim/sesame';

/** How devices of a world are set up. */
export interface TestDeviceOptions {
  readonly sabotage?: readonly Sabotage[];
  /** How every commit fails once before it is let through. */
  readonly rehearsal?: 'before' | 'moved';
  /** By how much the wall clocks of devices are wrong, in the order in which they are made. */
  readonly clockErrorsMs?: readonly number[];
  /** A broken device: it posts without asking whether its log is the newest. */
  readonly skipsProof?: true;
  readonly expiry?: SessionExpiry;
  readonly trust?: TrustPolicy;
}

/** A device's files at some moment: what was durable then. */
export interface DeviceImage {
  readonly store: MemorySnapshot;
  readonly vault: VaultImage;
  readonly logId: Uint8Array;
}
