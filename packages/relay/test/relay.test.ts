/** The whole relay over HTTP and WebSocket, with its real file. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { encodeUtf8 } from '@simsim/bytes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunningRelay } from '../src/index.ts';
import { startRelay } from '../src/index.ts';
import { ask, join, link, refusal, TestSocket } from './client.ts';
import { TestUser } from './people.ts';

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
