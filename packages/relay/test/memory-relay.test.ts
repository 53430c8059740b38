/** What is the memory relay's own: a store that fails, and an end. */

import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { expect, test } from 'vitest';
import { TestUser } from '../src/conformance/people.ts';
import { createMemoryRelay, createMemoryStore } from '../src/memory/index.ts';

const now = (): number => 1_700_000_000_000;

test('a call that the store fails under is answered, and the failure is told', async () => {
  const store = createMemoryStore();
  const failures: unknown[] = [];
  const full = new Error('no room');
  let isFull = false;
  const relay = createMemoryRelay({
    crypto,
    entropy,
    now,
    store: {
      read: (query) => store.read(query),
      prune: (expiry) => store.prune(expiry),
      forgetOneTimeKeys: () => store.forgetOneTimeKeys(),
      close: () => store.close(),
      transact(work) {
        if (isFull) throw full;
        return store.transact(work);
      },
    },
    onFailure: (error) => failures.push(error),
  });
  const ali = new TestUser('ali');
  const phone = ali.makeDevice(1);
  const nonce = await relay.transport.ask({ kind: 'nonce' });
  if (!nonce.ok || nonce.value.kind !== 'nonce') throw new Error('a nonce is answered');
  const request = ali.createAccount(phone, nonce.value.nonce);
  isFull = true;
  const refused = { ok: false, error: { code: 'UNAVAILABLE' } };
  expect(await relay.transport.ask(request)).toEqual(refused);
  expect(failures).toEqual([full]);
  isFull = false;
  expect(await relay.transport.ask(request)).toEqual({
    ok: true,
    value: { kind: 'createAccount' },
  });
  relay.close();
});

test('registration can be closed, and a relay that has ended is away', async () => {
  const policy = { registration: 'closed', mailboxCountMax: 1, mailboxBytesMax: 1 } as const;
  const relay = createMemoryRelay({ crypto, entropy, now, policy });
  const ali = new TestUser('ali');
  const request = ali.createAccount(ali.makeDevice(1), entropy(32));
  const closed = { ok: false, error: { code: 'FORBIDDEN' } };
  expect(await relay.transport.ask(request)).toEqual(closed);
  relay.close();
  relay.close();
  const away = { ok: false, error: { code: 'UNAVAILABLE' } };
  expect(await relay.transport.ask(request)).toEqual(away);
  const end = await new Promise((resolve) => {
    const listener = { onUp: () => undefined, onFrame: () => undefined, onDown: resolve };
    relay.transport.connect(undefined, listener);
  });
  expect(end).toBe('lost');
});
