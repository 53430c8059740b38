/** How a test device is set up, and what its files are at some moment. */

import type { CoreInput, OutboxItem, RunResult } from '@simsim/device-core';
import type { MemorySnapshot, VaultImage } from '@simsim/event-log';
import type { IdentityModel, PostResult } from '@simsim/relay-protocol';
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
  /** Of all users; `per-user` unless told otherwise. */
  readonly identityModel?: IdentityModel;
  /** Of single devices, in the order in which they are made; of the rest it is `trust`. */
  readonly trusts?: readonly TrustPolicy[];
}

/** A device's files at some moment: what was durable then. */
export interface DeviceImage {
  readonly store: MemorySnapshot;
  readonly vault: VaultImage;
  readonly logId: Uint8Array;
  readonly trust: TrustPolicy | undefined;
}

/** Who sees what a device decides, and what it says to the relay. */
export interface Watcher {
  /** `undefined` where the process was killed under it; its commit may have become durable. */
  ran(inputs: readonly CoreInput[], result: RunResult | undefined): void;
  offered(item: OutboxItem, result: PostResult): void;
}
