/** What a process sees of the world it runs in. */

import type { Crypto } from '@simsim/crypto';
import type { CoreInput, RunResult } from '@simsim/device-core';
import type { IncomingEnvelope, RelayOutcome, RelayRequest } from '@simsim/relay-protocol';
import type { InboxItem, Sabotage } from '@simsim/sesame';
import type { LogSabotage } from '@simsim/event-log';
import type { Killed } from './fuse.ts';
import type { Place } from './host.ts';

/** The world, as far as a process knows it. */
export interface Surroundings<Process> extends Place {
  readonly seed: number;
  readonly crypto: Crypto;
  readonly watcher: Watcher<Process>;
  readonly sabotage: ReadonlySet<Sabotage>;
  readonly logSabotage: LogSabotage;
  /** Asks the relay; the answer comes later, or `undefined` where none does. */
  exchange(
    process: Process,
    request: RelayRequest,
    then: (outcome: RelayOutcome | undefined) => void,
  ): void;
  /** Asks the relay and waits: nothing else happens meanwhile. */
  ask(process: Process, request: RelayRequest): RelayOutcome | undefined;
  /** What a page of mail is when it reaches the device. */
  carry(process: Process, mail: readonly IncomingEnvelope[]): readonly IncomingEnvelope[];
}

/** Who looks on. */
export interface Watcher<Process> {
  /** A request is about to leave. */
  leaves(process: Process, request: RelayRequest): void;
  ran(process: Process, inputs: readonly CoreInput[], result: RunResult): void;
  /** The application has a message for good. */
  kept(process: Process, item: InboxItem): void;
  died(process: Process, killed: Killed): void;
}
