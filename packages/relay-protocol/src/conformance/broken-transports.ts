/** The suite's own saboteurs: transports that break one promise each. Every one must be caught. */

import { bytesToHex } from '@simsim/bytes';
import type { RelayOutcome } from '../answer.ts';
import { encodeRequest } from '../request-codec.ts';
import { LINE_SABOTEURS } from './broken-transport-lines.ts';
import type { TransportSaboteur } from './reroutes.ts';
import { answering, asking, ending, failing, listening, through } from './reroutes.ts';

const REQUEST_SABOTEURS: readonly TransportSaboteur[] = [
  {
    name: 'alters requests',
    caughtBy: ['requests arrive as they were made, and answers as they were given'],
    sabotage: asking(
      (ask) => (request, token) =>
        ask(request.kind === 'fetch' ? { ...request, after: request.after + 1 } : request, token),
    ),
  },
  {
    name: 'gives up large requests',
    caughtBy: ['requests arrive as they were made, and answers as they were given'],
    sabotage: asking((ask) => async (request, token) => {
      if (encodeRequest(request).length < 64 * 1024) return ask(request, token);
      return { ok: false, error: { code: 'TOO_LARGE' } };
    }),
  },
  {
    name: 'mixes answers up',
    caughtBy: ['an answer belongs to its request, however many are under way'],
    sabotage: asking((ask) => {
      let before: Promise<RelayOutcome> | undefined;
      return async (request, token) => {
        const own = ask(request, token);
        const other = before ?? own;
        before = own;
        await own;
        return other;
      };
    }),
  },
  {
    name: 'asks one after the other',
    caughtBy: ['an answer belongs to its request, however many are under way'],
    sabotage: asking((ask) => {
      let last: Promise<unknown> = Promise.resolve();
      return (request, token) => {
        const coming = last.then(() => ask(request, token));
        last = coming.catch(() => undefined);
        return coming;
      };
    }),
  },
  {
    name: 'has one word for all refusals',
    caughtBy: ['a refusal is an answer'],
    sabotage: answering((outcome) =>
      outcome.ok ? outcome : { ok: false, error: { code: 'UNAVAILABLE' } },
    ),
  },
  {
    name: 'remembers answers',
    caughtBy: ['a request that is repeated arrives again and has its own answer'],
    sabotage: asking((ask) => {
      const answers = new Map<string, Promise<RelayOutcome>>();
      return (request, token) => {
        const key = bytesToHex(encodeRequest(request));
        const known = answers.get(key) ?? ask(request, token);
        answers.set(key, known);
        return known;
      };
    }),
  },
  {
    name: 'gives the token to every request',
    caughtBy: ['the token goes with requests that need one, and with no other'],
    sabotage: ending((end) => {
      let last: Uint8Array | undefined;
      return {
        accept: (line, token) => end.accept(line, token),
        answer(request, token) {
          last = token ?? last;
          return end.answer(request, last);
        },
      };
    }),
  },
  {
    name: 'has one token for all devices',
    caughtBy: ['tokens of several devices do not mix, and may be wiped once they were given'],
    sabotage: asking((ask) => {
      let first: Uint8Array | undefined;
      return (request, token) => {
        first ??= token?.slice();
        return ask(request, token && first);
      };
    }),
  },
  {
    name: 'reads the token late',
    caughtBy: ['tokens of several devices do not mix, and may be wiped once they were given'],
    sabotage: asking((ask) => async (request, token) => {
      await Promise.resolve();
      return ask(request, token);
    }),
  },
  {
    name: 'gives no token to lines',
    caughtBy: [
      'tokens of several devices do not mix, and may be wiped once they were given',
      'lines of several devices do not mix',
    ],
    sabotage: through(({ ask, connect }) => ({
      ask,
      connect: (_token, listener) => connect(undefined, listener),
    })),
  },
];

const LOSS_SABOTEURS: readonly TransportSaboteur[] = [
  {
    name: 'asks again by itself',
    caughtBy: ['a lost answer is told as such, after one request'],
    sabotage: failing((ask, request, token) => ask(request, token)),
  },
  {
    name: 'makes up answers',
    caughtBy: [
      'a lost answer is told as such, after one request',
      'a relay that is away is told as such',
      'what is no answer to the request is not given as one',
      'an answer without an end is given up',
    ],
    sabotage: failing(() => Promise.resolve({ ok: false, error: { code: 'UNAVAILABLE' } })),
  },
  {
    name: 'fails in its own way',
    caughtBy: [
      'a lost answer is told as such, after one request',
      'what is no answer to the request is not given as one',
    ],
    sabotage: failing(() => Promise.reject(new Error('no answer'))),
  },
  {
    name: 'loses every answer with the first',
    caughtBy: ['a lost answer costs no other one'],
    sabotage: asking((ask) => {
      let lost: unknown;
      return async (request, token) => {
        try {
          const outcome = await ask(request, token);
          await Promise.resolve();
          if (lost === undefined) return outcome;
        } catch (failure) {
          lost = failure;
        }
        throw lost;
      };
    }),
  },
  {
    name: 'waits for ever',
    caughtBy: [
      'a relay that is away is told as such',
      'an answer without an end is given up',
      'a lost answer is told as such, after one request',
    ],
    sabotage: failing(() => new Promise<never>(() => undefined)),
  },
  {
    name: 'says nothing of a line that breaks',
    caughtBy: [
      'a line that breaks says so once, and the next is told again',
      'a relay that is away is told as such',
      'a line ends with the first frame that is none',
      'a frame without an end ends its line',
    ],
    sabotage: listening((listener) => ({
      ...listener,
      onDown: (end) => (end === 'lost' ? undefined : listener.onDown(end)),
    })),
  },
];

/** At least one for each case. */
export const TRANSPORT_SABOTEURS: readonly TransportSaboteur[] = [
  ...REQUEST_SABOTEURS,
  ...LINE_SABOTEURS,
  ...LOSS_SABOTEURS,
];
