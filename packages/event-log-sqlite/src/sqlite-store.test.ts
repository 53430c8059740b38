import { join } from 'node:path';
import { STORE_CASES } from '@simsim/event-log/conformance';
import type { StoreMaker } from '@simsim/event-log/conformance';
import { describe, test } from 'vitest';
import { scratchFolder, unwrap } from '../test/files.ts';
import { openSqliteStore } from './sqlite-store.ts';

function sqliteMaker(): StoreMaker {
  const path = join(scratchFolder(), 'log.db');
  return {
    make: () => unwrap(openSqliteStore(path, { ifMissing: 'create' })),
    reopen(store) {
      store.close();
      return unwrap(openSqliteStore(path));
    },
  };
}

describe('the SQLite store', () => {
  for (const { name, level, run } of STORE_CASES) {
    test(`${level}: ${name}`, () => run(sqliteMaker()));
  }
});
