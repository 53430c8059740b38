/** A relay in this process and devices in memory for each test of a file, all gone afterwards. */

import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { memory, openDevice } from '@simsim/device';
import type { Device, RelayTransport } from '@simsim/device';
import { createMemoryRelay } from '@simsim/relay/memory';
import type { MemoryRelay } from '@simsim/relay/memory';
import { afterEach, beforeEach } from 'vitest';

/** What a test finds. */
export interface MemoryHouse {
  readonly relay: MemoryRelay;
  /** What is closed when the test ends. */
  readonly open: Device[];
  /** A user's first device; by default it speaks with the relay itself. */
  readonly create: (user: string, by?: RelayTransport) => Promise<Device>;
}

/** Builds a house for each test of the file that calls it. */
export function memoryHouseForEach(): MemoryHouse {
  const newRelay = (): MemoryRelay => createMemoryRelay({ crypto, entropy, now: () => Date.now() });
  let relay = newRelay();
  const open: Device[] = [];

  beforeEach(() => {
    relay = newRelay();
  });
  afterEach(async () => {
    for (const device of open.splice(0)) await device.close();
    relay.close();
  });

  return {
    get relay() {
      return relay;
    },
    open,
    async create(user, by = relay.transport) {
      const device = await openDevice({ user, store: memory(), relay: by, ifMissing: 'create' });
      open.push(device);
      return device;
    },
  };
}
