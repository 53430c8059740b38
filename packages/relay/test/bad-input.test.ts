/**
 * Bad input over real HTTP: every kind gets its named refusal and status, nothing in the file
 * changes, and the relay goes on.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { encodeUtf8 } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import type { RelayRequest, RequestKind } from '@simsim/relay-protocol';
import {
  BODY_BYTES_MAX,
  claimIdFromBytes,
  CONTENT_TYPE,
  encodeRequest,
  ENVELOPE_BYTES_MAX,
  NEEDS_TOKEN,
  REQUEST_KINDS,
  requestPath,
} from '@simsim/relay-protocol';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningRelay } from '../src/index.ts';
import { startRelay } from '../src/index.ts';
import type { Reply } from './client.ts';
import { ask, call, join, link, nonce, postBytes } from './client.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';

let folder: string;
let file: string;
let relay: RunningRelay;
let url: string;
let ali: TestUser;
let phone: TestDevice;
const samples = new Map<RequestKind, RelayRequest>();

beforeAll(async () => {
  folder = mkdtempSync(joinPath(tmpdir(), 'simsim-bad-'));
  file = joinPath(folder, 'relay.db');
  relay = await startRelay({ file });
  url = relay.url;
  ali = new TestUser('ali');
  phone = await join(url, ali);
  await link(url, ali, { id: 2, approver: 1 });
  const baba = new TestUser('baba');
  const claimId = claimIdFromBytes(ali.entropy(16));
  const address = ali.entropy(16);
  const requests: RelayRequest[] = [
    { kind: 'nonce' },
    baba.createAccount(baba.makeDevice(1), await nonce(url)),
    ali.addDevice(ali.makeDevice(3), phone, await nonce(url)),
    ali.removeDevice(2, phone),
    { kind: 'getList', userId: ali.userId, since: 0 },
    { kind: 'uploadKeys', keys: ali.makeKeys(10, 3) },
    { kind: 'checkKeys', digest: ali.entropy(32) },
    { kind: 'claimKeys', claimId, userId: ali.userId, devices: [phone.deviceId] },
    { kind: 'post', posts: [ali.postTo(ali.userId, [ali.device(2).entry])] },
    { kind: 'fetch', after: 0, limit: 9 },
    { kind: 'ack', seqs: [1, 2, 3] },
    { kind: 'putLink', address, ciphertext: ali.entropy(40) },
    { kind: 'takeLink', address },
    { kind: 'exchangeHead', head: ali.head(phone, 7) },
    ali.renewDevice(ali.device(2), await nonce(url)).request,
    ali.askSuccession(phone, 1),
    { kind: 'getSignedKeys', devices: [phone.deviceId] },
  ];
  for (const request of requests) samples.set(request.kind, request);
});

afterAll(async () => {
  await relay.stop();
  rmSync(folder, { recursive: true });
});

const sample = (kind: RequestKind): RelayRequest => {
  const request = samples.get(kind);
  if (request === undefined) throw new Error('there is a sample of every kind');
  return request;
};

/** Requests in which every byte is signed or proven. */
const SIGNED = new Set<RequestKind>([
  'createAccount',
  'addDevice',
  'renewDevice',
  'removeDevice',
  'exchangeHead',
  'getSuccession',
]);

/** Every row of every table. */
function everyRow(): unknown {
  const database = new Database(file, { readonly: true });
  try {
    const tables = database
      .prepare<[], string>("select name from sqlite_schema where type = 'table'")
      .pluck()
      .all();
    return tables.map((table) => database.prepare(`select * from "${table}"`).raw().all());
  } finally {
    database.close();
  }
}

const named = ({ status, outcome }: Reply): string => {
  if (outcome === undefined) return `undecodable ${status}`;
  return outcome.ok ? `answered ${status}` : `${outcome.error.code} ${status}`;
};

async function expectRefusal(send: () => Promise<Reply>, expected: string): Promise<void> {
  const before = everyRow();
  expect(named(await send())).toBe(expected);
  expect(everyRow()).toEqual(before);
}

const send = (kind: RequestKind, body: Uint8Array): Promise<Reply> =>
  postBytes(url, requestPath(kind), { body, token: phone.token });

describe.each(REQUEST_KINDS)('%s', (kind) => {
  const good = (): Uint8Array => encodeRequest(sample(kind));

  test('empty, cut, extended, of another format, or of another kind', async () => {
    const bytes = good();
    const other = encodeRequest(sample(kind === 'nonce' ? 'fetch' : 'nonce'));
    const bodies = [
      new Uint8Array(0),
      bytes.slice(0, 1),
      bytes.slice(0, -1),
      bytes.slice(0, bytes.length / 2),
      Uint8Array.from([...bytes, 0]),
      bytes.map((byte, i) => (i === 0 ? 9 : byte)),
      bytes.map((byte, i) => (i === 1 ? 200 : byte)),
      other,
    ];
    for (const body of bodies) await expectRefusal(() => send(kind, body), 'MALFORMED 400');
  });

  test('oversized', async () => {
    const body = new Uint8Array(BODY_BYTES_MAX + 1);
    await expectRefusal(() => send(kind, body), 'TOO_LARGE 413');
  });

  test('of another content type, or none', async () => {
    for (const type of ['application/json', 'text/plain', 'application/octet-stream', '']) {
      const headers = { 'content-type': type };
      const options = { body: good(), headers, token: phone.token };
      await expectRefusal(() => postBytes(url, requestPath(kind), options), 'MALFORMED 400');
    }
  });
});

test.each(REQUEST_KINDS.filter((kind) => NEEDS_TOKEN[kind]))(
  '%s without a good token',
  async (kind) => {
    const wrong = [
      undefined,
      'Bearer',
      'Bearer short',
      `Basic ${'A'.repeat(43)}`,
      `Bearer ${'A'.repeat(43)}`,
      `Bearer ${'A'.repeat(42)}!`,
      `Bearer ${'A'.repeat(4000)}`,
    ];
    for (const authorization of wrong) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const options = { body: encodeRequest(sample(kind)), headers };
      await expectRefusal(() => postBytes(url, requestPath(kind), options), 'UNAUTHORIZED 401');
    }
  },
);

test('a stranger is refused before the body comes', async () => {
  for (const kind of REQUEST_KINDS.filter((each) => NEEDS_TOKEN[each])) {
    const socket = connect(relay.port, '127.0.0.1');
    socket.write(
      `POST ${requestPath(kind)} HTTP/1.1\r\nHost: x\r\nContent-Type: ${CONTENT_TYPE}\r\n` +
        `Authorization: Bearer ${'A'.repeat(43)}\r\nContent-Length: 100000\r\n\r\n`,
    );
    const answer = await new Promise<unknown>((resolve) => socket.once('data', resolve));
    expect(String(answer)).toContain('401');
    socket.destroy();
  }
});

test('damaged requests are answered with a name whatever is damaged', async () => {
  const damage = fc.tuple(
    fc.constantFrom(...REQUEST_KINDS.filter((kind) => kind !== 'nonce')),
    fc.nat(),
    fc.integer({ min: 1, max: 255 }),
  );
  await fc.assert(
    fc.asyncProperty(damage, async ([kind, at, mask]) => {
      const good = encodeRequest(sample(kind));
      const body = good.map((byte, i) => (i === at % good.length ? byte ^ mask : byte));
      const { outcome, status } = await send(kind, body);
      expect(outcome).toBeDefined();
      expect(status).toBeLessThan(500);
      // Whatever is signed or proven cannot be damaged unseen.
      if (SIGNED.has(kind)) expect(outcome?.ok).toBe(false);
    }),
  );
});

test('random bytes at every address', async () => {
  const entropy = seededEntropy(encodeUtf8('noise'), nodeCrypto);
  for (const kind of REQUEST_KINDS) {
    for (const length of [1, 2, 33, 1000]) {
      await expectRefusal(() => send(kind, entropy(length)), 'MALFORMED 400');
    }
  }
});

test('unknown paths and methods', async () => {
  const body = encodeRequest({ kind: 'nonce' });
  for (const path of ['/', '/v1', '/v1/', '/v1/none', '/v2/nonce', '/v1/nonce/x', '/v1/../nonce']) {
    await expectRefusal(() => postBytes(url, path, { body }), 'MALFORMED 400');
  }
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const response = await fetch(`${url}/v1/nonce`, { method });
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe(CONTENT_TYPE);
  }
});

test('bytes that are not HTTP end their own connection only', async () => {
  for (const text of ['\u0000\u0001\u0002\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'POST\r\n\r\n']) {
    const received = await new Promise<string>((resolve) => {
      const socket = connect(relay.port, '127.0.0.1', () => socket.end(text));
      let answer = '';
      socket.on('data', (data) => {
        answer += String(data);
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', () => undefined);
    });
    expect(received).toContain('400');
  }
  expect((await call(url, { kind: 'nonce' })).status).toBe(200);
});

test('a post above 98 KiB is told by its result, and an open one still works', async () => {
  const to = ali.device(2).entry;
  const large = ali.postTo(ali.userId, [to], new Uint8Array(ENVELOPE_BYTES_MAX + 1));
  const good = ali.postTo(ali.userId, [to], new Uint8Array(ENVELOPE_BYTES_MAX));
  const answer = await ask(url, { kind: 'post', posts: [large, good] }, phone);
  expect(answer.results).toEqual([{ kind: 'tooLarge' }, { kind: 'accepted', listVersion: 2 }]);
});

test('the health check answers', async () => {
  const response = await fetch(`${url}/v1/health`);
  expect(response.status).toBe(200);
});
