/** A world, as far as invariants see it. */

import type { Label } from '../case/case.ts';
import type { Place } from '../device/host.ts';
import type { Process } from '../device/process.ts';
import type { Adversary } from '../world/adversary.ts';
import type { LyingRelay } from '../world/lying-relay.ts';

/** What invariants may look at. They change nothing. */
export interface WatchedWorld extends Place {
  readonly relay: LyingRelay;
  /** Over symbolic primitives only. */
  readonly adversary: Adversary | undefined;
  /** The living process of a device. */
  process(label: Label): Process | undefined;
  /** Every living process. */
  living(): Process[];
}
