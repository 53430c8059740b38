/** The contract of an event store over the other SQLite that the driver seam is made for. */

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventStore } from '@simsim/event-log';
import { contentOf, proveStore } from '@simsim/event-log/conformance';
import type { StoreHooks } from '@simsim/event-log/conformance';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TestContext } from 'vitest';
import { betterSqlite3, openSqliteLog, openSqliteReader, openSqliteStore } from '../src/index.ts';
import type { LeaseClaim, SqliteDatabase, SqliteDriver } from '../src/index.ts';
import { thisProcess } from '../src/lease.ts';
import { logOptions, scratchFolder, text, unwrap } from './files.ts';
import { FaultDisk, filesOf, NO_FAULTS } from '../src/power-loss/fault-disk.ts';
import type { Faults } from '../src/power-loss/fault-disk.ts';
import { loadWasmSqlite } from '../src/power-loss/load-wasm.ts';
import type { WasmSqlite } from '../src/power-loss/load-wasm.ts';
import { createRandom } from '../src/power-loss/random.ts';
import { syncing } from './power-loss/saboteurs.ts';

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
let lives = 0;

/** A store on a sound disk of its own. */
function wasmStore({ skip }: TestContext) {
  const { vfs, driver } = wasm ?? skip(reason);
  const name = `contract-${++disks}`;
  const disk = new FaultDisk(createRandom(disks), NO_FAULTS);
  vfs.mount(name, disk);
  return { driver, path: `/${name}/log.db`, open: { driver, files: filesOf(disk) } };
}

/** A lease of a process of its own, of a boot that is over as soon as the next one begins. */
function newLife(): LeaseClaim {
  const owner = { ...thisProcess(), boot: `life ${++lives}` };
  return { owner, nonce: new Uint8Array(randomBytes(16)), at: lives, isShared: false };
}

/** Operations of the disk in a life of the suite: making the store takes about thirty. */
const OPERATIONS = { first: 40, each: 7 };

/**
 * Stores over a disk that loses power; what was put back is another disk with the database as it was
 * serialised. A killed process leaves the disk as it is.
 */
function wasmHooks(saboteur: (driver: SqliteDriver) => SqliteDriver = (driver) => driver) {
  const hooks = (sqlite: WasmSqlite): StoreHooks<Uint8Array> => {
    const driver = saboteur(sqlite.driver);
    const opened = new Map<EventStore, { path: string; disk: FaultDisk }>();
    const open = (path: string, disk: FaultDisk, ifMissing: 'create' | 'refuse'): EventStore => {
      const more = { driver, files: filesOf(disk), lease: newLife(), ifMissing };
      const store = unwrap(openSqliteStore(path, more));
      opened.set(store, { path, disk });
      return store;
    };
    const mounted = (faults: Faults): { path: string; disk: FaultDisk } => {
      const name = `suite-${++disks}`;
      const disk = new FaultDisk(createRandom(disks), faults);
      sqlite.vfs.mount(name, disk);
      return { path: `/${name}/log.db`, disk };
    };
    const placeOf = (store: EventStore) => {
      const place = opened.get(store);
      if (place === undefined) throw new Error('a store of ours');
      return place;
    };
    const restore = (image: Uint8Array): EventStore => {
      const { path, disk } = mounted(NO_FAULTS);
      const file = filesOf(disk).open(path, 'create');
      file.write(image, 0);
      file.sync();
      return open(path, disk, 'refuse');
    };
    const snapshot = (store: EventStore): Uint8Array => serialised(driver, placeOf(store).path);
    return {
      make() {
        const { path, disk } = mounted(NO_FAULTS);
        return open(path, disk, 'create');
      },
      crash: (store) => restore(snapshot(store)),
      crashInside(store, change, moment) {
        if (moment > 1) return undefined;
        if (moment === 1) store.commit(change);
        return restore(snapshot(store));
      },
      snapshot,
      restore,
      losePower(run) {
        const { path, disk } = mounted(NO_FAULTS);
        const store = open(path, disk, 'create');
        const style = (['lost', 'torn', 'reordered'] as const)[run % 3] ?? 'lost';
        const crashAt = disk.operations + OPERATIONS.first + run * OPERATIONS.each;
        disk.suffer({ style, crashAt });
        return {
          store,
          restart() {
            const after = disk.restarted(NO_FAULTS);
            sqlite.vfs.mount(path.split('/')[1] ?? '', after);
            return open(path, after, 'refuse');
          },
        };
      },
    };
  };
  return hooks;
}

function serialised(driver: SqliteDriver, path: string): Uint8Array {
  const db = driver.open(path, 'read');
  try {
    return db.serialize();
  } finally {
    db.close();
  }
}

describe('the driver over WebAssembly', () => {
  test('gives each kind of value back as it was, and as the native one gives it', (context) => {
    const { driver, path } = wasmStore(context);
    const values = [null, 0, -1, 2 ** 31, -(2 ** 40), Number.MAX_SAFE_INTEGER, 1.5, 'ä', ''];
    const bytes = [text('bytes'), new Uint8Array(0), new Uint8Array(5000).fill(7)];
    const places = [...values, ...bytes];
    const sql = `SELECT ${places.map(() => '?').join(', ')}, 9223372036854775807`;
    const rowOf = (db: SqliteDatabase): unknown[] => {
      const row = db.prepare(sql).get(places) ?? [];
      return row.slice(0, -1).map((each) => (each instanceof Uint8Array ? [...each] : each));
    };
    const [ours, native] = [
      driver.open(path, 'write'),
      betterSqlite3.open(join(scratchFolder(), 'native.db'), 'write'),
    ];
    expect(rowOf(ours)).toEqual(
      places.map((each) => (each instanceof Uint8Array ? [...each] : each)),
    );
    expect(rowOf(ours)).toEqual(rowOf(native));
    native.close();
    ours.close();
  });

  test('reads nothing by a statement whose database was closed', (context) => {
    const { driver, path } = wasmStore(context);
    const db = driver.open(path, 'write');
    const statement = db.prepare('SELECT 1');
    db.close();
    expect(() => statement.get([])).toThrow('closed');
  });
});

describe('the SQLite store over WebAssembly', () => {
  test('is proved up to the loss of power', ({ skip }) => {
    const report = proveStore(wasmHooks()(wasm ?? skip(reason)));
    expect(report).toEqual({ level: 'L3', failed: [], notRun: [] });
  });

  test('is not, where nothing is ever synced', ({ skip }) => {
    const hooks = wasmHooks(syncing('OFF').driver)(wasm ?? skip(reason));
    const { level, failed } = proveStore(hooks);
    expect(level).toBe('L2');
    expect(failed.map((each) => each.level)).toEqual(['L3']);
  });

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
