/**
 * A real relay process dies by SIGKILL around the commit of a post and comes back on the same file
 * and port: what was answered is there, what is repeated is not doubled.
 */

import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClaimKeysRequest, Post } from '@simsim/relay-protocol';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ChaosSite } from '../src/index.ts';
import { startRelay } from '../src/index.ts';
import { ask, join, link, TestSocket } from './client.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';

const script = fileURLToPath(new URL('./relay-child.mjs', import.meta.url));

interface Child {
  readonly process: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly ended: Promise<unknown>;
}

let folder: string;
const children: Child[] = [];

beforeAll(() => {
  // The child runs the built package; `pnpm build` makes it.
  expect(existsSync(joinPath(import.meta.dirname, '../dist/index.js'))).toBe(true);
});

beforeEach(() => {
  folder = mkdtempSync(joinPath(tmpdir(), 'simsim-kill-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.process.kill('SIGKILL');
    await child.ended;
  }
  rmSync(folder, { recursive: true });
});

async function start(options: {
  readonly port?: number;
  readonly killAt?: { readonly site: ChaosSite; readonly count: number };
  readonly log?: 'info';
}): Promise<Child> {
  const file = joinPath(folder, 'relay.db');
  const process = fork(script, [JSON.stringify({ file, ...options })], {
    stdio: ['ignore', 'ignore', options.log === 'info' ? 'pipe' : 'inherit', 'ipc'],
    execArgv: [],
  });
  const ended = once(process, 'exit');
  const [ready] = (await Promise.race([
    once(process, 'message'),
    ended.then(() => Promise.reject(new Error('the relay did not start'))),
  ])) as [{ url: string; port: number }];
  const child = { process, ...ready, ended };
  children.push(child);
  return child;
}

/** Repeats a request over deaths of the relay, bringing it back each time. */
class Stubborn {
  child: Child;
  deaths = 0;

  constructor(child: Child) {
    this.child = child;
  }

  async go<T>(send: (url: string) => Promise<T>): Promise<T> {
    for (;;) {
      const { child } = this;
      try {
        return await send(child.url);
      } catch (error) {
        // Only a dead relay is worth another try.
        if (child.process.exitCode === null && child.process.signalCode === null) {
          const [, signal] = (await child.ended) as [unknown, string];
          if (signal !== 'SIGKILL') throw error;
        }
        this.deaths += 1;
        this.child = await start({ port: child.port });
      }
    }
  }
}

async function everySeq(url: string, device: TestDevice): Promise<string[]> {
  const ids: string[] = [];
  for (let after = 0; ;) {
    const page = await ask(url, { kind: 'fetch', after, limit: 64 }, device);
    ids.push(...page.envelopes.map((envelope) => envelope.envelopeId));
    after = page.envelopes.at(-1)?.seq ?? after;
    if (page.isEmpty) return ids;
  }
}

describe.each<ChaosSite>(['post:before-commit', 'post:committed'])('killed at %s', (site) => {
  test.each([1, 7, 20])('accepted post number %i', async (count) => {
    const first = await start({ killAt: { site, count } });
    const [ali, baba] = [new TestUser('ali'), new TestUser('baba')];
    const from = await join(first.url, ali);
    await join(first.url, baba);
    await link(first.url, baba, { id: 2, approver: 1 });
    const relay = new Stubborn(first);
    const posts = Array.from({ length: 30 }, () => ali.postTo(baba.userId, baba.current().devices));
    // Several at once, so that a group holds more than one.
    const send = async (post: Post): Promise<void> => {
      const answer = await relay.go((url) => ask(url, { kind: 'post', posts: [post] }, from));
      expect(answer.results).toEqual([{ kind: 'accepted', listVersion: 2 }]);
    };
    for (let i = 0; i < posts.length; i += 3) {
      const group = posts.slice(i, i + 3);
      await Promise.allSettled(
        group.map((post) => ask(relay.child.url, { kind: 'post', posts: [post] }, from)),
      );
      for (const post of group) await send(post);
    }
    expect(relay.deaths).toBe(1);
    for (const device of baba.devices.values()) {
      const ids = await everySeq(relay.child.url, device);
      const expected = posts
        .flatMap((post) => post.envelopes)
        .filter((envelope) => envelope.deviceId === device.deviceId)
        .map((envelope) => String(envelope.envelopeId));
      expect(ids.toSorted()).toEqual(expected.toSorted());
    }
  });
});

test('tokens, claims, acknowledgements and sockets outlive a death', async () => {
  const first = await start({ killAt: { site: 'post:committed', count: 3 } });
  const [ali, baba] = [new TestUser('ali'), new TestUser('baba')];
  const from = await join(first.url, ali);
  const to = await join(first.url, baba);
  const request: ClaimKeysRequest = {
    kind: 'claimKeys',
    claimId: claimIdFromBytes(ali.entropy(16)),
    userId: baba.userId,
    devices: [to.deviceId],
  };
  const claimed = await ask(first.url, request, from);
  const posts = [1, 2, 3].map(() => ali.postTo(baba.userId, [to.entry]));
  await ask(first.url, { kind: 'post', posts: posts.slice(0, 2) }, from);
  await ask(first.url, { kind: 'ack', seqs: [1] }, to);
  const before = new TestSocket(first.url, to.token);
  await before.nextMail();
  const relay = new Stubborn(first);
  await relay.go((url) => ask(url, { kind: 'post', posts }, from));
  expect(relay.deaths).toBe(1);
  expect(await before.closed).toBe(1006);
  expect(await ask(relay.child.url, request, from)).toEqual(claimed);
  const after = new TestSocket(relay.child.url, to.token);
  expect(await after.nextMail()).toMatchObject({ envelopes: [{ seq: 2 }, { seq: 3 }] });
});

test('a second relay is refused while the first one lives, and starts at once when it is killed', async () => {
  const first = await start({});
  const file = joinPath(folder, 'relay.db');
  await expect(startRelay({ file })).rejects.toMatchObject({ code: 'IN_USE' });
  first.process.kill('SIGKILL');
  await first.ended;
  const second = await startRelay({ file });
  await second.stop();
});

test('SIGTERM ends it in order', async () => {
  const child = await start({});
  await join(child.url, new TestUser('ali'));
  child.process.kill('SIGTERM');
  expect(await child.ended).toEqual([0, null]);
  expect(existsSync(joinPath(folder, 'relay.db-wal'))).toBe(false);
});

test('the log names nobody', async () => {
  const child = await start({ log: 'info' });
  let log = '';
  child.process.stderr?.on('data', (data) => {
    log += String(data);
  });
  const ali = new TestUser('ali-whose-name-is-secret');
  const phone = await join(child.url, ali);
  await ask(child.url, { kind: 'fetch', after: 0, limit: 1 }, phone);
  await fetch(`${child.url}/v1/nothing?user=ali-whose-name-is-secret`);
  child.process.kill('SIGTERM');
  await child.ended;
  const lines = log
    .trim()
    .split('\n')
    .map((line): object => JSON.parse(line));
  const answered = lines.filter((line) => 'route' in line);
  expect(answered).toHaveLength(4);
  for (const line of answered) {
    const fields = ['level', 'time', 'reqId', 'route', 'status', 'ms', 'msg'];
    expect(fields).toEqual(expect.arrayContaining(Object.keys(line)));
  }
  expect(log).not.toContain('secret');
});
