import type { ChaosSite, EventStore } from '@simsim/event-log';
import { proveStore } from '@simsim/event-log/conformance';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../test/files.ts';
import { inMemorySqlite3 } from './in-memory-sqlite3.ts';
import { thisProcess } from './lease.ts';
import { openSqliteStore } from './sqlite-store.ts';

const PATH = 'log.db';
let lives = 0;

/** Thrown inside a commit, as a kill would end it. */
class Killed extends Error {}

function open(driver = inMemorySqlite3(), onSite?: (site: ChaosSite) => void) {
  const owner = { ...thisProcess(), boot: `life ${++lives}` };
  const lease = { owner, nonce: Uint8Array.of(lives, lives >> 8), at: lives, isShared: false };
  const chaos = { at: (site: ChaosSite): void => onSite?.(site) };
  const store = unwrap(openSqliteStore(PATH, { ifMissing: 'create', driver, lease, chaos }));
  return { store, driver };
}

describe('SQLite in memory', () => {
  test('is a store up to where power would have to fail', () => {
    const drivers = new Map<EventStore, ReturnType<typeof inMemorySqlite3>>();
    let isArmed = false;
    const make = (driver = inMemorySqlite3()): EventStore => {
      const { store } = open(driver, () => {
        if (isArmed) throw new Killed('inside');
      });
      drivers.set(store, driver);
      return store;
    };
    const report = proveStore<Uint8Array>({
      make: () => make(),
      crash: (store) => make(drivers.get(store)),
      crashInside(store, change, moment) {
        if (moment > 0) return undefined;
        isArmed = true;
        expect(() => store.commit(change)).toThrow(Killed);
        isArmed = false;
        return make(drivers.get(store));
      },
      snapshot: (store) => drivers.get(store)?.copy(PATH) ?? new Uint8Array(0),
      restore(image) {
        const driver = inMemorySqlite3();
        driver.put(PATH, image);
        return make(driver);
      },
    });
    expect(report).toEqual({ level: 'L2', failed: [], notRun: ['L3'] });
  });

  test('has nothing under another path, and a copy does not follow', () => {
    const { driver, store } = open();
    expect(driver.copy('other.db')).toBeUndefined();
    const before = driver.copy(PATH);
    store.locked(() => undefined);
    expect(driver.copy(PATH)).toEqual(before);
  });
});
