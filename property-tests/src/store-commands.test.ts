/** Every store of the house answers as the one in memory, whatever is done to it in whatever order. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventStore } from '@simsim/event-log';
import { openSqliteStore } from '@simsim/event-log-sqlite';
import { storeCommands, storeSetup } from '@simsim/simulator/fast-check';
import fc from 'fast-check';
import { expect, it } from 'vitest';

const LISTS = 40;

it('a store in SQLite answers as the one in memory', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-stores-'));
  const pathByStore = new Map<EventStore, string>();
  const open = (path: string): EventStore => {
    const store = openSqliteStore(path, { ifMissing: 'create' });
    if (!store.ok) throw new Error(store.error.code);
    pathByStore.set(store.value, path);
    return store.value;
  };
  const setup = storeSetup({
    make: () => open(join(folder, `${pathByStore.size}.db`)),
    reopen: (closed) => open(pathByStore.get(closed) ?? ''),
  });
  try {
    fc.assert(
      fc.property(fc.commands(storeCommands(), { maxCommands: 25 }), (commands) => {
        fc.modelRun(setup, commands);
      }),
      { numRuns: LISTS },
    );
    expect(pathByStore.size).toBeGreaterThan(LISTS);
  } finally {
    for (const store of pathByStore.keys()) store.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
