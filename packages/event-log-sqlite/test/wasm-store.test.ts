/** The contract of an event store over the other SQLite that the driver seam is made for. */

import { STORE_CASES } from '@simsim/event-log/conformance';
import type { StoreMaker } from '@simsim/event-log/conformance';
import { describe, test } from 'vitest';
import { openSqliteStore } from '../src/index.ts';
import { unwrap } from './files.ts';
import { FaultDisk, filesOf, NO_FAULTS } from './power-loss/fault-disk.ts';
import { loadWasmSqlite } from './power-loss/load-wasm.ts';
import { createRandom } from './power-loss/random.ts';

const wasm = await loadWasmSqlite();
const reason = 'reason' in wasm ? wasm.reason : undefined;
if (reason !== undefined) process.stdout.write(`SQLite in WebAssembly does not load: ${reason}\n`);

let disks = 0;

function wasmMaker(): StoreMaker {
  if ('reason' in wasm) throw new Error(wasm.reason);
  const { vfs, driver } = wasm;
  const name = `contract-${++disks}`;
  const disk = new FaultDisk(createRandom(disks), NO_FAULTS);
  vfs.mount(name, disk);
  const open = { driver, files: filesOf(disk) };
  const path = `/${name}/log.db`;
  return {
    make: () => unwrap(openSqliteStore(path, { ...open, ifMissing: 'create' })),
    reopen(store) {
      store.close();
      return unwrap(openSqliteStore(path, open));
    },
  };
}

describe.skipIf(reason !== undefined)('the SQLite store over WebAssembly', () => {
  for (const { name, level, run } of STORE_CASES) {
    test(`${level}: ${name}`, () => run(wasmMaker()));
  }
});
