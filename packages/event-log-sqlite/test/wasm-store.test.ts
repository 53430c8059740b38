/** The contract of an event store over the other SQLite that the driver seam is made for. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentOf, STORE_CASES } from '@simsim/event-log/conformance';
import type { StoreMaker } from '@simsim/event-log/conformance';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';
import { betterSqlite3, openSqliteLog, openSqliteReader, openSqliteStore } from '../src/index.ts';
import type { SqliteDriver } from '../src/index.ts';
import { logOptions, scratchFolder, text, unwrap } from './files.ts';
import { FaultDisk, filesOf, NO_FAULTS } from './power-loss/fault-disk.ts';
import { loadWasmSqlite } from './power-loss/load-wasm.ts';
import type { WasmSqlite } from './power-loss/load-wasm.ts';
import { createRandom } from './power-loss/random.ts';

let wasm: WasmSqlite | undefined;
let reason = '';

beforeAll(async () => {
  const loaded = await loadWasmSqlite();
  if ('vfs' in loaded) wasm = loaded;
  else {
    reason = `SQLite in WebAssembly does not load here: ${loaded.reason}`;
    process.stdout.write(`store over WebAssembly: not run. ${reason}\n`);
  }
});

let disks = 0;

/** A store on a sound disk of its own. */
function wasmStore({ skip }: TestContext) {
  const { vfs, driver } = wasm ?? skip(reason);
  const name = `contract-${++disks}`;
  const disk = new FaultDisk(createRandom(disks), NO_FAULTS);
  vfs.mount(name, disk);
  return { driver, path: `/${name}/log.db`, open: { driver, files: filesOf(disk) } };
}

function wasmMaker(context: TestContext): StoreMaker {
  const { path, open } = wasmStore(context);
  return {
    make: () => unwrap(openSqliteStore(path, { ...open, ifMissing: 'create' })),
    reopen(store) {
      store.close();
      return unwrap(openSqliteStore(path, open));
    },
  };
}

function serialised(driver: SqliteDriver, path: string): Uint8Array {
  const db = driver.open(path, 'read');
  try {
    return db.serialize();
  } finally {
    db.close();
  }
}

describe('the SQLite store over WebAssembly', () => {
  for (const { name, level, run } of STORE_CASES) {
    test(`${level}: ${name}`, (context) => run(wasmMaker(context)));
  }

  test('is the same file as the native one: each opens what the other serialised', (context) => {
    const { path, open, driver } = wasmStore(context);
    const folder = scratchFolder();
    const native = { ...logOptions(folder), path: join(folder, 'log.db') };
    const log = unwrap(openSqliteLog(native)).log;
    for (let i = 1; i <= 40; i++) {
      const sealed = [text(`state ${i}`)];
      const event = { stream: `stream ${i % 7}`, type: 1, schema: 1, facts: text('facts'), sealed };
      unwrap(log.commit({ at: i, events: [event], data: [{ key: 'k', value: text(`${i}`) }] }));
    }
    log.close();

    const there = open.files.open(path, 'create');
    there.write(serialised(betterSqlite3, native.path), 0);
    const moved = unwrap(openSqliteStore(path, open));
    const back = join(folder, 'back.db');
    writeFileSync(back, serialised(driver, path));
    moved.close();
    const again = unwrap(openSqliteReader(back));
    const before = unwrap(openSqliteReader(native.path));
    expect(contentOf(again)).toEqual(contentOf(before));
    expect(again.tip().seq).toBe(40);
    before.close();
    again.close();
  });
});
