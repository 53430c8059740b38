/** A relay store in one SQLite file: WAL, full synchronisation, one writer. */

import type { Change } from '../core/change.ts';
import type { Expiry, RelayStore } from '../core/store.ts';
import { applyChange } from './apply-change.ts';
import { openDatabase } from './database.ts';
import { readSlice } from './read-slice.ts';
import { Rows } from './rows.ts';
import { prepareStatements } from './statements.ts';

/**
 * Opens a relay's file, making it if it is not there; one process has it at a time.
 *
 * Throws: `RelayStoreError`, such as `IN_USE`, or SQLite's own error where the file cannot be opened at all.
 */
export function openSqliteStore(file: string): RelayStore {
  const opened = openDatabase(file);
  const { database } = opened;
  const statements = prepareStatements(database);
  const rows = new Rows(statements);
  const [begin, commit, rollback] = ['begin immediate', 'commit', 'rollback'].map((text) =>
    database.prepare(text),
  );
  const read: RelayStore['read'] = (query) => readSlice(rows, query);
  const apply = (changes: readonly Change[]): void => {
    for (const change of changes) applyChange(rows, change);
  };
  const transact: RelayStore['transact'] = (work) => {
    begin?.run();
    try {
      const result = work({ read, apply });
      commit?.run();
      return result;
    } catch (error) {
      // A failed COMMIT may have rolled back by itself.
      if (database.inTransaction) rollback?.run();
      rows.forget();
      throw error;
    }
  };
  return {
    transact,
    read,
    prune({ nowMs, beforeMs: before }: Expiry) {
      transact(() => {
        for (const expired of statements.expiring) expired.run({ now: nowMs });
        if (before === undefined) return;
        for (const old of statements.old) old.run({ before });
        if (statements.oldMail.run({ before }) > 0) statements.recount.run({});
      });
    },
    forgetOneTimeKeys() {
      transact(() => {
        for (const statement of statements.forgetKeys) statement.run({});
      });
      rows.forget();
    },
    close: () => opened.close(),
  };
}
