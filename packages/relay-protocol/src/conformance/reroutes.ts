/** Ways to come between a device and its transport, for saboteurs of the suite. */

import type { RelayOutcome } from '../answer.ts';
import type { LineListener, RelayEnd, RelayLine, RelayTransport } from '../relay-transport.ts';
import { isRelayUnavailable } from '../relay-transport.ts';
import type { RelayRequest } from '../request.ts';
import type { TransportHooks, TransportPair } from './transport-hooks.ts';

/** A way to break sound transports. */
export interface TransportSaboteur {
  readonly name: string;
  /** The cases that must fail. */
  readonly caughtBy: readonly string[];
  /** Spreads what `make` answers, so that has to be a plain object. */
  readonly sabotage: <Pair extends TransportPair>(
    hooks: TransportHooks<Pair>,
  ) => TransportHooks<Pair>;
}

/** Breaks what a suite gets its transports by. */
export type Sabotage = TransportSaboteur['sabotage'];
/** A transport's way to ask. */
export type Ask = RelayTransport['ask'];

/** A transport whose functions can be taken off it. */
interface Loose {
  readonly ask: Ask;
  readonly connect: (token: Uint8Array | undefined, listener: LineListener) => RelayLine;
}

/** Every transport is another one. */
export function through(change: (transport: Loose) => RelayTransport): Sabotage {
  return (hooks) => ({
    ...hooks,
    async make(end) {
      const pair = await hooks.make(end);
      const { transport } = pair;
      const plain: Loose = {
        ask: (request, token) => transport.ask(request, token),
        connect: (token, listener) => transport.connect(token, listener),
      };
      return { ...pair, transport: change(plain) };
    },
  });
}

/** Every relay is another one. */
export function ending(change: (end: RelayEnd) => RelayEnd): Sabotage {
  return (hooks) => ({ ...hooks, make: (end) => hooks.make(change(end)) });
}

/** Requests go another way. */
export function asking(change: (ask: Ask) => Ask): Sabotage {
  return through(({ ask, connect }) => ({ ask: change(ask), connect }));
}

/** Answers are changed on their way. */
export function answering(change: (outcome: RelayOutcome) => RelayOutcome): Sabotage {
  return asking((ask) => async (request, token) => change(await ask(request, token)));
}

/** What is done in place of saying that no answer came. */
export function failing(
  instead: (ask: Ask, request: RelayRequest, token?: Uint8Array) => Promise<RelayOutcome>,
): Sabotage {
  return asking((ask) => async (request, token) => {
    try {
      return await ask(request, token);
    } catch (failure) {
      if (isRelayUnavailable(failure)) return instead(ask, request, token);
      throw failure;
    }
  });
}

/** A line tells somebody else. */
export function listening(change: (listener: LineListener) => LineListener): Sabotage {
  return through(({ ask, connect }) => ({
    ask,
    connect: (token, listener) => connect(token, change(bound(listener))),
  }));
}

/** A device holds another line. */
export function lining(change: (line: RelayLine) => RelayLine): Sabotage {
  return through(({ ask, connect }) => ({
    ask,
    connect(token, listener) {
      const line = connect(token, listener);
      return change({
        acknowledge: (seqs) => line.acknowledge(seqs),
        close: () => line.close(),
        drop: () => line.drop(),
      });
    },
  }));
}

/** A listener's functions without the listener, to be replaced one by one. */
export function bound(listener: LineListener): LineListener {
  return {
    onUp: () => listener.onUp(),
    onFrame: (frame) => listener.onFrame(frame),
    onDown: (end) => listener.onDown(end),
  };
}
