/** Folders that were copied and put back, over a real relay and real files: what an application sees. */

import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, filter } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeUtf8 } from '@simsim/bytes';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import {
  createHttpTransport,
  linkDevice,
  openDevice,
  SessionError,
  sqlite,
  vaultPathOf,
} from '@simsim/device';
import type { Device, HealthEvent, OpenOptions } from '@simsim/device';
import { DeviceCore } from '@simsim/device-core';
import type { CoreInput } from '@simsim/device-core';
import { openSqliteLog } from '@simsim/event-log-sqlite';
import { messageIdFromBytes, parseUserId } from '@simsim/relay-protocol';
import type { RelayTransport, UserId } from '@simsim/relay-protocol';
import type { Clock } from '@simsim/sesame';
import { startRelay } from '@simsim/relay';
import type { RunningRelay } from '@simsim/relay';

let folder: string;
let relay: RunningRelay;
let open: Set<Device>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-put-back-'));
  relay = await startRelay({ file: join(folder, 'relay.db'), host: '127.0.0.1', port: 0 });
  open = new Set();
});

afterEach(async () => {
  await Promise.all([...open].map((device) => device.close()));
  await relay.stop();
  rmSync(folder, { recursive: true, force: true });
});

const store = (name: string) =>
  sqlite(join(folder, name, 'log.db'), { unsafePlaintextVault: true });

async function device(name: string, options: Partial<OpenOptions> = {}): Promise<Device> {
  const opened = await openDevice({ store: store(name), relay: relay.url, ...options });
  open.add(opened);
  return opened;
}

const create = (user: string): Promise<Device> =>
  device(user, { user, ifMissing: 'create', oneTimeKeys: 5 });

async function linked(existing: Device, name: string): Promise<Device> {
  const onCode = async (code: string): Promise<void> => void (await existing.approveLink(code));
  const opened = await linkDevice({ store: store(name), relay: relay.url, onCode, oneTimeKeys: 5 });
  open.add(opened);
  return opened;
}

const close = async (closing: Device): Promise<void> => {
  open.delete(closing);
  await closing.close();
};

const copy = (from: string, to: string): void => {
  rmSync(join(folder, to), { recursive: true, force: true });
  cpSync(join(folder, from), join(folder, to), { recursive: true });
};

/** Acknowledges what comes until `count` texts came; answers them in order of their text. */
async function texts(of: Device, count: number): Promise<string[]> {
  const got: string[] = [];
  for await (const message of of.messages()) {
    await message.ack();
    got.push(message.text);
    if (got.length === count) return got.sort();
  }
  throw new Error('the device closed');
}

/** A core on a closed device's log, which others may have open too. */
function coreOn(name: string): DeviceCore {
  const path = join(folder, name, 'log.db');
  const key = { kind: 'none', unsafePlaintextVault: true } as const;
  const vaultPath = vaultPathOf(path);
  const opened = openSqliteLog({ path, vaultPath, key, crypto, entropy, shared: true });
  if (!opened.ok) throw new Error(opened.error.code);
  const clock = (): Clock => ({ wallMs: Date.now(), elapsedMs: 0, bootId: 'test' });
  return new DeviceCore({ log: opened.value.log, crypto, entropy, clock });
}

function userNamed(name: string): UserId {
  const parsed = parseUserId(name);
  if (!parsed.ok) throw new Error('tests name users well');
  return parsed.value;
}

const health = (of: Device, type: HealthEvent['type']): Promise<HealthEvent> =>
  firstValueFrom(of.health$.pipe(filter((event) => event.type === type)));

const code = async (run: Promise<unknown>): Promise<string> => {
  const outcome = await run.then(
    () => 'no error',
    (cause: unknown) => cause,
  );
  return outcome instanceof SessionError ? outcome.code : String(outcome);
};

/** Alice with a tablet and Bob, who have spoken; Alice's phone is closed and copied, and goes on. */
async function lifeAfterCopy(): Promise<{ bob: Device; tablet: Device; phone: Device }> {
  const first = await create('alice');
  const bob = await create('bob');
  const tablet = await linked(first, 'tablet');
  await first.send('bob', 'one');
  await bob.send('alice', 'two');
  expect([await texts(bob, 1), await texts(tablet, 2), await texts(first, 1)]).toEqual([
    ['one'],
    ['one', 'two'],
    ['two'],
  ]);
  await close(first);
  copy('alice', 'kept');
  const phone = await device('alice');
  await phone.send('bob', 'lost to the copy');
  expect([await texts(bob, 1), await texts(tablet, 1)]).toEqual([
    ['lost to the copy'],
    ['lost to the copy'],
  ]);
  return { bob, tablet, phone };
}

describe('a whole folder that was put back', () => {
  it('is noticed before anything leaves; then the conversation goes on, both ways, once', async () => {
    const { bob, tablet, phone: before } = await lifeAfterCopy();
    await close(before);
    await bob.send('alice', 'waits');
    copy('kept', 'alice');
    const phone = await device('alice');
    const sent = phone.send('bob', 'of the new life');
    expect(await texts(phone, 1)).toEqual(['waits']);
    await sent;
    expect(phone.rollback()).toMatchObject({
      source: 'relay',
      isQuarantined: true,
      lostSends: 0,
      lostMail: 0,
    });
    expect(phone.rollback()?.missingEvents).toBeGreaterThan(0);
    await bob.send('alice', 'and back');
    expect(await texts(bob, 1)).toEqual(['of the new life']);
    expect(await texts(tablet, 3)).toEqual(['and back', 'of the new life', 'waits']);
    expect(await texts(phone, 1)).toEqual(['and back']);
    await tablet.send('bob', 'from the tablet');
    expect([await texts(bob, 1), await texts(phone, 1)]).toEqual([
      ['from the tablet'],
      ['from the tablet'],
    ]);
    const [mine] = (await tablet.devices()).filter((each) => each.deviceId === phone.deviceId);
    const [own] = (await phone.devices()).filter((each) => each.isThisDevice);
    expect(mine?.registrationId).toBe(own?.registrationId);
    await close(phone);
    const again = await device('alice');
    await again.send('bob', 'as ever');
    expect(again.rollback()).toBeUndefined();
  });

  it('stops where its owner wants to decide: nothing left, and it is told again next time', async () => {
    const { bob, phone: before } = await lifeAfterCopy();
    await close(before);
    copy('kept', 'alice');
    for (let time = 0; time < 2; time++) {
      const phone = await device('alice', { onRollback: 'refuse' });
      const sent = code(phone.send('bob', 'must not leave'));
      expect(await phone.closed).toBe('rolledBack');
      expect(['CLOSED', 'no error']).toContain(await sent);
      expect(phone.rollback()).toMatchObject({ source: 'relay', isQuarantined: false });
      open.delete(phone);
    }
    await bob.send('alice', 'still here');
    expect(bob.stats().delivered).toBe(2);
  });

  it('takes its new incarnation once its relay is back, also where the process died meanwhile', async () => {
    const { bob, phone: before } = await lifeAfterCopy();
    await close(before);
    for (const rest of ['', '-wal', '-shm']) {
      const kept = join(folder, 'kept', `log.db${rest}`);
      rmSync(join(folder, 'alice', `log.db${rest}`), { force: true });
      if (existsSync(kept)) cpSync(kept, join(folder, 'alice', `log.db${rest}`));
    }
    const { port } = relay;
    await relay.stop();
    const offline = await device('alice', { onRollback: 'quarantine' });
    expect(offline.rollback()).toMatchObject({ source: 'log', isQuarantined: true });
    expect(offline.provenAt()).toBeUndefined();
    await offline.sendLater('bob', 'written offline');
    await close(offline);
    relay = await startRelay({ file: join(folder, 'relay.db'), host: '127.0.0.1', port });
    const phone = await device('alice');
    expect(await texts(bob, 1)).toEqual(['written offline']);
    expect(phone.rollback()).toBeUndefined();
    expect(phone.provenAt()).toBeDefined();
    await bob.send('alice', 'and back');
    expect(await texts(phone, 1)).toEqual(['and back']);
  });

  it('opens without a relay, says that nothing proves it, and posts only once something does', async () => {
    const phone = await create('alice');
    const bob = await create('bob');
    await close(phone);
    const { port } = relay;
    const inner = createHttpTransport(relay.url);
    const told: string[] = [];
    const noting: RelayTransport = {
      async ask(request, token) {
        if (request.kind === 'post' && request.posts.length > 0) told.push('posts');
        const outcome = await inner.ask(request, token);
        if (request.kind === 'exchangeHead' && outcome.ok) told.push('knows nothing newer');
        return outcome;
      },
      connect: (token, listener) => inner.connect(token, listener),
    };
    await relay.stop();
    const opened = await device('alice', { relay: noting });
    expect(await health(opened, 'freshnessUnknown')).toEqual({
      type: 'freshnessUnknown',
      since: undefined,
    });
    const fresh = health(opened, 'fresh');
    const sent = opened.send('bob', 'waited for proof');
    relay = await startRelay({ file: join(folder, 'relay.db'), host: '127.0.0.1', port });
    await fresh;
    await sent;
    expect(await texts(bob, 1)).toEqual(['waited for proof']);
    expect(told.slice(0, 2)).toEqual(['knows nothing newer', 'posts']);
  });
});

describe('a half of it', () => {
  it('is refused, because the other half may be there, and quarantined where it is not', async () => {
    const { bob, tablet, phone: before } = await lifeAfterCopy();
    await close(before);
    cpSync(join(folder, 'kept', 'log.db'), join(folder, 'alice', 'log.db'));
    for (const rest of ['-wal', '-shm'])
      rmSync(join(folder, 'alice', `log.db${rest}`), { force: true });
    expect(await code(device('alice'))).toBe('STORE_ROLLED_BACK');
    const phone = await device('alice', { onRollback: 'quarantine' });
    await phone.send('bob', 'of the new life');
    expect(phone.rollback()).toMatchObject({ source: 'log', isQuarantined: true });
    await bob.send('alice', 'and back');
    expect(await texts(bob, 1)).toEqual(['of the new life']);
    expect(await texts(phone, 1)).toEqual(['and back']);
    expect(await texts(tablet, 2)).toEqual(['and back', 'of the new life']);
    await close(phone);
    const again = await device('alice');
    expect(again.rollback()).toBeUndefined();
  });

  it('without the keys of identity is no device any more, and never a fresh one', async () => {
    const path = join(folder, 'carol', 'log.db');
    const spec = store('carol');
    const empty = spec.open({ crypto, entropy }, 'create');
    if (!empty.ok) throw new Error(empty.error.code);
    empty.value.close();
    copy('carol', 'empty');
    await close(await create('carol'));
    cpSync(join(folder, 'empty', 'log.db'), path);
    for (const rest of ['-wal', '-shm']) rmSync(`${path}${rest}`, { force: true });
    expect(await code(create('carol'))).toBe('STORE_ROLLED_BACK');
    const asked = { user: 'carol', ifMissing: 'create', onRollback: 'quarantine' } as const;
    expect(await code(device('carol', asked))).toBe('IDENTITY_LOST');
    expect(await code(device('carol', asked))).toBe('IDENTITY_LOST');
    const key = { kind: 'none', unsafePlaintextVault: true } as const;
    const vaultPath = vaultPathOf(path);
    const log = openSqliteLog({ path, vaultPath, key, crypto, entropy, onRollback: 'accept' });
    expect(log.ok && log.value.log.tip().seq).toBe(0);
    if (log.ok) log.value.log.close();
  });
});

describe('a device that is shut out', () => {
  it('closes in peace, whenever its owner closes it', async () => {
    const alice = await create('alice');
    for (let turns = 0; turns < 16; turns++) {
      const name = `tablet ${turns}`;
      const tablet = await linked(alice, name);
      await alice.remove(tablet.deviceId);
      // The relay's word is on its way, or the device asks already what it means.
      for (let turn = 0; turn < turns; turn++) await new Promise((next) => setImmediate(next));
      await close(tablet);
      expect(['closed', 'revoked']).toContain(await tablet.closed);
    }
  });
});

describe('two copies that run side by side', () => {
  it('are not what two processes are that share one log', async () => {
    const phone = await create('alice');
    await create('bob');
    await phone.send('bob', 'one');
    await close(phone);
    const [first, second] = [coreOn('alice'), coreOn('alice')];
    const sending = (text: string): CoreInput => ({
      type: 'send',
      messageId: messageIdFromBytes(entropy(16)),
      to: [userNamed('bob')],
      body: encodeUtf8(text),
    });
    first.run([sending('two')]);
    const head = first.head();
    // The other has not looked since, and must before it believes that it was put back.
    expect(second.run([{ type: 'headSeen', source: 'relay', head }]).effects).toEqual([]);
    expect(second.log.tip().seq).toBeGreaterThanOrEqual(head.seq);
    second.run([sending('three')]);
    expect(first.run([{ type: 'headSeen', source: 'relay', head: second.head() }]).effects).toEqual(
      [],
    );
    for (const core of [first, second]) core.log.close();
  });

  it('cannot both go on: one takes the next incarnation, the other is told so', async () => {
    const { bob, phone } = await lifeAfterCopy();
    const clone = await device('kept');
    await clone.send('bob', 'of the copy');
    expect(clone.rollback()).toMatchObject({ source: 'relay', isQuarantined: true });
    const reason = await phone.closed;
    expect(['connectedElsewhere', 'replaced']).toContain(reason);
    open.delete(phone);
    if (reason === 'connectedElsewhere') {
      const again = await device('alice');
      expect(await again.closed).toBe('replaced');
      open.delete(again);
    }
    expect(await code(device('alice'))).toBe('DEVICE_REPLACED');
    await bob.send('alice', 'to the one that stays');
    expect(await texts(clone, 1)).toEqual(['to the one that stays']);
    expect(await texts(bob, 1)).toEqual(['of the copy']);
  });
});
