/** What the suite asks of whoever has a transport to prove. */

import type { LateCase } from '@simsim/bytes/conformance';
import type { RelayEnd, RelayTransport } from '../relay-transport.ts';
import type { Timer } from './patience.ts';

/**
 * How far a transport was proved.
 *
 * - `L0`: the contract, while everything arrives.
 * - `L1`: what is lost on the way is told as lost, and nothing else with it.
 * - `L2`: what arrives and is nothing that a relay says goes no further.
 */
export type TransportLevel = 'L0' | 'L1' | 'L2';

/** A transport with its far end. */
export interface TransportPair {
  readonly transport: RelayTransport;
  /** Takes the far end away; the transport may still be asked. */
  stop(): Promise<void>;
}

/** How the suite gets its transports. A level runs where all its hooks are given. */
export interface TransportHooks<Pair extends TransportPair = TransportPair> {
  /** A transport whose far end hands everything to this relay, and takes from it what it says. */
  readonly make: (end: RelayEnd) => Promise<Pair>;
  /** The platform's timer; bounds how long the suite waits for what does not come. */
  readonly timer: Timer;
  /** L1: the relay's next answer is lost on its way. */
  readonly loseAnswer?: (pair: Pair) => void;
  /** L1: every line breaks, and neither end has said so. */
  readonly cutLines?: (pair: Pair) => void;
  /** L2: in place of the relay's next answer these bytes arrive. */
  readonly garbleAnswer?: (pair: Pair, bytes: Uint8Array) => void;
  /** L2: in place of the relay's next answer so many bytes arrive, and it does not end. */
  readonly floodAnswer?: (pair: Pair, length: number) => void;
  /** L2: these bytes come down every line in place of a frame. */
  readonly garbleLines?: (pair: Pair, bytes: Uint8Array) => void;
  /** L2: so many bytes of a frame come down every line, and it does not end. */
  readonly floodLines?: (pair: Pair, length: number) => void;
}

/** One thing that a transport must do. */
export type TransportCase = LateCase<TransportLevel>;
