/** Our decisions in this process are proved by the suite that strangers run. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { afterAll, describe, expect, test } from 'vitest';
import {
  ConformanceError,
  proveRelay,
  RELAY_SABOTEURS,
  relayConformance,
} from '../src/conformance/index.ts';
import type { RelayHooks, RelayUnderTest } from '../src/conformance/index.ts';
import type { RelayStore } from '../src/core/index.ts';
import { openSqliteStore } from '../src/index.ts';
import { createMemoryRelay, createMemoryStore } from '../src/memory/index.ts';

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-relay-'));
  folders.push(folder);
  return folder;
}

/** A relay in this process, with a clock that is moved by hand. */
interface TestRelay extends RelayUnderTest {
  readonly folder: string;
  readonly pass: (ms: number) => void;
}

function relayOver(store: RelayStore, folder = ''): TestRelay {
  let nowMs = 1_700_000_000_000;
  const relay = createMemoryRelay({ crypto, entropy, store, now: () => nowMs });
  return {
    folder,
    transport: relay.transport,
    stop: () => Promise.resolve(relay.close()),
    pass(ms) {
      nowMs += ms;
      relay.prune();
    },
  };
}

const inMemory: RelayHooks<TestRelay> = {
  make: () => Promise.resolve(relayOver(createMemoryStore())),
  timer(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  passTime: (relay, ms) => Promise.resolve(relay.pass(ms)),
};

const onDisk = (folder: string): TestRelay =>
  relayOver(openSqliteStore(join(folder, 'relay.db')), folder);

const inSqlite: RelayHooks<TestRelay> = {
  ...inMemory,
  make: () => Promise.resolve(onDisk(newFolder())),
  // What a killed process leaves: the files as they are now, without a word of farewell.
  async kill(relay) {
    const folder = newFolder();
    cpSync(relay.folder, folder, { recursive: true });
    await relay.stop();
    return onDisk(folder);
  },
};

describe('our decisions over a store in memory', () => {
  for (const { name, level, run } of relayConformance(inMemory)) test(`${level}: ${name}`, run);

  test('are proved as far as nothing has to last', async () => {
    expect(await proveRelay(inMemory)).toEqual({ level: 'L1', failed: [], notRun: ['L2'] });
  });
});

describe('our decisions over a store in SQLite', () => {
  for (const { name, level, run } of relayConformance(inSqlite)) test(`${level}: ${name}`, run);
});

describe('the suite catches a relay that', () => {
  /** Nothing in this process takes that long. */
  const hasty: RelayHooks<TestRelay> = {
    ...inSqlite,
    timer: (ms, run) => inSqlite.timer(ms / 20, run),
  };

  test.each(RELAY_SABOTEURS.map((each) => [each.name, each] as const))(
    '%s',
    async (_name, { caughtBy, sabotage }) => {
      const cases = relayConformance(sabotage(hasty));
      for (const name of caughtBy) {
        const found = cases.find((each) => each.name === name);
        if (found === undefined) throw new Error(`a case called: ${name}`);
        await expect(found.run(), name).rejects.toThrow(ConformanceError);
      }
    },
  );

  test('and has a saboteur for every case', () => {
    const names = relayConformance(inSqlite).map(({ name }) => name);
    expect(new Set(RELAY_SABOTEURS.flatMap(({ caughtBy }) => caughtBy))).toEqual(new Set(names));
    expect(new Set(names).size).toBe(names.length);
  });
});
