/** The WebSocket: who may open it, what is pushed, what closes it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import type { ServerFrame } from '@simsim/relay-protocol';
import { encodeClientFrame, IN_FLIGHT_MAX, POSTS_PER_REQUEST_MAX } from '@simsim/relay-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import type { RunningRelay } from '../src/index.ts';
import { startRelay } from '../src/index.ts';
import { ask, join, TestSocket } from './client.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';

let folder: string;
let relay: RunningRelay;
let url: string;
let ali: TestUser;
let baba: TestUser;
let from: TestDevice;
let to: TestDevice;

beforeEach(async () => {
  folder = mkdtempSync(joinPath(tmpdir(), 'simsim-socket-'));
  relay = await startRelay({ file: joinPath(folder, 'relay.db') });
  url = relay.url;
  ali = new TestUser('ali');
  baba = new TestUser('baba');
  from = await join(url, ali);
  to = await join(url, baba);
});

afterEach(async () => {
  await relay.stop();
  rmSync(folder, { recursive: true });
});

/** Posts `count` envelopes to the other device, several in one request. */
async function post(count: number): Promise<void> {
  for (let left = count; left > 0; left -= POSTS_PER_REQUEST_MAX) {
    const length = Math.min(left, POSTS_PER_REQUEST_MAX);
    const posts = Array.from({ length }, () => ali.postTo(baba.userId, [to.entry]));
    const answer = await ask(url, { kind: 'post', posts }, from);
    expect(answer.results.every((result) => result.kind === 'accepted')).toBe(true);
  }
}

/** Reads frames until `count` envelopes came; answers their numbers. */
async function read(socket: TestSocket, count: number): Promise<number[]> {
  const seqs: number[] = [];
  while (seqs.length < count) {
    const frame = await socket.nextMail();
    if (frame.kind === 'envelopes') seqs.push(...frame.envelopes.map((envelope) => envelope.seq));
  }
  return seqs;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** The frames of a socket until the relay has answered a request of that device's. */
async function framesBy(socket: TestSocket, count: number): Promise<ServerFrame[]> {
  const frames: ServerFrame[] = [];
  while (frames.length < count) frames.push(await socket.nextMail());
  return frames;
}

describe('opening', () => {
  test('says that the queue is empty, once', async () => {
    const socket = new TestSocket(url, to.token);
    await post(1);
    const frames = await framesBy(socket, 2);
    expect(frames.map((frame) => frame.kind).toSorted()).toEqual(['envelopes', 'queueEmpty']);
    await post(1);
    expect(await socket.nextMail()).toMatchObject({ kind: 'envelopes', envelopes: [{ seq: 2 }] });
  });

  test('tells about keys that are few', async () => {
    const socket = new TestSocket(url, to.token);
    expect(await socket.next()).toEqual({ kind: 'keysLow', count: 3, kemCount: 3 });
  });

  test.each([
    ['no header', undefined],
    ['no token', 'Bearer '],
    ['a token of nobody', `Bearer ${'A'.repeat(43)}`],
  ])('with %s closes with 4401', async (_name, header) => {
    expect(await new TestSocket(url, header).closed).toBe(4401);
    expect(relay.connections()).toBe(0);
  });

  test('anywhere else is not found', async () => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/other`);
    const error = await new Promise<Error>((resolve) => socket.on('error', resolve));
    expect(error.message).toContain('404');
  });

  test('anywhere else and hanging up at once ends nobody but the stranger', async () => {
    const request =
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => {
        const socket = connect(relay.port, '127.0.0.1', () => {
          socket.write(request, () => socket.resetAndDestroy());
        });
        socket.on('close', () => resolve());
      });
    }
    expect(await new TestSocket(url, to.token).nextMail()).toEqual({ kind: 'queueEmpty' });
  });

  test('anywhere else ends the connection, whether or not the stranger lets go of it', async () => {
    const socket = connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.resume();
    await new Promise((resolve) => socket.on('end', resolve));
    // Written into a connection that is gone, not into one that waits for an end.
    const gone = new Promise<string | undefined>((resolve) => {
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    const more = setInterval(() => socket.write('more'), 1);
    expect(await gone).toMatch(/ECONNRESET|EPIPE/u);
    clearInterval(more);
  });

  test('again closes the first with 4409, and mail goes to the second', async () => {
    const first = new TestSocket(url, to.token);
    expect(await first.nextMail()).toEqual({ kind: 'queueEmpty' });
    const second = new TestSocket(url, to.token);
    expect(await first.closed).toBe(4409);
    expect(await second.nextMail()).toEqual({ kind: 'queueEmpty' });
    await post(1);
    expect(await read(second, 1)).toEqual([1]);
    expect(relay.connections()).toBe(1);
  });
});

test('a device that comes again and again is told to come later, and then may', async () => {
  let nowMs = 1000;
  await relay.stop();
  relay = await startRelay({ file: joinPath(folder, 'relay.db'), now: () => nowMs });
  ({ url } = relay);
  for (let i = 0; i < 120; i++) {
    const socket = new TestSocket(url, to.token);
    expect(await socket.nextMail()).toEqual({ kind: 'queueEmpty' });
    socket.socket.terminate();
  }
  expect(await new TestSocket(url, to.token).closed).toBe(1013);
  expect(await new TestSocket(url, from.token).nextMail()).toEqual({ kind: 'queueEmpty' });
  nowMs += 1000;
  expect(await new TestSocket(url, to.token).nextMail()).toEqual({ kind: 'queueEmpty' });
});

describe('pushing', () => {
  test('a backlog in order, several in a frame, then the end of it', async () => {
    await post(100);
    const socket = new TestSocket(url, to.token);
    const [first, second, third] = await framesBy(socket, 3);
    expect(first).toMatchObject({ kind: 'envelopes', envelopes: { length: 64 } });
    expect(second).toMatchObject({ kind: 'envelopes', envelopes: { length: 36 } });
    expect(third).toEqual({ kind: 'queueEmpty' });
  });

  test('stops at 256 unacknowledged and goes on after an acknowledgement', async () => {
    await post(IN_FLIGHT_MAX + 50);
    const socket = new TestSocket(url, to.token);
    expect(await read(socket, IN_FLIGHT_MAX)).toEqual(upTo(IN_FLIGHT_MAX));
    socket.ack([3, 1, 2]);
    expect(await read(socket, 3)).toEqual([257, 258, 259]);
    socket.ack(upTo(IN_FLIGHT_MAX + 3));
    const rest = await read(socket, 47);
    expect(rest.at(-1)).toBe(IN_FLIGHT_MAX + 50);
    expect(await socket.nextMail()).toEqual({ kind: 'queueEmpty' });
  });

  test('again what was not acknowledged, and nothing else', async () => {
    await post(3);
    const first = new TestSocket(url, to.token);
    expect(await read(first, 3)).toEqual([1, 2, 3]);
    await ask(url, { kind: 'ack', seqs: [2] }, to);
    first.socket.terminate();
    const second = new TestSocket(url, to.token);
    expect(await read(second, 2)).toEqual([1, 3]);
    second.ack([1, 3]);
    await post(1);
    expect(await read(second, 1)).toEqual([4]);
    // Acknowledgements go by the socket, so another connection may be a moment ahead of them.
    const waiting = async (): Promise<unknown> =>
      (await ask(url, { kind: 'fetch', after: 0, limit: 9 }, to)).envelopes.map((one) => one.seq);
    await expect.poll(waiting).toEqual([4]);
  });
});

describe('a bad frame closes with 4400 and loses nothing', () => {
  test.each<[string, Uint8Array | string]>([
    ['text', 'ack'],
    ['empty', new Uint8Array(0)],
    ['another format', Uint8Array.from([2, 4, 0])],
    ['another tag', Uint8Array.from([1, 1, 0])],
    ['cut', encodeClientFrame({ kind: 'ack', seqs: [1, 2] }).slice(0, -1)],
    ['extended', Uint8Array.from([...encodeClientFrame({ kind: 'ack', seqs: [1] }), 0])],
  ])('%s', async (_name, bytes) => {
    await post(1);
    const socket = new TestSocket(url, to.token);
    expect(await read(socket, 1)).toEqual([1]);
    socket.socket.send(bytes);
    expect(await socket.closed).toBe(4400);
    expect(await read(new TestSocket(url, to.token), 1)).toEqual([1]);
  });

  test('an oversized frame is cut off', async () => {
    const socket = new TestSocket(url, to.token);
    await socket.nextMail();
    socket.socket.send(new Uint8Array(100_000));
    expect(await socket.closed).toBe(1009);
  });
});

test('stopping closes sockets as going away', async () => {
  const socket = new TestSocket(url, to.token);
  await socket.nextMail();
  await relay.stop();
  expect(await socket.closed).toBe(1001);
  relay = await startRelay({ file: joinPath(folder, 'relay.db') });
});

test('stopping waits for no stranger who does not let go', async () => {
  const socket = connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  socket.write(
    'GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await new Promise((resolve) => socket.once('data', resolve));
  await relay.stop();
  relay = await startRelay({ file: joinPath(folder, 'relay.db') });
}, 15_000);
