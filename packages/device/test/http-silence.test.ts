/** A far end that takes connections and then does not do what a relay does. */

import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { LineListener } from '@simsim/relay-protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHttpTransport, linkDevice, memory } from '../src/index.ts';
import { RelayClient } from '../src/relay-client.ts';

let server: Server;
let url: string;
/** What is done with a connection once its first bytes came. */
let answer: (socket: Socket, head: string) => void;
let sockets: Socket[];

beforeEach(async () => {
  sockets = [];
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', (data) => answer(socket, String(data)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  vi.useRealTimers();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const unavailable = { code: 'RELAY_UNAVAILABLE' };

/** Upgrades, and says nothing more. */
function upgrade(socket: Socket, head: string): void {
  const key = /sec-websocket-key: (\S+)/iu.exec(head)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
  );
}

/** Time passes in steps, so that what it causes has its turns. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    vi.advanceTimersByTime(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const fake = (): unknown =>
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });

describe('an answer', () => {
  test('in another protocol is none', async () => {
    answer = upgrade;
    await expect(createHttpTransport(url).ask({ kind: 'nonce' })).rejects.toMatchObject(
      unavailable,
    );
  });

  test('that trickles is none after five minutes', async () => {
    let trickle: NodeJS.Timeout | undefined;
    answer = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
      trickle = setInterval(() => socket.write('a'), 1000);
    };
    fake();
    const told = createHttpTransport(url)
      .ask({ kind: 'nonce' })
      .catch((failure: unknown) => failure);
    while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await pass(301_000);
    clearInterval(trickle);
    expect(await told).toMatchObject(unavailable);
  });
});

describe('a line', () => {
  let ends: string[];
  let listener: LineListener;

  beforeEach(() => {
    const heard: string[] = [];
    ends = heard;
    listener = {
      onUp: () => void heard.push('up'),
      onFrame: () => undefined,
      onDown: (end) => void heard.push(end),
    };
  });

  test('that nobody opens is lost', async () => {
    answer = () => undefined;
    fake();
    createHttpTransport(url).connect(new Uint8Array(32), listener);
    while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await pass(31_000);
    await expect.poll(() => ends).toEqual(['lost']);
  });

  test('on which nothing comes any more is lost, and said to be', async () => {
    answer = upgrade;
    fake();
    createHttpTransport(url).connect(new Uint8Array(32), listener);
    while (ends.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await pass(59_000);
    expect(ends).toEqual(['up']);
    await pass(2000);
    expect(ends).toEqual(['up', 'lost']);
  });

  test('is let go of where nobody answers its close', async () => {
    answer = upgrade;
    const line = createHttpTransport(url).connect(new Uint8Array(32), listener);
    await expect.poll(() => ends).toEqual(['up']);
    const [socket] = sockets;
    const gone = once(socket ?? server, 'close');
    line.close();
    await gone;
    expect(ends).toEqual(['up']);
  });
});

test('an address may have a path of its own', async () => {
  const heads: string[] = [];
  answer = (socket, head) => {
    heads.push(head.split(' ')[1] ?? '');
    socket.destroy();
  };
  const transport = createHttpTransport(`${url}/simsim/`);
  await expect(transport.ask({ kind: 'nonce' })).rejects.toMatchObject(unavailable);
  await new Promise<void>((resolve) => {
    const listener = { onUp: () => undefined, onFrame: () => undefined, onDown: () => resolve() };
    transport.connect(undefined, listener);
  });
  expect(heads).toEqual(['/simsim/v1/nonce', '/simsim/v1/ws']);
});

describe('a device that goes', () => {
  const never = (): void => undefined;

  test('waits a second for what it asked, and no longer', async () => {
    answer = never;
    const client = new RelayClient(url);
    const asked = client.ask({ kind: 'nonce' });
    await expect.poll(() => sockets).toHaveLength(1);
    client.close();
    await expect(asked).rejects.toMatchObject(unavailable);
  });

  test('is not linked any more a second after its signal, whatever its relay says', async () => {
    answer = never;
    const stop = new AbortController();
    const { signal } = stop;
    const linking = linkDevice({ store: memory(), relay: url, onCode: () => undefined, signal });
    await expect.poll(() => sockets).toHaveLength(1);
    stop.abort();
    await expect(linking).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('leaves alone what others ask by a transport that it was given', async () => {
    answer = never;
    const transport = createHttpTransport(url);
    const asked = transport.ask({ kind: 'nonce' }).then(never, (failure: unknown) => failure);
    await expect.poll(() => sockets).toHaveLength(1);
    fake();
    new RelayClient(transport).close();
    await pass(5000);
    const first = await Promise.race([asked, Promise.resolve('it waits')]);
    expect(first).toBe('it waits');
  });
});
