/** How a test device is set up, and what its files are at some moment. */

import type { CoreInput, OutboxItem, RunResult } from '@simsim/device-core';
import type { MemorySnapshot, VaultImage } from '@simsim/event-log';
import type { PostResult } from '@simsim/relay-protocol';
import type { Sabotage } from '@simsim/sesame';

/** How devices of a world are set up. */
export interface TestDeviceOptions {
  readonly sabotage?: readonly Sabotage[];
  /** How every commit fails once before it is let through. */
  readonly rehearsal?: 'before' | 'moved';
  /** A broken device: it posts without asking whether its log is the newest. */
  readonly skipsProof?: true;
}

/** A device's files at some moment: what was durable then. */
export interface DeviceImage {
  readonly store: MemorySnapshot;
  readonly vault: VaultImage;
  readonly logId: Uint8Array;
}

/** Who sees what a device decides, and what it says to the relay. */
export interface Watcher {
  /** `undefined` where the process was killed under it; its commit may have become durable. */
  ran(inputs: readonly CoreInput[], result: RunResult | undefined): void;
  offered(item: OutboxItem, result: PostResult): void;
}
