/** A device that is taken over by the name of its lease while its former process lives after all. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDevice, SessionError, sqlite } from '@simsim/device';
import type { Device } from '@simsim/device';
import { startRelay } from '@simsim/relay';
import type { RunningRelay } from '@simsim/relay';

let folder: string;
let relay: RunningRelay;
let port: number;
const open = new Set<Device>();

const start = (): Promise<RunningRelay> =>
  startRelay({ file: join(folder, 'relay.db'), host: '127.0.0.1', port });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-take-over-'));
  port = 0;
  relay = await start();
  ({ port } = relay);
});

afterEach(async () => {
  await Promise.all([...open].map((device) => device.close()));
  open.clear();
  await relay.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function device(user: string, takeOver?: string): Promise<Device> {
  const options = takeOver === undefined ? {} : { takeOver };
  const store = sqlite(join(folder, user, 'log.db'), { unsafePlaintextVault: true }, options);
  const opened = await openDevice({ user, store, relay: relay.url, ifMissing: 'create' });
  open.add(opened);
  return opened;
}

/** What somebody reads who wants to open a device that is open, and the lease in it. */
async function refused(user: string): Promise<{ error: SessionError; lease: string }> {
  const error: unknown = await device(user).catch((cause: unknown) => cause);
  if (!(error instanceof SessionError)) throw new Error('it opened');
  return { error, lease: /by lease ([0-9a-f]{32})/u.exec(error.message)?.[1] ?? '' };
}

async function texts(of: Device, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of of.messages()) {
    seen.push(message.text);
    await message.ack();
    if (seen.length === count) break;
  }
  return seen;
}

describe('a device whose lease is taken over', () => {
  it('says how, goes on in its new process, and the former one ends without a word more', async () => {
    const bob = await device('bob');
    const former = await device('alice');
    await former.send('bob', 'one');
    const { error, lease } = await refused('alice');
    expect(error).toMatchObject({ code: 'STORE_IN_USE', blame: 'store' });
    expect(error.message).toContain(`process ${process.pid} on `);
    expect(error.action).toContain('takeOver');
    const owner = await device('alice', lease);
    open.delete(former);
    const late = former.trySend('bob', 'of the former process');
    await owner.send('bob', 'two');
    expect(await former.closed).toBe('takenOver');
    const answer = await late;
    expect(answer.ok ? 'sent' : answer.error.code).toMatch(/^(STORE_TAKEN_OVER|CLOSED)$/u);
    await bob.send('alice', 'to whoever it is');
    expect(await texts(owner, 1)).toEqual(['to whoever it is']);
    await owner.send('bob', 'three');
    expect(await texts(bob, 3)).toEqual(['one', 'two', 'three']);
  });

  it('still sends what the former process had committed, once', async () => {
    const bob = await device('bob');
    const former = await device('alice');
    await former.send('bob', 'one');
    await relay.stop();
    await former.sendLater('bob', 'two');
    const { lease } = await refused('alice');
    const owner = await device('alice', lease);
    open.delete(former);
    // Both hold the same post: the same bytes under the same id.
    relay = await start();
    await owner.send('bob', 'three');
    expect(await former.closed).toBe('takenOver');
    expect(await texts(bob, 3)).toEqual(['one', 'two', 'three']);
    await bob.send('alice', 'and back');
    expect(await texts(owner, 1)).toEqual(['and back']);
    expect(bob.doctor()).toBeDefined();
    expect(owner.rollback()).toBeUndefined();
  });

  it('is told so with the next thing it is asked to do, where no relay is there to tell it', async () => {
    const former = await device('alice');
    await device('bob');
    await relay.stop();
    const { lease } = await refused('alice');
    await device('alice', lease);
    open.delete(former);
    await expect(former.sendLater('bob', 'lost?')).rejects.toMatchObject({
      code: 'STORE_TAKEN_OVER',
      action: expect.stringContaining('Another process') as unknown,
    });
    expect(await former.closed).toBe('takenOver');
    relay = await start();
  });
});
