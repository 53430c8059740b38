/** Level L1 of a transport, what is lost, and level L2, what arrives and is nothing a relay says. */

import { same } from '@simsim/bytes/conformance';
import { encodeOutcome } from '../answer-codec.ts';
import { encodeServerFrame } from '../frame.ts';
import { BODY_BYTES_MAX } from '../limits.ts';
import { isRelayUnavailable } from '../relay-transport.ts';
import { echo } from './scripted-end.ts';
import type { BareTransportCase } from './transport-bed.ts';
import { addressOf, onTransport } from './transport-bed.ts';
import { envelope } from './transport-cases.ts';
import type { TransportHooks, TransportPair } from './transport-hooks.ts';

/** Above every answer and frame, and above what anybody may reasonably keep for one. */
const TOO_LARGE_BYTES = 16 * 1024 * 1024;

type Needs<Pair extends TransportPair, Keys extends keyof TransportHooks> = Pick<
  TransportHooks<Pair>,
  'make' | 'timer'
> &
  Required<Pick<TransportHooks<Pair>, Keys>>;

/** What is lost on the way. */
export function lossCases<Pair extends TransportPair>(
  hooks: Needs<Pair, 'loseAnswer' | 'cutLines'>,
): readonly BareTransportCase[] {
  const { loseAnswer, cutLines } = hooks;
  return [
    onTransport(hooks, 'a lost answer is told as such, after one request', async (bed, pair) => {
      await bed.echoed(1);
      loseAnswer(pair);
      await bed.unavailable('a request whose answer is lost');
      same(bed.end.asked.length, 2, 'how many requests arrived');
      for (let seed = 3; seed < 6; seed++) await bed.echoed(seed);
    }),
    onTransport(hooks, 'a lost answer costs no other one', async (bed, pair) => {
      const seeds = Array.from({ length: 10 }, (_, i) => i + 1);
      let asked = 0;
      bed.end.reply = (request) => {
        if (++asked === 4) loseAnswer(pair);
        return echo(request);
      };
      const ends = await Promise.allSettled(seeds.map((seed) => bed.echoed(seed)));
      const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
      for (const failure of failures) if (!isRelayUnavailable(failure)) throw failure;
      same(failures.length, 1, 'how many requests have no answer');
      for (const seed of seeds) await bed.echoed(seed);
    }),
    onTransport(hooks, 'a relay that is away is told as such', async (bed) => {
      await bed.echoed(1);
      await bed.stop();
      await bed.unavailable('a request to a relay that is away');
      same(await bed.line().end('the end of a line to nowhere'), 'lost', 'how it ends');
    }),
    onTransport(
      hooks,
      'a line that breaks says so once, and the next is told again',
      async (bed, pair) => {
        bed.end.greet = (far) => {
          far.send({ kind: 'envelopes', envelopes: [envelope(1)] });
          far.send({ kind: 'queueEmpty' });
        };
        for (let i = 0; i < 3; i++) {
          const line = bed.line();
          same(await line.seqs(1, 'mail of a line'), [1], 'its number');
          await line.emptied();
          const { down } = await bed.end.line(i);
          cutLines(pair);
          same(await line.end('the end of a line that broke'), 'lost', 'how it ends');
          await bed.within(down, 'the end of a line at the relay');
          line.line.acknowledge([1]);
          await bed.echoed(i);
          const downs = line.heard.filter(({ kind }) => kind === 'down');
          same(downs.length, 1, 'how often the end of a line is told');
        }
      },
    ),
  ];
}

/** What a relay never says. */
export function garbageCases<Pair extends TransportPair>(
  hooks: Needs<Pair, 'garbleAnswer' | 'floodAnswer' | 'garbleLines' | 'floodLines'>,
): readonly BareTransportCase[] {
  const { garbleAnswer, floodAnswer, garbleLines, floodLines } = hooks;
  return [
    onTransport(
      hooks,
      'what is no answer to the request is not given as one',
      async (bed, pair) => {
        const good = encodeOutcome({
          ok: true,
          value: { kind: 'takeLink', ciphertext: addressOf(200) },
        });
        const garbage = [
          new Uint8Array(0),
          new Uint8Array(100).fill(0xff),
          good.slice(0, -1),
          Uint8Array.from([...good, 0]),
          Uint8Array.from([good[0] === 9 ? 8 : 9, ...good.slice(1)]),
          encodeOutcome({ ok: true, value: { kind: 'putLink' } }),
        ];
        for (const bytes of garbage) {
          garbleAnswer(pair, bytes);
          await bed.unavailable('a request that is answered with garbage');
          await bed.echoed(1);
        }
      },
    ),
    onTransport(hooks, 'an answer without an end is given up', async (bed, pair) => {
      floodAnswer(pair, TOO_LARGE_BYTES);
      await bed.unavailable('a request whose answer does not end');
      garbleAnswer(pair, new Uint8Array(BODY_BYTES_MAX + 1));
      await bed.unavailable('a request whose answer is too large');
      await bed.echoed(1);
    }),
    onTransport(hooks, 'a line ends with the first frame that is none', async (bed, pair) => {
      const good = encodeServerFrame({ kind: 'queueEmpty' });
      const garbage = [
        new Uint8Array(0),
        new Uint8Array(100).fill(0xff),
        good.slice(0, -1),
        Uint8Array.from([...good, 0]),
        new Uint8Array(TOO_LARGE_BYTES),
      ];
      for (const [i, bytes] of garbage.entries()) {
        const line = bed.line();
        await line.next('the line');
        const { far } = await bed.end.line(i);
        garbleLines(pair, bytes);
        far.send({ kind: 'queueEmpty' });
        same(await line.end('the end of such a line'), 'lost', 'how it ends');
        await bed.echoed(i);
        const heard = [{ kind: 'up' }, { kind: 'down', end: 'lost' }];
        same(line.heard, heard, 'all that a line tells whose frame is none');
      }
    }),
    onTransport(hooks, 'a frame without an end ends its line', async (bed, pair) => {
      const line = bed.line();
      await line.next('the line');
      await bed.end.line(0);
      floodLines(pair, TOO_LARGE_BYTES);
      same(await line.end('the end of a line whose frame has none'), 'lost', 'how it ends');
    }),
  ];
}
