/** What the suite asks of whoever has a relay to prove. */

import type { LateCase } from '@simsim/bytes/conformance';
import type { RelayTransport } from '@simsim/relay-protocol';
import type { Timer } from '@simsim/relay-protocol/conformance';

/**
 * How far a relay was proved.
 *
 * - `L0`: the contract, while the process lives and no time passes.
 * - `L1`: what time does: nonces and links end, mail and what was answered is kept as long as it must be.
 * - `L2`: a process that is killed leaves everything it answered.
 */
export type RelayLevel = 'L0' | 'L1' | 'L2';

/** A relay that takes requests. */
export interface RelayUnderTest {
  /** How devices reach it. */
  readonly transport: RelayTransport;
  /** Ends it; nobody asks it again. */
  stop(): Promise<void>;
}

/** How the suite gets its relays. */
export interface RelayHooks<Relay extends RelayUnderTest = RelayUnderTest> {
  /** A new empty relay at which anybody may make an account. */
  readonly make: () => Promise<Relay>;
  /** The platform's timer; bounds how long the suite waits for what does not come. */
  readonly timer: Timer;
  /** L1: so much time passes for the relay, which does what it does from time to time. */
  readonly passTime?: (relay: Relay, ms: number) => Promise<void>;
  /** L2: its process is killed now; starts another one on what is left. */
  readonly kill?: (relay: Relay) => Promise<Relay>;
}

/** One thing that a relay must do. */
export type RelayCase = LateCase<RelayLevel>;

/** A case of the contract, before it has a relay. */
export interface BareRelayCase<Hooks> {
  readonly name: string;
  readonly run: (hooks: Hooks) => Promise<void>;
}
