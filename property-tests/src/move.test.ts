/** A device that goes to another machine: the conversation goes on, and the old place is empty. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { moveDeviceIn, moveDeviceOut, openDevice, SessionError, sqlite } from '@simsim/device';
import type { Device, DevicePlace } from '@simsim/device';
import { startRelay } from '@simsim/relay';
import type { RunningRelay } from '@simsim/relay';

let folder: string;
let relay: RunningRelay;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-move-'));
  relay = await startRelay({ file: join(folder, 'relay.db'), host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  await relay.stop();
  rmSync(folder, { recursive: true, force: true });
});

function place(name: string, byte: number): DevicePlace {
  mkdirSync(join(folder, name), { recursive: true });
  return { path: join(folder, name, 'log.db'), vault: { key: new Uint8Array(32).fill(byte) } };
}

async function open({ path, vault }: DevicePlace, user: string): Promise<Device> {
  const store = sqlite(path, vault);
  return openDevice({ user, store, relay: relay.url, ifMissing: 'create', oneTimeKeys: 5 });
}

async function settled(...devices: Device[]): Promise<void> {
  while (devices.some((one) => !one.idle())) await wait(5);
}

it('goes on elsewhere with its sessions and its unread mail, and is no copy', async () => {
  const [old, stick, home] = [place('old', 1), place('stick', 2), place('home', 3)];
  const alice = await open(old, 'alice');
  const bob = await open(place('bob', 4), 'bob');
  const texts: string[] = [];
  bob.handle((message) => void texts.push(message.text));
  await alice.send('bob', 'one');
  await bob.send('alice', 'unread');
  await settled(bob);
  while (alice.stats().delivered === 0) await wait(5);
  expect(() => moveDeviceOut({ from: old, to: stick })).toThrow(SessionError);
  await alice.close();

  moveDeviceOut({ from: old, to: stick });
  expect(readdirSync(join(folder, 'old'))).toEqual([]);
  await expect(open(stick, 'alice')).rejects.toThrow('STORE_MOVED');
  moveDeviceIn({ from: stick, to: home });
  const moved = await open(home, 'alice');
  expect(moved.deviceId).toBe(alice.deviceId);
  const read: string[] = [];
  moved.handle((message) => void read.push(message.text));
  await moved.send('bob', 'two');
  await bob.send('alice', 'three');
  await settled(moved, bob);
  expect([texts, read]).toEqual([
    ['one', 'two'],
    ['unread', 'three'],
  ]);
  expect(bob.stats().sessionsStarted).toBeLessThanOrEqual(1);
  await Promise.all([moved.close(), bob.close()]);
});
