/** Level L0 of a transport: everything arrives, where it should, as it was said. */

import { check, same } from '@simsim/bytes/conformance';
import type { RelayOutcome } from '../answer.ts';
import type { ServerFrame } from '../frame.ts';
import { ACKS_MAX, IN_FLIGHT_MAX, LINK_BYTES_MAX } from '../limits.ts';
import type { IncomingEnvelope } from '../post.ts';
import { envelopeIdFromBytes } from '../random-id-brand.ts';
import type { LineEnd } from '../relay-transport.ts';
import type { RelayRequest } from '../request.ts';
import { NEEDS_TOKEN } from '../request.ts';
import { parseDeviceId } from '../device-id-brand.ts';
import { parseUserId } from '../user-id-brand.ts';
import { echo } from './scripted-end.ts';
import type { BareTransportCase, TransportBed } from './transport-bed.ts';
import { addressOf, onTransport, tokenOf } from './transport-bed.ts';
import type { TransportHooks, TransportPair } from './transport-hooks.ts';

/** So many requests are under way at once. */
const AT_ONCE = 20;
/** Frames that come faster than anybody reads, and bytes in each: more than sockets hold. */
const FRAMES = 256;
const FRAME_BYTES = 64 * 1024;

/** Requests of either kind: with a token and without. */
const REQUESTS: readonly RelayRequest[] = [
  { kind: 'nonce' },
  { kind: 'takeLink', address: addressOf(1) },
  { kind: 'fetch', after: 0, limit: 9 },
  { kind: 'getList', userId: userId(), since: 7 },
  { kind: 'ack', seqs: [3, 1, 2] },
  { kind: 'putLink', address: addressOf(2), ciphertext: new Uint8Array(LINK_BYTES_MAX) },
  { kind: 'takeLink', address: addressOf(3) },
];

/** The contract, case by case. */
export function contractCases<Pair extends TransportPair>(
  hooks: Pick<TransportHooks<Pair>, 'make' | 'timer'>,
): readonly BareTransportCase[] {
  const on = (name: string, run: (bed: TransportBed) => Promise<void>): BareTransportCase =>
    onTransport(hooks, name, run);
  return [...requestCases(on), ...lineCases(on)];
}

type On = (name: string, run: (bed: TransportBed) => Promise<void>) => BareTransportCase;

const requestCases = (on: On): readonly BareTransportCase[] => [
  on('requests arrive as they were made, and answers as they were given', async (bed) => {
    const large = new Uint8Array(LINK_BYTES_MAX).fill(7);
    const outcomes: readonly RelayOutcome[] = [
      { ok: true, value: { kind: 'nonce', nonce: tokenOf(9) } },
      { ok: true, value: { kind: 'takeLink', ciphertext: large } },
      { ok: true, value: { kind: 'fetch', envelopes: [envelope(1)], isEmpty: false } },
      { ok: true, value: { kind: 'getList', result: { kind: 'unknownUser' } } },
      { ok: true, value: { kind: 'ack' } },
      { ok: true, value: { kind: 'putLink' } },
      { ok: true, value: { kind: 'takeLink' } },
    ];
    for (const [i, request] of REQUESTS.entries()) {
      const outcome = outcomes[i];
      check(outcome !== undefined, 'an answer for each request');
      bed.end.reply = () => outcome;
      same(await bed.ask(request, tokenOf(1)), outcome, `the answer to ${request.kind}`);
      same(bed.end.asked[i]?.request, request, `${request.kind} as it arrived`);
    }
    same(bed.end.asked.length, REQUESTS.length, 'how many requests arrived');
  }),
  on('an answer belongs to its request, however many are under way', async (bed) => {
    const waiting: (() => void)[] = [];
    bed.end.reply = async (request) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return echo(request);
    };
    const seeds = Array.from({ length: AT_ONCE }, (_, i) => i + 1);
    const answered = seeds.map((seed) => bed.echoed(seed));
    const arrived = bed.end.heard(() => waiting.length === AT_ONCE, 'all requests at once');
    // The last that came is answered first.
    const released = arrived.then(() => {
      for (const answer of waiting.toReversed()) answer();
    });
    await Promise.all([released, ...answered]);
  }),
  on('a refusal is an answer', async (bed) => {
    const refusals: readonly RelayOutcome[] = [
      { ok: false, error: { code: 'UNAUTHORIZED' } },
      { ok: false, error: { code: 'LIST_MOVED' } },
      { ok: false, error: { code: 'RATE_LIMITED', retryAfterMs: 61_000 } },
      { ok: false, error: { code: 'UNAVAILABLE' } },
      { ok: false, error: { code: 'TOO_LARGE' } },
    ];
    for (const refusal of refusals) {
      bed.end.reply = () => refusal;
      same(await bed.ask({ kind: 'nonce' }), refusal, 'what comes of a refused request');
    }
  }),
  on('a request that is repeated arrives again and has its own answer', async (bed) => {
    for (let i = 1; i <= 3; i++) {
      bed.end.reply = () => ({ ok: true, value: { kind: 'nonce', nonce: tokenOf(i) } });
      const outcome = await bed.ask({ kind: 'nonce' });
      same(outcome, bed.end.reply({ kind: 'nonce' }), `answer ${i}`);
      same(bed.end.asked.length, i, 'how many requests arrived');
    }
  }),
  on('the token goes with requests that need one, and with no other', async (bed) => {
    for (const [i, request] of REQUESTS.entries()) {
      await bed.ask(request, tokenOf(i + 1));
      const { token } = bed.end.asked.at(-1) ?? {};
      const expected = NEEDS_TOKEN[request.kind] ? tokenOf(i + 1) : undefined;
      same(token, expected, `the token of ${request.kind}`);
    }
    await bed.ask({ kind: 'fetch', after: 0, limit: 9 });
    same(bed.end.asked.at(-1)?.token, undefined, 'the token of a device that has none');
  }),
  on('tokens of several devices do not mix, and may be wiped once they were given', async (bed) => {
    const seeds = Array.from({ length: AT_ONCE }, (_, i) => i + 1);
    const asked = seeds.map((seed) => {
      const token = tokenOf(seed);
      const coming = bed.ask({ kind: 'fetch', after: seed, limit: 1 }, token);
      token.fill(0);
      return coming;
    });
    await Promise.all(asked);
    for (const { request, token } of bed.end.asked) {
      check(request.kind === 'fetch', 'only what was asked arrives');
      same(token, tokenOf(request.after), `the token of device ${request.after}`);
    }
    const wiped = tokenOf(5);
    bed.line(wiped);
    wiped.fill(0);
    same((await bed.end.line(0)).token, tokenOf(5), 'the token of a line');
    bed.line();
    same((await bed.end.line(1)).token, undefined, 'the token of a line without one');
  }),
];

const lineCases = (on: On): readonly BareTransportCase[] => [
  on('a line is up before anything comes, and frames come in order', async (bed) => {
    const frames: readonly ServerFrame[] = [
      { kind: 'keysLow', count: 3, kemCount: 0 },
      { kind: 'envelopes', envelopes: [envelope(1), envelope(2)] },
      { kind: 'envelopes', envelopes: [envelope(3)] },
      { kind: 'queueEmpty' },
      { kind: 'keysLow', count: 2, kemCount: 0 },
      { kind: 'envelopes', envelopes: [envelope(4)] },
    ];
    bed.end.greet = (far) => frames.slice(0, 4).forEach((frame) => far.send(frame));
    const line = bed.line(tokenOf(1));
    const { far } = await bed.end.line(0);
    for (const frame of frames.slice(4)) far.send(frame);
    for (const expected of [{ kind: 'up' }, ...frames])
      same(await line.next(`a frame: ${expected.kind}`), expected, 'the next event');
  }),
  on('frames that come faster than they are taken all come', async (bed) => {
    const content = new Uint8Array(FRAME_BYTES);
    bed.end.greet = (far) => {
      for (let seq = 1; seq <= FRAMES; seq++) {
        const one = { ...envelope(seq), content: content.fill(seq & 0xff).slice() };
        far.send({ kind: 'envelopes', envelopes: [one] });
      }
      far.send({ kind: 'queueEmpty' });
    };
    const line = bed.line();
    const found = await line.envelopes(FRAMES, 'all frames');
    await line.emptied();
    for (const [i, { seq, content: bytes }] of found.entries()) {
      same([seq, bytes.length, bytes[0], bytes.at(-1)], frameAt(i + 1), 'a frame of many');
    }
  }),
  on('acknowledgements arrive in order, however many there are', async (bed) => {
    const seqs = Array.from({ length: 2 * ACKS_MAX + 9 }, (_, i) => i + 1);
    const line = bed.line();
    await line.next('the line');
    const far = await bed.end.line(0);
    line.line.acknowledge([5]);
    line.line.acknowledge(seqs);
    line.line.acknowledge([]);
    line.line.acknowledge([IN_FLIGHT_MAX]);
    const count = (): number => far.acks.reduce((sum, part) => sum + part.length, 0);
    await bed.end.heard(() => count() === seqs.length + 2, 'all acknowledgements');
    same(far.acks.flat(), [5, ...seqs, IN_FLIGHT_MAX], 'acknowledgements as they arrived');
    const largest = Math.max(...far.acks.map((part) => part.length));
    check(largest <= ACKS_MAX, 'a frame acknowledges at most 4096');
  }),
  on('why a relay ends a line is told, once, after what it said', async (bed) => {
    const ends: readonly LineEnd[] = ['unauthorized', 'connectedElsewhere', 'lost'];
    for (const [i, end] of ends.entries()) {
      const line = bed.line();
      const { far, down } = await bed.end.line(i);
      far.send({ kind: 'queueEmpty' });
      far.close(end);
      await line.emptied();
      same(await line.end('the end of a line'), end, 'why it ends');
      await bed.within(down, 'the end of a line at the relay');
      await bed.echoed(i);
      same(line.heard.at(-1), { kind: 'down', end }, 'the last that is heard');
    }
    bed.end.greet = (far) => far.close('unauthorized');
    same(await bed.line().end('the end of a refused line'), 'unauthorized', 'why it ends');
  }),
  on(
    'a line that is let go of says its last to the relay, and nothing to its device',
    async (bed) => {
      const line = bed.line();
      await line.next('the line');
      const { far, acks, down } = await bed.end.line(0);
      line.line.acknowledge([1, 2]);
      line.line.close();
      far.send({ kind: 'queueEmpty' });
      await bed.within(down, 'the end of a line at the relay');
      same(acks, [[1, 2]], 'what was acknowledged last');
      far.send({ kind: 'queueEmpty' });
      await silentNow(bed, line);
    },
  ),
  on('a line that is dropped is heard no more', async (bed) => {
    const line = bed.line();
    await line.next('the line');
    const { far, down } = await bed.end.line(0);
    line.line.drop();
    far.send({ kind: 'queueEmpty' });
    await bed.within(down, 'the end of a line at the relay');
    far.send({ kind: 'queueEmpty' });
    await silentNow(bed, line);
    for (const way of ['close', 'drop'] as const) {
      const early = bed.line();
      early.line[way]();
      early.line.acknowledge([1]);
      early.line[way]();
      await bed.echoed(1);
      same(early.heard, [], 'what is heard of a line that was let go of at once');
    }
  }),
  on('lines of several devices do not mix', async (bed) => {
    const lines = [bed.line(tokenOf(1)), bed.line(tokenOf(2))];
    await bed.end.line(1);
    for (const { far, token } of bed.end.lines) {
      far.send({ kind: 'keysLow', count: token?.[0] ?? 0, kemCount: 0 });
      far.send({ kind: 'queueEmpty' });
    }
    for (const [i, line] of lines.entries()) {
      await line.emptied();
      const expected = [{ kind: 'up' }, { kind: 'keysLow', count: i + 1, kemCount: 0 }];
      same(line.heard.slice(0, 2), expected, `what device ${i + 1} hears`);
    }
    lines[0]?.line.drop();
    const [, second] = bed.end.lines;
    const other = bed.end.lines.find(({ token }) => token?.[0] === 2) ?? second;
    other?.far.send({ kind: 'queueEmpty' });
    await lines[1]?.emptied();
  }),
];

/** Whatever could still come has come by the time another line was told everything. */
async function silentNow(
  bed: TransportBed,
  line: { readonly heard: readonly unknown[] },
): Promise<void> {
  bed.end.greet = (far) => far.send({ kind: 'queueEmpty' });
  await bed.line().emptied();
  await bed.echoed(1);
  same(line.heard, [{ kind: 'up' }], 'what a line that was let go of has told');
}

function frameAt(seq: number): readonly unknown[] {
  return [seq, FRAME_BYTES, seq & 0xff, seq & 0xff];
}

/** Mail of nobody in particular. */
export function envelope(seq: number): IncomingEnvelope {
  const deviceId = parseDeviceId(1);
  check(deviceId.ok, 'a good device id');
  return {
    seq,
    sender: userId(),
    senderDevice: deviceId.value,
    envelopeId: envelopeIdFromBytes(addressOf(seq)),
    kind: 'message',
    content: addressOf(seq),
    waitedMs: seq,
  };
}

function userId(): IncomingEnvelope['sender'] {
  const parsed = parseUserId('ali');
  check(parsed.ok, 'a good user id');
  return parsed.value;
}
