/** Worlds whose logs last on disks: the same over every kind of store, and whatever befalls them. */

import { beforeAll, describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import { drawCase, loadWasmSqlite, runCase, simulate } from '../src/index.ts';
import type { Case, SimulateReport, WasmSqlite } from '../src/index.ts';
import { timed } from './timed.ts';

/** The first seed; `SIMSIM_SEED` sets another one. */
const seed = Number(process.env['SIMSIM_SEED'] ?? 1);

/** Seeds of short lives under power losses. */
const POWER_LOSSES = 100;
const ACTIONS_MAX = 20;
const SWARM_MS = 10 * 60_000;

let wasm: WasmSqlite | undefined;
let reason = '';

beforeAll(async () => {
  const loaded = await loadWasmSqlite();
  if ('vfs' in loaded) wasm = loaded;
  else reason = `SQLite in WebAssembly does not load here: ${loaded.reason}`;
});

function wasmOf({ skip }: TestContext): WasmSqlite {
  return wasm ?? skip(reason);
}

describe('a case', () => {
  it('is the same over rows and over SQLite, whatever happens to the medium', () => {
    for (const each of [3, 9, 11]) {
      const one = drawCase(each, { crypto: 'symbolic', actionsMax: 60 });
      const rows = runCase(one);
      const sqlite = runCase({ ...one, store: 'sqlite' });
      expect(rows.failure).toBeUndefined();
      expect(sqlite.trace).toBe(rows.trace);
    }
  });

  it('is the same twice on a disk that loses power', (context) => {
    const options = { wasm: wasmOf(context) };
    const one = drawCase(5, { crypto: 'symbolic', store: 'disk', actionsMax: ACTIONS_MAX });
    expect(runCase(one, options).trace).toBe(runCase(one, options).trace);
  });

  it('on a disk needs SQLite in WebAssembly, and says so', () => {
    const one: Case = drawCase(1, { crypto: 'symbolic', store: 'disk' });
    expect(runCase(one).failure?.detail).toContain('give `wasm`');
  });
});

describe('a swarm', () => {
  it('holds over SQLite in memory', () => {
    const what = `over SQLite in memory, each twice, seeds ${seed} to ${seed + 2}`;
    const report = timed(what, () => simulate({ seed, seeds: 3, store: 'sqlite', twiceEvery: 1 }));
    expect(report.failure).toBeUndefined();
  });

  it(
    `holds over ${POWER_LOSSES} disks that lose power, tear, fill up, lie and rot`,
    (context) => {
      const options = { seeds: POWER_LOSSES, store: 'disk', actionsMax: ACTIONS_MAX } as const;
      const wasm = wasmOf(context);
      const what = `power loss in worlds, each twice, seeds ${seed} to ${seed + POWER_LOSSES - 1}`;
      const report = timed(what, () => simulate({ ...options, seed, wasm, twiceEvery: 1 }));
      expect(report.failure).toBeUndefined();
      expect(met(report)).toEqual([]);
    },
    SWARM_MS,
  );
});

/** What such a swarm must have come upon, and did not. */
function met({ situations }: SimulateReport): string[] {
  const wanted = [
    'power lost',
    'medium failed under a process',
    'a commit in doubt was durable',
    'a commit in doubt was lost',
    'disk full',
    'a sync that lied',
    'files beyond opening',
    'retention changed',
    'master key of a vault replaced',
  ] as const;
  return wanted.filter((name) => !situations.has(name));
}
