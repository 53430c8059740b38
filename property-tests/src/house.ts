/** A real relay and real devices for each test of a file, in a folder that is gone afterwards. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkDevice, openDevice, sqlite } from '@simsim/device';
import type { Device, Message, OpenOptions, StoreSpec } from '@simsim/device';
import { startRelay } from '@simsim/relay';
import type { RunningRelay } from '@simsim/relay';
import { afterEach, beforeEach } from 'vitest';

/** What a test finds. */
export interface House {
  readonly folder: string;
  readonly relay: RunningRelay;
  /** What is closed when the test ends. */
  readonly open: Set<Device>;
  readonly pathOf: (name: string) => string;
  readonly store: (name: string) => StoreSpec;
  /** A user's first device, or the one that is in the user's store. */
  readonly device: (user: string, options?: Partial<OpenOptions>) => Promise<Device>;
  /** A further device, approved by an existing one, which may give it a name. */
  readonly linked: (existing: Device, name: string, called?: string) => Promise<Device>;
  /** Starts the relay again that was stopped, on the same file and port. */
  readonly startRelay: () => Promise<void>;
}

/** Builds a house for each test of the file that calls it. */
export function houseForEach(): House {
  const open = new Set<Device>();
  const house = { folder: '', port: 0 };
  let relay: RunningRelay | undefined;
  const start = (): Promise<RunningRelay> =>
    startRelay({ file: join(house.folder, 'relay.db'), host: '127.0.0.1', port: house.port });
  const running = (): RunningRelay => {
    if (relay === undefined) throw new Error('a test is running');
    return relay;
  };
  const pathOf = (name: string): string => join(house.folder, name, 'log.db');
  const store = (name: string): StoreSpec => sqlite(pathOf(name), { unsafePlaintextVault: true });
  const kept = (device: Device): Device => {
    open.add(device);
    return device;
  };

  beforeEach(async () => {
    house.folder = mkdtempSync(join(tmpdir(), 'simsim-house-'));
    house.port = 0;
    relay = await start();
    house.port = relay.port;
  });
  afterEach(async () => {
    await Promise.all([...open].map((device) => device.close()));
    open.clear();
    await running().stop();
    rmSync(house.folder, { recursive: true, force: true });
  });

  return {
    get folder() {
      return house.folder;
    },
    get relay() {
      return running();
    },
    open,
    pathOf,
    store,
    async device(user, options = {}) {
      const first = { user, store: store(user), relay: running().url, oneTimeKeys: 5 };
      return kept(await openDevice({ ...first, ifMissing: 'create', ...options }));
    },
    async linked(existing, name, called) {
      const options = called === undefined ? {} : { name: called };
      const onCode = async (code: string): Promise<void> =>
        void (await existing.approveLink(code, options));
      const { url } = running();
      return kept(await linkDevice({ store: store(name), relay: url, onCode, oneTimeKeys: 5 }));
    },
    async startRelay() {
      relay = await start();
    },
  };
}

/** The next message that a device gets, acknowledged. */
export async function next(of: Device): Promise<Message> {
  for await (const message of of.messages()) {
    await message.ack();
    return message;
  }
  throw new Error('the device closed');
}
