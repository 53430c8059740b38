/** Actions of somebody else's: plain functions beside ours, drawn, shrunk and replayed like them. */

import type { Json, Knobs, Label } from '../case/case.ts';
import type { Dice } from '../dice.ts';
import type { ActingWorld } from './acting-world.ts';

/** What a case has when an own action is drawn. */
export interface There {
  readonly users: readonly string[];
  /** Every device that is there at some time; at that moment it may not be. */
  readonly labels: readonly Label[];
  readonly knobs: Knobs;
}

/** An action of your own. */
export interface OwnAction {
  /** How cases name it. */
  readonly name: string;
  /** How often it comes up where it does; a send of ours has 40. Every second seed leaves it out. */
  readonly weight: number;
  /** What is to be done, which is all that the case keeps of it; `undefined` for nothing. */
  draw(dice: Dice, there: There): Json | undefined;
  /** Does it; nothing, where what it names is not there. What it throws breaks `S0`. */
  act(world: ActingWorld, data: Json): void;
}

/** A case has an action that nobody here knows. */
export class UnknownActionError extends Error {
  override readonly name = 'UnknownActionError';
  /** What the case calls it. */
  readonly action: string;

  constructor(action: string) {
    super(`the case has an action of somebody's own, "${action}": run it with that in \`actions\``);
    this.action = action;
  }
}
