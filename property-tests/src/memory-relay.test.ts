/** Devices of an application's tests: a whole relay in this process, and no socket. */

import { linkDevice, memory, openDevice } from '@simsim/device';
import type { RelayTransport } from '@simsim/device';
import type { LineListener, PostResult } from '@simsim/relay-protocol';
import { expect, test } from 'vitest';
import { next } from './house.ts';
import { memoryHouseForEach } from './memory-house.ts';

const house = memoryHouseForEach();
const { create, open } = house;

test('devices write to each other, are linked and removed', async () => {
  const [alice, bob] = [await create('alice'), await create('bob')];
  await alice.send('bob', 'open sesame');
  expect((await next(bob)).text).toBe('open sesame');
  await bob.send('alice', 'it is open');
  expect((await next(alice)).text).toBe('it is open');
  const linking = linkDevice({
    store: memory(),
    relay: house.relay.transport,
    onCode: (code) => void bob.approveLink(code),
  });
  const tablet = await linking;
  open.push(tablet);
  await alice.send('bob', 'to both');
  expect([(await next(bob)).text, (await next(tablet)).text]).toEqual(['to both', 'to both']);
  await bob.remove(tablet.deviceId);
  expect(await tablet.closed).toBe('revoked');
});

test('a device whose line was dropped comes back, and gets what was posted meanwhile', async () => {
  const [alice, bob] = [await create('alice'), await create('bob')];
  bob.dropConnection();
  await alice.send('bob', 'one');
  bob.dropConnection();
  await alice.send('bob', 'two');
  expect([(await next(bob)).text, (await next(bob)).text].toSorted()).toEqual(['one', 'two']);
});

test('word that prekeys run low leads to one upload, however often and late it comes', async () => {
  const uploads: number[] = [];
  const listeners: LineListener[] = [];
  const watched: RelayTransport = {
    ask(request, token) {
      if (request.kind === 'uploadKeys') uploads.push(request.keys.oneTimePreKeys.length);
      return house.relay.transport.ask(request, token);
    },
    connect(token, listener) {
      listeners.push(listener);
      return house.relay.transport.connect(token, listener);
    },
  };
  const options = { user: 'alice', store: memory(), oneTimeKeys: 5 };
  const alice = await openDevice({ ...options, relay: watched, ifMissing: 'create' });
  open.push(alice);
  // A new device has few, and makes up for it by itself.
  await expect.poll(() => uploads).toHaveLength(1);
  const bob = await create('bob');
  await bob.send('alice', 'takes a key');
  expect((await next(alice)).text).toBe('takes a key');
  await expect.poll(() => listeners).not.toEqual([]);
  for (let late = 0; late < 8; late++) {
    listeners.at(-1)?.onFrame({ kind: 'keysLow', count: late, kemCount: late });
    await alice.send('alice', 'time goes by');
  }
  expect(uploads).toHaveLength(1);
});

test('a repeated send says why it failed, while its record lives and once that is closed', async () => {
  const fullFor = new Set<string>();
  const full: RelayTransport = {
    connect: (token, listener) => house.relay.transport.connect(token, listener),
    async ask(request, token) {
      const outcome = await house.relay.transport.ask(request, token);
      if (request.kind !== 'post' || !outcome.ok || outcome.value.kind !== 'post') return outcome;
      const results = outcome.value.results.map((result, i): PostResult => {
        const isFull = fullFor.has(request.posts[i]?.recipient ?? '');
        return isFull ? { kind: 'mailboxFull' } : result;
      });
      return { ok: true, value: { kind: 'post', results } };
    },
  };
  const [alice, , carol] = [
    await create('alice', full),
    await create('bob'),
    await create('carol'),
  ];
  fullFor.add('bob');
  const messageId = '00112233445566778899aabbccddeeff';
  const send = () => alice.send(['bob', 'carol'], 'to two', { messageId });
  const first = await send();
  expect(first.recipients.map(({ user, failure }) => [user, failure])).toEqual([
    ['alice', undefined],
    ['bob', 'MAILBOX_FULL'],
    ['carol', undefined],
  ]);
  expect(await send()).toEqual(first);
  expect((await next(carol)).text).toBe('to two');
  // Carol's receipt, which comes before what she says next, closes the record.
  await carol.send('alice', 'seen');
  expect((await next(alice)).text).toBe('seen');
  expect(await send()).toEqual(first);
});

test('a send that is refused takes no word from another one under its id', async () => {
  const [alice, bob] = [await create('alice'), await create('bob')];
  const messageId = '00112233445566778899aabbccddeeff';
  const sends = ['x'.repeat(100_000), 'short'].map((text) =>
    alice.send('bob', text, { messageId }),
  );
  await expect(sends[0]).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  expect(await sends[1]).toMatchObject({ messageId });
  expect((await next(bob)).text).toBe('short');
});

test('a transport that fails without saying that no answer came is an error of its own', async () => {
  const broken: RelayTransport = {
    ask: () => Promise.reject(new TypeError('a bug of the transport')),
    connect: (token, listener) => house.relay.transport.connect(token, listener),
  };
  await expect(create('alice', broken)).rejects.toThrow('a bug of the transport');
});

test('a relay that is closed is away, and says so to whoever asks or waits', async () => {
  const alice = await create('alice');
  const health: string[] = [];
  alice.health$.subscribe(({ type }) => health.push(type));
  await alice.send('alice', 'the line is up');
  house.relay.close();
  await expect.poll(() => health).toContain('disconnected');
  await expect(house.relay.transport.ask({ kind: 'nonce' })).resolves.toMatchObject({ ok: false });
  await alice.sendLater('alice', 'kept');
});
