/** A world, as far as actions of others may touch it. */

import type { Deed, Label } from '../case/case.ts';
import type { Process } from '../device/process.ts';
import type { Dice } from '../dice.ts';
import type { WatchedWorld } from '../invariants/watched-world.ts';

/** What an own action has of the world. Time is `agenda`: what comes later goes there. */
export interface ActingWorld extends WatchedWorld {
  /** Draws of this action alone, from the seed. */
  readonly dice: Dice;
  /** Does something with the process of a device, if it lives; it may die under it. */
  as(label: Label, act: (process: Process) => void): void;
  /** The application of a device sends a line to users; the books know of it. */
  send(by: Label, line: { readonly to: readonly string[]; readonly text: string }): void;
  /** Does one of our deeds, now. */
  act(deed: Deed): void;
}
