/** What an invariant is: a name, one line, and a watch over one run. */

import type { CoreInput, RunResult } from '@simsim/device-core';
import type { Post, PostResult, RelayOutcome, RelayRequest } from '@simsim/relay-protocol';
import type { InboxItem } from '@simsim/sesame';
import type { Killed } from '../device/fuse.ts';
import type { Process } from '../device/process.ts';
import type { Seizure } from '../world/adversary.ts';
import type { WatchedWorld } from './watched-world.ts';

/** What is seen to be wrong, one line each; nothing where all is well. */
export type Problems = Iterable<string> | void;

/** One run's watch. Every call that is not there is not made. */
export interface Watch {
  /** A request is about to leave a device. */
  leaves?(process: Process, request: RelayRequest): Problems;
  /** A request came to the relay, which said something. */
  reached?(process: Process, request: RelayRequest, outcome: RelayOutcome): Problems;
  /** The relay decided a post of a device. */
  posted?(process: Process, post: Post, result: PostResult): Problems;
  /** A device decided inputs, and they are durable. */
  ran?(process: Process, inputs: readonly CoreInput[], result: RunResult): Problems;
  /** An application has a message for good. */
  kept?(process: Process, item: InboxItem): Problems;
  /** A process was killed. */
  died?(process: Process, killed: Killed): Problems;
  /** A process is up again on files that were there. */
  started?(process: Process): Problems;
  /** An adversary copied files. */
  seized?(seizure: Seizure): Problems;
  /** Everything has come to rest, faults are over, and everybody has spoken once more. */
  rested?(): Problems;
}

/** A statement that must hold in every run. */
export interface Invariant {
  /** Such as `S1`. */
  readonly id: string;
  /** One line that says what holds. */
  readonly statement: string;
  watch(world: WatchedWorld): Watch;
}

/** An invariant does not hold. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
  readonly invariant: string;
  readonly detail: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
    this.detail = detail;
  }
}
