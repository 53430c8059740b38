/** A process, as its application and its errands see it. */

import type { RunResult, CoreInput } from '@simsim/device-core';
import type { EventLog } from '@simsim/event-log';
import type { IncomingEnvelope, RelayOutcome, RelayRequest } from '@simsim/relay-protocol';
import type { InboxItem } from '@simsim/sesame';
import type { Knobs } from '../case/case.ts';
import type { Situations } from '../case/situations.ts';
import type { Agenda } from '../world/agenda.ts';
import type { Ledger } from '../world/ledger.ts';
import type { Machine } from './machine.ts';
import type { ProvingDevice } from './proving-device.ts';
import type { ShellSabotage } from './shell-sabotage.ts';

/** What surrounds every process alike. */
export interface Place {
  readonly knobs: Knobs;
  readonly agenda: Agenda;
  readonly ledger: Ledger;
  readonly situations: Situations;
  /** What the shell does wrong; nothing, but where an invariant must see it. */
  readonly shellSabotage: ReadonlySet<ShellSabotage>;
}

/** A running device. */
export interface Host extends ProvingDevice {
  readonly machine: Machine;
  readonly log: EventLog;
  readonly place: Place;
  isProven: boolean;
  expected: Uint8Array;
  run(...inputs: CoreInput[]): RunResult;
  stir(delayMs?: number): void;
  retry(): void;
  answered(): void;
  alive(act: () => void): void;
  /** Asks the relay; the answer comes later, or `undefined` where none does. */
  exchange(request: RelayRequest, then: (outcome: RelayOutcome | undefined) => void): void;
  /** What a page of mail is when it reaches the device. */
  carry(mail: readonly IncomingEnvelope[]): readonly IncomingEnvelope[];
  /** The application has a message for good. */
  kept(item: InboxItem): void;
}
