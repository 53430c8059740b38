/** Ways to come between a device and its relay, for saboteurs of the suite. */

import type {
  LineListener,
  RelayLine,
  RelayOutcome,
  RelayRequest,
  RelayTransport,
  ServerFrame,
} from '@simsim/relay-protocol';
import { claimIdFromBytes, postIdFromBytes } from '@simsim/relay-protocol';
import type { RelayHooks, RelayUnderTest } from './relay-hooks.ts';

/** What a saboteur does to a request: it may ask, once, never or more often. */
export type AskDetour = (
  request: RelayRequest,
  ask: (request: RelayRequest) => Promise<RelayOutcome>,
  parts: { readonly token: Uint8Array | undefined },
) => Promise<RelayOutcome>;

/** What a saboteur does to a line: whom the relay really tells, and who really tells the relay. */
export interface LineDetour {
  readonly listener: LineListener;
  readonly line: (line: RelayLine) => RelayLine;
}

/** Breaks what a suite gets its relays by. */
export type Sabotage = <Relay extends RelayUnderTest>(
  hooks: RelayHooks<Relay>,
) => RelayHooks<Relay>;

/** A way to break sound relays. */
export interface RelaySaboteur {
  readonly name: string;
  /** The cases that must fail. */
  readonly caughtBy: readonly string[];
  /** Spreads what `make` answers, so that has to be a plain object. */
  readonly sabotage: Sabotage;
}

/** Every relay is reached through another transport. */
function through(change: (transport: RelayTransport) => RelayTransport): Sabotage {
  return (hooks) => {
    const { make, kill } = hooks;
    const broken = <Relay extends RelayUnderTest>(relay: Relay): Relay => ({
      ...relay,
      transport: change(relay.transport),
    });
    return {
      ...hooks,
      make: async () => broken(await make()),
      ...(kill && { kill: async (relay) => broken(await kill(relay)) }),
    };
  };
}

/** Requests make a detour; `start` begins one for each relay. */
export function asking(start: () => AskDetour): Sabotage {
  return through((transport) => {
    const detour = start();
    return {
      connect: (token, listener) => transport.connect(token, listener),
      ask: (request, token) => detour(request, (asked) => transport.ask(asked, token), { token }),
    };
  });
}

/** Answers are changed on their way. */
export function answering(
  change: (outcome: RelayOutcome, request: RelayRequest) => RelayOutcome,
): Sabotage {
  return asking(() => async (request, ask) => change(await ask(request), request));
}

/** Lines make a detour. */
export function lining(start: () => (listener: LineListener) => LineDetour): Sabotage {
  return through((transport) => {
    const detour = start();
    return {
      ask: (request, token) => transport.ask(request, token),
      connect(token, listener) {
        const around = detour(listener);
        return around.line(transport.connect(token, around.listener));
      },
    };
  });
}

/** Frames of a line are left out, changed or added to; `start` begins for each line. */
export function framing(start: () => (frame: ServerFrame) => readonly ServerFrame[]): Sabotage {
  return lining(() => (listener) => {
    const change = start();
    return {
      line: (line) => line,
      listener: {
        onUp: () => listener.onUp(),
        onDown: (end) => listener.onDown(end),
        onFrame(frame) {
          for (const each of change(frame)) listener.onFrame(each);
        },
      },
    };
  });
}

/** Says yes where it should refuse. */
export function lenient(code: string): Sabotage {
  return answering((outcome, request) =>
    outcome.ok || outcome.error.code !== code ? outcome : yes(request),
  );
}

/** Ids that nobody has used. */
export function freshIds(): { readonly post: AskDetour; readonly claim: AskDetour } {
  let drawn = 0;
  const id = (): Uint8Array => {
    const bytes = new Uint8Array(16).fill(0xee);
    new DataView(bytes.buffer).setUint32(0, ++drawn);
    return bytes;
  };
  return {
    post(request, ask) {
      if (request.kind !== 'post') return ask(request);
      const posts = request.posts.map((post) => ({ ...post, postId: postIdFromBytes(id()) }));
      return ask({ ...request, posts });
    },
    claim(request, ask) {
      if (request.kind !== 'claimKeys') return ask(request);
      return ask({ ...request, claimId: claimIdFromBytes(id()) });
    },
  };
}

function yes(request: RelayRequest): RelayOutcome {
  switch (request.kind) {
    case 'createAccount':
    case 'addDevice':
    case 'removeDevice':
    case 'renewDevice':
    case 'ack':
    case 'putLink':
    case 'exchangeHead':
      return { ok: true, value: { kind: request.kind } };
    case 'fetch':
      return { ok: true, value: { kind: 'fetch', envelopes: [], isEmpty: true } };
    case 'getSuccession':
      return { ok: true, value: { kind: 'getSuccession', lists: [] } };
    case 'post':
    case 'claimKeys':
      return { ok: true, value: { kind: request.kind, results: [] } };
    case 'nonce':
    case 'getList':
    case 'uploadKeys':
    case 'checkKeys':
    case 'takeLink':
    case 'getSignedKeys':
      return { ok: false, error: { code: 'UNAVAILABLE' } };
  }
}
