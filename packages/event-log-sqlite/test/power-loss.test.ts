/**
 * Real SQLite, the real store, vault and log on a disk that loses power. A few crashes of every kind
 * by default; `SIMSIM_RUNS=2000` makes it two hundred. `SIMSIM_SEED` gives other ones.
 */

import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';
import { loadWasmSqlite } from '../src/power-loss/load-wasm.ts';
import type { WasmSqlite } from '../src/power-loss/load-wasm.ts';
import { FAILING, FULL, LOST, LYING, REORDERED, TORN } from './power-loss/modes.ts';
import { newTally, runDisk } from './power-loss/power-loss.ts';
import type { Mode, Saboteur, Tally } from './power-loss/power-loss.ts';
import {
  believedTail,
  eagerVault,
  isTrusting,
  sendsEarly,
  syncing,
  trustedVault,
  unsettledWal,
  unsyncedDirectory,
  unsyncedVault,
} from './power-loss/saboteurs.ts';

let wasm: WasmSqlite | undefined;
let reason = '';

beforeAll(async () => {
  const loaded = await loadWasmSqlite();
  if ('vfs' in loaded) wasm = loaded;
  else {
    reason = `SQLite in WebAssembly does not load here: ${loaded.reason}`;
    process.stdout.write(`power loss: not run. ${reason}\n`);
  }
});

function loaded({ skip }: TestContext): WasmSqlite {
  return wasm ?? skip(reason);
}

const CRASHES_PER_DISK = 5;
const { seed: runSeed = 0, numRuns = 100 } = fc.readConfigureGlobal();
const crashes = Math.max(10, Math.ceil(numRuns / 10));

/** Runs disks until enough crashes happened; a broken promise names the disk's seed. */
function crash(context: TestContext, mode: Mode): Tally {
  const tally = newTally();
  for (let seed = runSeed >>> 0; tally.crashes < crashes; seed++) {
    const left = Math.min(CRASHES_PER_DISK, crashes - tally.crashes);
    try {
      runDisk({ wasm: loaded(context), mode, seed, crashes: left, tally });
    } catch (cause) {
      throw new Error(`the disk of seed ${seed} broke a promise`, { cause });
    }
  }
  if (numRuns > 100) process.stdout.write(`power loss, ${mode.name}: ${JSON.stringify(tally)}\n`);
  return tally;
}

describe('a log whose machine loses power', () => {
  for (const mode of [LOST, TORN, REORDERED]) {
    test(`over ${mode.name}: opens, and everything acknowledged is there`, (context) => {
      const tally = crash(context, mode);
      expect(tally.acknowledged).toBeGreaterThan(tally.crashes);
      expect(tally.refused).toEqual({});
      expect(tally.rotating).toBeGreaterThan(0);
    });
  }

  for (const mode of [FAILING, FULL]) {
    test(`over ${mode.name}: stops with a code, then opens with everything acknowledged`, (context) => {
      const tally = crash(context, mode);
      expect(tally.failedSyncs + tally.full).toBeGreaterThan(0);
      const codes = Object.keys(tally.refused);
      expect(codes.filter((code) => !/^(STORE|VAULT)_FAILED$/.test(code))).toEqual([]);
    });
  }

  test(`over ${LYING.name}: is refused, found out, or what it was earlier; rows in no chain may be older`, (context) => {
    const tally = crash(context, LYING);
    expect(tally.lies).toBeGreaterThan(tally.crashes);
  });

  test('does the same for the same seed', (context) => {
    const run = { wasm: loaded(context), mode: TORN, seed: 11, crashes: 4 };
    const first = runDisk({ ...run, tally: newTally() });
    expect(first.length).toBeGreaterThan(100);
    expect(runDisk({ ...run, tally: newTally() })).toEqual(first);
  });
});

interface Caught {
  readonly what: string;
  readonly mode: Mode;
  readonly saboteur: Saboteur;
  /** The first disk that catches it, so that the search is short. */
  readonly seed: number;
  readonly says: RegExp;
}

const CAUGHT: readonly Caught[] = [
  {
    what: 'commits without syncs, so that the vault is ahead of the log',
    mode: LOST,
    saboteur: syncing('OFF'),
    seed: 1,
    says: /STORE_ROLLED_BACK/,
  },
  {
    what: 'commits that are synced by checkpoints only',
    mode: LOST,
    saboteur: syncing('NORMAL'),
    seed: 4,
    says: /STORE_ROLLED_BACK|was acknowledged/,
  },
  {
    what: 'a vault that follows before the rows of its streams are committed',
    mode: LOST,
    saboteur: eagerVault,
    seed: 32,
    says: /behind what the vault has seen/,
  },
  {
    what: 'vault copies that are not synced before the old ones are zeroed',
    mode: REORDERED,
    saboteur: unsyncedVault,
    seed: 1,
    says: /VAULT_CORRUPT/,
  },
  {
    what: 'a directory that is not synced',
    mode: LOST,
    saboteur: unsyncedDirectory,
    seed: 7,
    says: /_MISSING/,
  },
  {
    what: 'a message that leaves before its commit',
    mode: LOST,
    saboteur: sendsEarly,
    seed: 1,
    says: /message key was used twice/,
  },
  {
    what: 'a WAL that is believed after a failed sync',
    mode: FAILING,
    saboteur: unsettledWal,
    seed: 43,
    says: /was acknowledged|STORE_ROLLED_BACK/,
  },
  {
    what: 'a commit that is believed after its sync failed',
    mode: FAILING,
    saboteur: believedTail,
    seed: 31,
    says: /the chain is broken/,
  },
  {
    what: 'a vault that is believed after a failed sync',
    mode: FAILING,
    saboteur: trustedVault,
    seed: 47,
    says: /VAULT_CORRUPT/,
  },
  {
    what: 'damage by lying syncs where nobody runs verify',
    mode: LYING,
    saboteur: isTrusting,
    seed: 8,
    says: /not as it was then|the end of no batch/,
  },
];

describe('the judge of power losses notices', () => {
  for (const { what, mode, saboteur, seed, says } of CAUGHT) {
    test(what, (context) => {
      const tally = newTally();
      const life = { wasm: loaded(context), mode, crashes: CRASHES_PER_DISK, tally, saboteur };
      const search = (): void => {
        for (let disk = seed; disk < seed + 40; disk++) runDisk({ ...life, seed: disk });
      };
      expect(search).toThrow(says);
    });
  }
});
