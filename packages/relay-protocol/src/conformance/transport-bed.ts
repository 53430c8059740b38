/** A transport between a case and the relay that it plays. */

import { check, ConformanceError, same } from '@simsim/bytes/conformance';
import type { RelayOutcome } from '../answer.ts';
import type { RelayTransport } from '../relay-transport.ts';
import { isRelayUnavailable } from '../relay-transport.ts';
import type { RelayRequest } from '../request.ts';
import { LineProbe } from './line-probe.ts';
import { within } from './patience.ts';
import { ScriptedEnd } from './scripted-end.ts';
import type { TransportHooks, TransportPair } from './transport-hooks.ts';

/** A case before it has a transport. */
export interface BareTransportCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** One case over a transport of its own, which is taken away afterwards. */
export function onTransport<Pair extends TransportPair>(
  { make, timer }: Pick<TransportHooks<Pair>, 'make' | 'timer'>,
  name: string,
  run: (bed: TransportBed, pair: Pair) => Promise<void>,
): BareTransportCase {
  return {
    name,
    async run() {
      const end = new ScriptedEnd(timer);
      const pair = await make(end);
      const bed = new TransportBed(pair, end, timer);
      try {
        await run(bed, pair);
      } catch (failure) {
        check(!isRelayUnavailable(failure), 'what the relay answered has not come');
        throw failure;
      } finally {
        await bed.stop();
      }
    },
  };
}

/** A transport in use. */
export class TransportBed {
  readonly transport: RelayTransport;
  readonly end: ScriptedEnd;
  readonly #pair: TransportPair;
  readonly #timer: TransportHooks['timer'];
  readonly #lines: LineProbe[] = [];
  #stopping: Promise<void> | undefined;

  constructor(pair: TransportPair, end: ScriptedEnd, timer: TransportHooks['timer']) {
    this.transport = pair.transport;
    this.end = end;
    this.#pair = pair;
    this.#timer = timer;
  }

  /** Lets go of the lines and takes the far end away, once. */
  stop(): Promise<void> {
    for (const { line } of this.#lines.splice(0)) line.drop();
    this.#stopping ??= this.#pair.stop();
    return this.#stopping;
  }

  /** What comes back in time. */
  ask(request: RelayRequest, token?: Uint8Array): Promise<RelayOutcome> {
    return within(this.#timer, this.transport.ask(request, token), `an end of ${request.kind}`);
  }

  /** Asks for what was left at an address, which is the address. */
  async echoed(seed: number): Promise<void> {
    const address = addressOf(seed);
    const outcome = await this.ask({ kind: 'takeLink', address });
    const expected = { ok: true, value: { kind: 'takeLink', ciphertext: address } };
    same(outcome, expected, `the answer to request ${seed}`);
  }

  /** The same, of which no answer comes: it must say so. */
  async unavailable(what: string): Promise<void> {
    let outcome: RelayOutcome | undefined;
    try {
      outcome = await this.ask({ kind: 'takeLink', address: addressOf(200) });
    } catch (failure) {
      if (failure instanceof ConformanceError) throw failure;
      check(isRelayUnavailable(failure), `${what} fails with an error of another code`);
      return;
    }
    check(false, `${what} is answered with ${outcome.ok ? 'an answer' : outcome.error.code}`);
  }

  /** Opens a line. */
  line(token?: Uint8Array): LineProbe {
    const probe = new LineProbe(this.transport, this.#timer, token);
    this.#lines.push(probe);
    return probe;
  }

  /** Waits for what ought to come. */
  within<T>(coming: Promise<T>, what: string): Promise<T> {
    return within(this.#timer, coming, what);
  }
}

/** An address that says which it is. */
export function addressOf(seed: number): Uint8Array {
  return new Uint8Array(16).fill(seed);
}

/** A token that says whose it is. */
export function tokenOf(seed: number): Uint8Array {
  return new Uint8Array(32).fill(seed);
}
