/** The stores are proved by the suite that strangers run, and the suite by its saboteurs. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  ConformanceError,
  proveRelayStore,
  relayStoreConformance,
  STORE_SABOTEURS,
} from '../src/conformance/index.ts';
import type { RelayStoreHooks } from '../src/conformance/index.ts';
import type { RelayStore } from '../src/core/index.ts';
import { openSqliteStore } from '../src/index.ts';
import { createMemoryStore } from '../src/memory/index.ts';

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function sqliteHooks(): Required<RelayStoreHooks> {
  const folderByStore = new Map<RelayStore, string>();
  const open = (folder: string): RelayStore => {
    const store = openSqliteStore(join(folder, 'relay.db'));
    folderByStore.set(store, folder);
    return store;
  };
  const newFolder = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'simsim-store-'));
    folders.push(folder);
    return folder;
  };
  return {
    make: () => open(newFolder()),
    // What a killed process leaves: the files as they are now, without a word of farewell.
    crash(store) {
      const [from, to] = [folderByStore.get(store), newFolder()];
      if (from === undefined) throw new Error('a store of ours');
      cpSync(from, to, { recursive: true });
      return open(to);
    },
  };
}

/** The same over stores that are broken on their way out. */
function broken(
  { make, crash }: Required<RelayStoreHooks>,
  sabotage: (store: RelayStore) => RelayStore,
): Required<RelayStoreHooks> {
  const inner = new Map<RelayStore, RelayStore>();
  const wrapped = (store: RelayStore): RelayStore => {
    const outside = sabotage(store);
    inner.set(outside, store);
    return outside;
  };
  return {
    make: () => wrapped(make()),
    crash: (store) => wrapped(crash(inner.get(store) ?? store)),
  };
}

describe('the memory store', () => {
  for (const { name, level, run } of relayStoreConformance({ make: createMemoryStore })) {
    test(`${level}: ${name}`, run);
  }

  test('leaves nothing behind when it is killed, and is proved up to there', () => {
    const report = proveRelayStore({ make: createMemoryStore });
    expect(report).toEqual({ level: 'L0', failed: [], notRun: ['L1'] });
  });
});

describe('the SQLite store', () => {
  for (const { name, level, run } of relayStoreConformance(sqliteHooks())) {
    test(`${level}: ${name}`, run);
  }
});

test('the promises are these', () => {
  const names = relayStoreConformance(sqliteHooks()).map(({ name }) => name);
  expect(names).toEqual([
    'keeps the lists of before, so many, and hands them out from a version on',
    'keeps what was last sealed for a device, as long as there is the device',
    'undoes every kind of change when the work throws, after any number of them',
    'reads inside a transaction what was changed before',
    'never gives a mailbox number twice',
    'counts what waits, and acknowledging is idempotent',
    'pages a mailbox by count and by bytes, always giving at least one',
    'knows a caller by the whole hash of the token',
    'a removed device leaves nothing behind for a later one with its id',
    'a renewed device keeps its mail, and has neither token, keys nor head of before',
    'forgets the one-time prekeys that nobody has, and no counter of ids',
    'remembers the newest claims of a device, so many',
    'keeps what was left for a link for whoever took it by name',
    'prunes what expired and keeps the rest',
    'everything committed is there after a kill, and numbers go on',
    'a transaction that a kill interrupts is not there at all',
  ]);
});

describe('the suite catches a store that', () => {
  const caseOf = (name: string, hooks: RelayStoreHooks): (() => void) => {
    const found = relayStoreConformance(hooks).find((each) => each.name === name);
    if (found === undefined) throw new Error(`a case called: ${name}`);
    return found.run;
  };

  test.each(STORE_SABOTEURS.map((each) => [each.name, each] as const))(
    '%s',
    (_name, { caughtBy, sabotage }) => {
      expect(caseOf(caughtBy, broken(sqliteHooks(), sabotage))).toThrow(ConformanceError);
    },
  );

  test('and has a saboteur for every case', () => {
    const names = relayStoreConformance(sqliteHooks()).map(({ name }) => name);
    expect(new Set(STORE_SABOTEURS.map(({ caughtBy }) => caughtBy))).toEqual(new Set(names));
  });

  test('and says which case fails, and at which level', () => {
    const saboteur = STORE_SABOTEURS.find(({ name }) => name === 'keeps the current list alone');
    if (saboteur === undefined) throw new Error('a saboteur of that name');
    const make = (): RelayStore => saboteur.sabotage(createMemoryStore());
    const { level, failed } = proveRelayStore({ make });
    expect(level).toBeUndefined();
    expect(failed.map(({ name }) => name)).toEqual([saboteur.caughtBy]);
  });
});
