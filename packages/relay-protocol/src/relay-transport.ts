/** The seam between a device and its relay: how requests get there, and how mail comes back. */

import type { RelayOutcome } from './answer.ts';
import type { ServerFrame } from './frame.ts';
import { CLOSE_CONNECTED_ELSEWHERE, CLOSE_UNAUTHORIZED } from './http.ts';
import type { RelayRequest } from './request.ts';

/**
 * How a device reaches its relay; remembers nothing between two calls. An adapter is one when it passes
 * the transport's conformance suite.
 */
export interface RelayTransport {
  /**
   * Asks once. The token [32] stays the caller's, who may wipe it when this has returned; it goes with a
   * request that needs one, and with no other.
   *
   * Throws: an error of code `RELAY_UNAVAILABLE` when no whole answer to this request came; whether the
   * relay acted is unknown then, and every request may be repeated as it is.
   */
  ask(request: RelayRequest, token?: Uint8Array): Promise<RelayOutcome>;
  /** Opens a line for the device with this token; returns before it tells the listener anything. */
  connect(token: Uint8Array | undefined, listener: LineListener): RelayLine;
}

/** Why a line is down. After `unauthorized` and `connectedElsewhere` it is no use to open another. */
export type LineEnd = 'lost' | 'unauthorized' | 'connectedElsewhere';

/** What a line tells its device. */
export interface LineListener {
  /** The line is up; nothing came before. Mail that was not acknowledged comes again. */
  onUp(): void;
  /** In the order in which the relay sent them. */
  onFrame(frame: ServerFrame): void;
  /**
   * Whether it ever was up or not. Nothing follows. A transport finds out by itself, in a minute or so, where
   * a line has died without a word: else its device waits for ever.
   */
  onDown(end: LineEnd): void;
}

/** One line to the relay. */
export interface RelayLine {
  /** Tells the relay that it may forget mail. Best effort: what is lost comes again. */
  acknowledge(seqs: readonly number[]): void;
  /** Lets go of the line after what was acknowledged has left; the listener hears no more. */
  close(): void;
  /** Breaks the line at once; the listener hears no more. */
  drop(): void;
}

/** A relay as seen from the far end of a transport. */
export interface RelayEnd {
  /** Decides a request with the token that came with it. */
  answer(request: RelayRequest, token?: Uint8Array): Promise<RelayOutcome>;
  /** Takes a line over that a device has opened. */
  accept(line: FarLine, token?: Uint8Array): FarListener;
}

/** The relay's hand on one device's line. */
export interface FarLine {
  send(frame: ServerFrame): void;
  /** Nothing follows, and what was sent before arrives. */
  close(end: LineEnd): void;
}

/** What a line tells its relay. */
export interface FarListener {
  onAck(seqs: readonly number[]): void;
  /** The line is gone, whoever let go of it. */
  onDown(): void;
}

/** What a transport throws where no whole answer came. */
export class RelayUnavailableError extends Error {
  override readonly name = 'RelayUnavailableError';
  readonly code = 'RELAY_UNAVAILABLE';
}

/** Whether this is how a transport says that no whole answer came. */
export function isRelayUnavailable(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && failure.code === 'RELAY_UNAVAILABLE';
}

/** What the close code of a socket means for a line. */
export function lineEndOf(closeCode: number): LineEnd {
  if (closeCode === CLOSE_UNAUTHORIZED) return 'unauthorized';
  return closeCode === CLOSE_CONNECTED_ELSEWHERE ? 'connectedElsewhere' : 'lost';
}
