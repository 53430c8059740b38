/**
 * What goes wrong on the application's side, or under the device: it gets a code that says what to do, and
 * costs nothing but what it was about.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { createEventLog, createMemoryVault, keepAll, StoreFailure } from '@simsim/event-log';
import { linkDevice, openDevice, SessionError, sqlite } from '@simsim/device';
import type { CloseReason, Device, HealthEvent, StoreSpec } from '@simsim/device';
import { createFaultyStore } from './faulty-store.ts';
import { houseForEach, next } from './house.ts';

const house = houseForEach();
const { device, pathOf, store } = house;

/** Something of whatever kind, past the type checker. */
const wrong = (value: unknown): never => value as never;

async function errorOf(act: () => unknown): Promise<SessionError> {
  try {
    await act();
  } catch (cause) {
    if (cause instanceof SessionError) return cause;
    throw cause;
  }
  throw new Error('it was taken');
}

async function isWell(alice: Device, bob: Device): Promise<void> {
  await alice.send('bob', 'all is well');
  expect((await next(bob)).text).toBe('all is well');
}

it('a message of the wrong kind is refused, and the device goes on', async () => {
  const [alice, bob] = [await device('alice'), await device('bob')];
  const bodies = [undefined, null, 5, { a: 1 }, ['x']];
  for (const body of bodies) {
    expect((await errorOf(() => alice.send('bob', wrong(body)))).code).toBe('BAD_ARGUMENT');
  }
  for (const to of [undefined, null, 5, { a: 1 }, [1]]) {
    expect((await errorOf(() => alice.send(wrong(to), 'x'))).code).toBe('BAD_USER_ID');
  }
  for (const options of [{ conversation: 5 }, { conversation: '\ud800' }, { onAccepted: 'me' }]) {
    const error = await errorOf(() => alice.send('bob', 'x', wrong(options)));
    expect(error.code).toBe('BAD_ARGUMENT');
    expect(error.message).toContain(Object.keys(options)[0]);
  }
  expect((await errorOf(() => alice.approveLink(wrong(5)))).code).toBe('BAD_LINK_CODE');
  expect((await errorOf(() => alice.trustIdentity('bob', wrong('x')))).code).toBe('BAD_ARGUMENT');
  await isWell(alice, bob);
});

it('a word that is none of its words is refused before anything is opened', async () => {
  const mistakes = [
    { trust: 'verified_only' },
    { trust: true },
    { onRollback: 'Quarantine' },
    { identityModel: 'per_device' },
    { ifMissing: 'make' },
    { logger: {} },
  ];
  for (const mistake of mistakes) {
    const error = await errorOf(() => device('alice', wrong(mistake)));
    expect(error.code).toBe('BAD_ARGUMENT');
    expect(error.message).toContain(Object.keys(mistake)[0]);
  }
  expect(existsSync(pathOf('alice'))).toBe(false);
});

it('a policy that answers anything else than it may has a key wait, and is told', async () => {
  await device('bob');
  for (const [at, answer] of [undefined, false, true, 'yes', ''].entries()) {
    const alice = await device(`alice-${at}`, { trust: () => wrong(answer) });
    const failed = firstValueFrom(alice.health$.pipe(filter(({ type }) => type === 'trustFailed')));
    await alice.send('bob', 'not yet').catch(() => undefined);
    expect(await failed).toMatchObject({ user: 'bob', cause: { code: 'BAD_ARGUMENT' } });
    expect(alice.identityOf('bob')?.trust).toBe('seen');
    expect(alice.doctor().sends.held).toBe(1);
  }
});

it('rows of the wrong kind are refused, and the message can still be acknowledged', async () => {
  const [alice, bob] = [await device('alice'), await device('bob')];
  await alice.send('bob', 'keep me');
  const message = await firstValueFrom(bob.messages$);
  const byte = new Uint8Array(1);
  const rows: unknown[] = [5, 'zz', [5], [['k', 'text']], [[5, byte]], [['\ud800', undefined]]];
  rows.push([['ä'.repeat(257), byte]], [['k', new Uint8Array(16 * 1024 * 1024 + 1)]]);
  for (const put of rows) {
    const error = await errorOf(() => message.ack({ put: wrong(put) }));
    expect(error.code).toBe('BAD_ARGUMENT');
  }
  const key = 'ä'.repeat(256);
  await message.ack({ put: [[key, new Uint8Array([1])]] });
  expect(bob.data(key)).toEqual(new Uint8Array([1]));
  await isWell(alice, bob);
});

it('a listener that throws is told of, and costs nothing', async () => {
  const [alice, bob] = [await device('alice'), await device('bob')];
  const told: HealthEvent[] = [];
  alice.health$.subscribe((event) => told.push(event));
  const bug = new Error('a bug of the application');
  const onAccepted = (): never => {
    throw bug;
  };
  const { messageId, recipients } = await alice.send('bob', 'hi', { onAccepted });
  expect(recipients.map(({ user }) => user)).toEqual(['alice', 'bob']);
  expect(told).toContainEqual({ type: 'handlerFailed', messageId, cause: bug });
  expect((await next(bob)).text).toBe('hi');
  await isWell(alice, bob);
});

it('a vault that nobody chose is not made', async () => {
  const path = pathOf('alice');
  for (const choice of [
    undefined,
    {},
    { unsafePlaintextVault: false },
    { passPhrase: 'a slip of the pen' },
    { passphrase: undefined },
    { keychain: undefined },
    { key: 'text' },
  ]) {
    const error = await errorOf(() => sqlite(path, wrong(choice)));
    expect(error.code).toBe('BAD_ARGUMENT');
    expect(error.message).toContain('unsafePlaintextVault: true');
  }
  expect(existsSync(path)).toBe(false);
});

it('a policy that nobody knows is refused, and keeping all takes a word', async () => {
  for (const retention of ['bogus', 'keepAll', 'toString', {}, 5]) {
    const error = await errorOf(() => device('alice', { retention: wrong(retention) }));
    expect(error.code).toBe('BAD_ARGUMENT');
  }
  expect(() => keepAll(wrong(undefined))).toThrow('iKnowThisDisablesForwardSecrecy');
  expect(() => keepAll(wrong({ iKnowThisDisablesForwardSecrecy: 'yes' }))).toThrow();
  expect(existsSync(pathOf('alice'))).toBe(false);
});

it('an address that is none is refused before anything is made', async () => {
  for (const relay of ['nonsense', 'ftp://localhost', 'localhost:80', '']) {
    expect((await errorOf(() => device('alice', { relay }))).code).toBe('BAD_ARGUMENT');
    const link = { store: store('tablet'), relay, onCode: () => undefined };
    expect((await errorOf(() => linkDevice(link))).code).toBe('BAD_ARGUMENT');
  }
  expect([existsSync(pathOf('alice')), existsSync(pathOf('tablet'))]).toEqual([false, false]);
});

it('nobody is asked to approve a device where there is one already', async () => {
  const alice = await device('alice');
  const bob = await device('bob');
  await bob.close();
  let codes = 0;
  const onCode = (code: string): Promise<void> => {
    codes++;
    return alice.approveLink(code).then(() => undefined);
  };
  const { url } = house.relay;
  const error = await errorOf(() => linkDevice({ store: store('bob'), relay: url, onCode }));
  expect([error.code, codes, alice.listVersion()]).toEqual(['STORE_EXISTS', 0, 1]);
  await isWell(alice, await device('bob'));
});

it('linking that was given up can be done again in the same place', async () => {
  const alice = await device('alice');
  const { url } = house.relay;
  const abort = new AbortController();
  const given = { store: store('tablet'), relay: url, signal: abort.signal };
  const error = await errorOf(() => linkDevice({ ...given, onCode: () => abort.abort() }));
  expect(error.code).toBe('ABORTED');
  const tablet = await house.linked(alice, 'tablet');
  await alice.send('alice', 'a note');
  expect((await next(tablet)).text).toBe('a note');
});

it('a medium that fails is named, by whatever is asked afterwards too', async () => {
  const faulty = createFaultyStore();
  const failing: StoreSpec = {
    open({ crypto, entropy }) {
      const vault = createMemoryVault({ crypto, entropy });
      const commit: typeof faulty.commit = (change) => {
        if (isFull) throw new StoreFailure('STORE_FAILED', 'database or disk is full');
        return faulty.commit(change);
      };
      return createEventLog({ store: { ...faulty, commit }, vault, crypto, entropy });
    },
  };
  let isFull = false;
  await device('bob');
  const options = { user: 'alice', store: failing, relay: house.relay.url };
  const alice = await openDevice({ ...options, ifMissing: 'create' });
  const told: HealthEvent[] = [];
  alice.health$.subscribe((event) => told.push(event));
  isFull = true;
  const failed = await errorOf(() => alice.send('bob', 'x'));
  expect([failed.code, failed.blame]).toEqual(['STORE_FAILED', 'store']);
  expect(failed.message).toContain('disk is full');
  expect(failed.action).toContain('has room');
  const reason: CloseReason = await alice.closed;
  expect(reason).toBe('storeFailed');
  expect(told).toContainEqual({ type: 'closed', reason, cause: failed });
  const tried = await alice.trySend('bob', 'x');
  const later = [
    tried.ok ? undefined : tried.error,
    await errorOf(() => alice.doctor()),
    await errorOf(() => alice.inspect('bob')),
    await errorOf(() => alice.identityOf('bob')),
    await errorOf(() => alice.identitiesOf('bob')),
    await errorOf(() => alice.devices()),
    await errorOf(() => alice.listVersion()),
    await errorOf(() => alice.data('k')),
    await errorOf(() => alice.flush()),
    await errorOf(() => alice.forget('bob')),
  ];
  for (const error of later) {
    expect([error?.code, error?.cause]).toEqual(['CLOSED', failed]);
    expect(error?.message).toContain('STORE_FAILED');
  }
});

it('a folder that cannot be made is a store that failed', async () => {
  const alice = await device('alice');
  const below = sqlite(join(pathOf('alice'), 'log.db'), { unsafePlaintextVault: true });
  const error = await errorOf(() => device('zed', { store: below }));
  expect(error.code).toBe('STORE_FAILED');
  await alice.close();
});
