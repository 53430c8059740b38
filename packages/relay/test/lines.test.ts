/** Lines that are faster than decisions, and mailboxes that cannot be read. */

import { encodeUtf8 } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto as crypto } from '@simsim/crypto/node';
import type { RelayOutcome } from '@simsim/relay-protocol';
import { ACKS_MAX, encodeClientFrame } from '@simsim/relay-protocol';
import type { AddressInfo } from 'node:net';
import { beforeEach, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { BareRelay } from '../src/conformance/bare-relay.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';
import type { RelayStore } from '../src/core/index.ts';
import { createMemoryRelay, createMemoryStore } from '../src/memory/index.ts';
import { Connections } from '../src/shell/connections.ts';

const entropy = seededEntropy(encodeUtf8('lines'), crypto);

let store: RelayStore;
let phone: TestDevice;
let desk: TestDevice;
let ali: TestUser;

beforeEach(() => {
  store = createMemoryStore();
  const relay = new BareRelay(store);
  const baba = new TestUser('baba');
  ali = new TestUser('ali');
  [phone, desk] = [ali.makeDevice(1), baba.makeDevice(1)];
  relay.call(ali.createAccount(phone, relay.nonce()));
  relay.call(baba.createAccount(desk, relay.nonce()));
});

test('acknowledgements are read as fast as they are decided', async () => {
  const waiting: ((outcome: RelayOutcome) => void)[] = [];
  const connections = new Connections({
    store,
    submit: () => new Promise((resolve) => waiting.push(resolve)),
    now: () => 5,
  });
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  server.on('connection', (socket) => connections.accept(socket, phone.tokenHash));
  await new Promise((resolve) => server.on('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  await new Promise((resolve) => socket.on('open', resolve));
  const seqs = Array.from({ length: ACKS_MAX }, (_, i) => Number.MAX_SAFE_INTEGER - i);
  const frame = encodeClientFrame({ kind: 'ack', seqs });
  const count = 200;
  for (let i = 0; i < count; i++) socket.send(frame);
  await expect.poll(() => waiting.length).toBeGreaterThan(0);
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  // What one read from the connection brings, of 32 KB each.
  expect(waiting.length).toBeLessThan(8);
  let decided = 0;
  while (decided < count) {
    await expect.poll(() => waiting.length).toBeGreaterThan(0);
    for (const decide of waiting.splice(0)) {
      decide({ ok: true, value: { kind: 'ack' } });
      decided++;
    }
  }
  connections.close();
  server.close();
});

test('a mailbox that cannot be read ends its own line, and the relay goes on', async () => {
  const failures: unknown[] = [];
  const isBroken = { mail: false, all: false };
  const broken: RelayStore = {
    ...store,
    read(query) {
      const isOfDesk = query.tokenHash === undefined || isSame(query.tokenHash, desk.tokenHash);
      if (isOfDesk && (isBroken.all || (isBroken.mail && query.mail !== undefined)))
        throw new Error('the disk is bad here');
      return store.read(query);
    },
  };
  const onFailure = (error: unknown): void => void failures.push(error);
  const relay = createMemoryRelay({ crypto, entropy, now: () => 5, store: broken, onFailure });
  const heard: string[] = [];
  const connect = (): unknown =>
    relay.transport.connect(desk.token, {
      onUp: () => undefined,
      onFrame: ({ kind }) => void heard.push(kind),
      onDown: (end) => void heard.push(end),
    });
  connect();
  await expect.poll(() => heard).toContain('queueEmpty');
  isBroken.mail = true;
  const posts = [ali.postTo(desk.userId, [desk.entry])];
  const outcome = await relay.transport.ask({ kind: 'post', posts }, phone.token);
  expect(outcome).toMatchObject({ ok: true, value: { results: [{ kind: 'accepted' }] } });
  await expect.poll(() => heard.at(-1)).toBe('lost');
  isBroken.all = true;
  connect();
  await expect.poll(() => heard.filter((event) => event === 'lost')).toHaveLength(2);
  expect(failures).toHaveLength(2);
});

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
