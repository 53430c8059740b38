/** A world, as far as invariants see it. */

import type { Label } from '../case/case.ts';
import type { Crypto } from '@simsim/crypto';
import type { Place } from '../device/host.ts';
import type { Machine } from '../device/machine.ts';
import type { Process } from '../device/process.ts';
import type { Adversary } from '../world/adversary.ts';
import type { LyingRelay } from '../world/lying-relay.ts';

/** What invariants may look at. They change nothing. */
export interface WatchedWorld extends Place {
  readonly relay: LyingRelay;
  /** Over symbolic primitives only. */
  readonly adversary: Adversary | undefined;
  readonly crypto: Crypto;
  /** The machine of a device. */
  machine(label: Label): Machine | undefined;
  /** The living process of a device. */
  process(label: Label): Process | undefined;
  /** Every living process. */
  living(): Process[];
}
