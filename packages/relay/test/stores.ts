/** The two stores, each fresh. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RelayStore } from '../src/core/index.ts';
import { openSqliteStore } from '../src/index.ts';
import { createMemoryStore } from '../src/memory/index.ts';

/** A store that can be thrown away. */
export interface TestStore {
  readonly name: string;
  readonly store: RelayStore;
  dispose(): void;
}

export function memoryStore(): TestStore {
  return { name: 'memory', store: createMemoryStore(), dispose: () => undefined };
}

export function sqliteStore(): TestStore {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-store-'));
  const store = openSqliteStore(join(folder, 'relay.db'));
  return {
    name: 'sqlite',
    store,
    dispose() {
      store.close();
      rmSync(folder, { recursive: true });
    },
  };
}
