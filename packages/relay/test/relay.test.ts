/** The whole relay over HTTP and WebSocket, with its real file. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { encodeUtf8 } from '@simsim/bytes';
import type { RelayRequest, UserId } from '@simsim/relay-protocol';
import { claimIdFromBytes, LINK_LIFE_MS } from '@simsim/relay-protocol';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RelayOptions, RunningRelay } from '../src/index.ts';
import { startRelay } from '../src/index.ts';
import { ask, call, join, link, nonce, refusal, TestSocket } from './client.ts';
import { TestUser } from '../src/conformance/people.ts';

let folder: string;
let relay: RunningRelay;
let url: string;

beforeEach(async () => {
  folder = mkdtempSync(joinPath(tmpdir(), 'simsim-relay-'));
  relay = await startRelay({ file: joinPath(folder, 'relay.db') });
  url = relay.url;
});

afterEach(async () => {
  await relay.stop();
  rmSync(folder, { recursive: true });
});

test('mail travels from a device to all devices of a user and is forgotten once acknowledged', async () => {
  const [ali, baba] = [new TestUser('ali'), new TestUser('baba')];
  const from = await join(url, ali);
  const first = await join(url, baba);
  const second = await link(url, baba, { id: 2, approver: 1 });
  const post = ali.postTo(baba.userId, baba.current().devices, encodeUtf8('open sesame'));
  const posted = await ask(url, { kind: 'post', posts: [post] }, from);
  expect(posted.results).toEqual([{ kind: 'accepted', listVersion: 2 }]);

  const socket = new TestSocket(url, first.token);
  const frame = await socket.nextMail();
  expect(frame).toMatchObject({
    kind: 'envelopes',
    envelopes: [{ seq: 1, sender: 'ali', senderDevice: 1, kind: 'message' }],
  });
  expect(await socket.nextMail()).toEqual({ kind: 'queueEmpty' });
  const live = ali.postTo(baba.userId, baba.current().devices);
  await ask(url, { kind: 'post', posts: [live] }, from);
  expect(await socket.nextMail()).toMatchObject({ kind: 'envelopes', envelopes: [{ seq: 2 }] });
  await ask(url, { kind: 'ack', seqs: [1, 2] }, first);

  const left = await ask(url, { kind: 'fetch', after: 0, limit: 10 }, first);
  expect(left).toEqual({ kind: 'fetch', envelopes: [], isEmpty: true });
  const others = await ask(url, { kind: 'fetch', after: 0, limit: 1 }, second);
  expect(others).toMatchObject({ envelopes: [{ seq: 1 }], isEmpty: false });
});

describe('removal', () => {
  test('closes the socket, revokes the token, deletes the mailbox', async () => {
    const ali = new TestUser('ali');
    const keeper = await join(url, ali);
    const lost = await link(url, ali, { id: 2, approver: 1 });
    const socket = new TestSocket(url, lost.token);
    expect(await socket.nextMail()).toEqual({ kind: 'queueEmpty' });
    const request = ali.removeDevice(2, keeper);
    await ask(url, request, keeper);
    expect(await socket.closed).toBe(4401);
    expect(await refusal(url, { kind: 'fetch', after: 0, limit: 1 }, lost)).toBe(
      'UNAUTHORIZED 401',
    );
    ali.list = request.list;
    const again = await link(url, ali, { id: 2, approver: 1 });
    const mail = await ask(url, { kind: 'fetch', after: 0, limit: 1 }, again);
    expect(mail.isEmpty).toBe(true);
  });
});

test('claims of one user by one device are bounded, told with a time to come back', async () => {
  const file = joinPath(folder, 'strict.db');
  const strict = await startRelay({ file, claimRate: { burst: 2, perMinute: 1 } });
  try {
    const [ali, baba] = [new TestUser('ali'), new TestUser('baba')];
    const from = await join(strict.url, ali);
    const other = await join(strict.url, baba);
    const claim = (userId: UserId): RelayRequest => ({
      kind: 'claimKeys',
      claimId: claimIdFromBytes(ali.entropy(16)),
      userId,
      devices: [from.deviceId],
    });
    for (const device of [from, from, other]) {
      expect((await call(strict.url, claim(baba.userId), device.token)).status).toBe(200);
    }
    const refused = await call(strict.url, claim(baba.userId), from.token);
    expect(refused.status).toBe(429);
    expect(refused.outcome).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect((await call(strict.url, claim(ali.userId), from.token)).status).toBe(200);
    expect(await refusal(strict.url, claim(ali.userId))).toBe('UNAUTHORIZED 401');
  } finally {
    await strict.stop();
  }
});

test('nonces and links go from the file when their time is over', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const file = joinPath(folder, 'expiring.db');
  let nowMs = 1000;
  const one = await startRelay({ file, now: () => nowMs });
  const database = new Database(file, { readonly: true });
  try {
    const ali = new TestUser('ali');
    const phone = await join(one.url, ali);
    await nonce(one.url);
    const [address, ciphertext] = [ali.entropy(16), ali.entropy(99)];
    await ask(one.url, { kind: 'putLink', address, ciphertext }, phone);
    const rows = (): unknown =>
      database
        .prepare('select (select count(*) from link) + (select count(*) from nonce)')
        .raw()
        .get();
    expect(rows()).toEqual([2]);
    nowMs += LINK_LIFE_MS;
    vi.advanceTimersByTime(60_000);
    expect(rows()).toEqual([0]);
  } finally {
    vi.useRealTimers();
    database.close();
    await one.stop();
  }
});

test('old mail goes, but not by a clock that was just set ahead', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const file = joinPath(folder, 'old.db');
  const hour = 3_600_000;
  let nowMs = 1000;
  let one = await startRelay({ file, now: () => nowMs });
  try {
    const ali = new TestUser('ali');
    const phone = await join(one.url, ali);
    const tablet = await link(one.url, ali, { id: 2, approver: 1 });
    await ask(one.url, { kind: 'post', posts: [ali.postTo(ali.userId, [tablet.entry])] }, phone);
    const count = async (): Promise<number> =>
      (await ask(one.url, { kind: 'fetch', after: 0, limit: 9 }, tablet)).envelopes.length;
    const pass = (ms: number): void => {
      for (let left = ms; left > 0; left -= hour) {
        nowMs += hour;
        vi.advanceTimersByTime(hour);
      }
    };
    nowMs += 40 * 24 * hour;
    pass(hour);
    expect(await count()).toBe(1);
    nowMs -= 40 * 24 * hour;
    await one.stop();
    one = await startRelay({ file, now: () => nowMs + 40 * 24 * hour });
    expect(await count()).toBe(1);
    await one.stop();
    one = await startRelay({ file, now: () => nowMs });
    pass(29 * 24 * hour);
    expect(await count()).toBe(1);
    pass(2 * 24 * hour);
    expect(await count()).toBe(0);
  } finally {
    vi.useRealTimers();
    await one.stop();
  }
});

test('links of one device are bounded, told with a time to come back', async () => {
  const ali = new TestUser('ali');
  const phone = await join(url, ali);
  const ciphertext = ali.entropy(99);
  const put = (): Promise<string> =>
    refusal(url, { kind: 'putLink', address: ali.entropy(16), ciphertext }, phone);
  for (let i = 0; i < 16; i++) expect(await put()).toBe('answered 200');
  expect(await put()).toBe('RATE_LIMITED 429');
});

describe('starting', () => {
  test('on a file that was put back hands out no one-time prekey that it had before', async () => {
    const [ali, baba] = [new TestUser('ali'), new TestUser('baba')];
    const from = await join(url, ali);
    const { deviceId, keys } = await join(url, baba);
    await relay.stop();
    relay = await startRelay({ file: joinPath(folder, 'relay.db'), isPutBack: true });
    const { userId } = baba;
    const claimId = claimIdFromBytes(ali.entropy(16));
    const claim = { kind: 'claimKeys', claimId, userId, devices: [deviceId] } as const;
    const { results } = await ask(relay.url, claim, from);
    const [found] = results;
    expect(found).toMatchObject({ bundle: { kemPreKey: keys.lastResortKemPreKey } });
    expect(found).not.toHaveProperty('bundle.oneTimePreKey');
  });

  test('closes registration beyond loopback unless told otherwise', async () => {
    const status = async (options: Partial<RelayOptions>): Promise<string> => {
      const file = joinPath(folder, `${options.host}-${options.registration}.db`);
      const one = await startRelay({ file, ...options });
      const local = `http://127.0.0.1:${one.port}`;
      const ali = new TestUser('ali');
      const request = ali.createAccount(ali.makeDevice(1), await nonce(local));
      const result = await refusal(local, request);
      await one.stop();
      return result;
    };
    expect(await status({ host: '0.0.0.0' })).toBe('FORBIDDEN 403');
    expect(await status({ host: '0.0.0.0', registration: 'open' })).toBe('answered 200');
    expect(await status({ registration: 'closed' })).toBe('FORBIDDEN 403');
    expect(await status({ host: 'localhost' })).toBe('answered 200');
  });

  test('on a taken port fails and leaves the file free', async () => {
    const file = joinPath(folder, 'second.db');
    await expect(startRelay({ file, port: relay.port })).rejects.toThrow('EADDRINUSE');
    await (await startRelay({ file })).stop();
  });
});
