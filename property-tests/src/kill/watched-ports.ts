/** The victim's files and database, with a named place before each step that changes something. */

import { betterSqlite3, nodeFiles } from '@simsim/event-log-sqlite';
import type { FileSystem, SqliteDriver } from '@simsim/event-log-sqlite';

/** A step of a port. */
export type PortStep = 'write' | 'sync' | 'rename' | 'begin' | 'committed';

/** The machine's files, announcing every write, sync and rename before it happens. */
export function watchedFiles(at: (step: PortStep) => void): FileSystem {
  return {
    ...nodeFiles,
    open(path, mode) {
      const file = nodeFiles.open(path, mode);
      return {
        ...file,
        write(bytes, offset) {
          at('write');
          file.write(bytes, offset);
        },
        sync() {
          at('sync');
          file.sync();
        },
      };
    },
    rename(from, to) {
      at('rename');
      nodeFiles.rename(from, to);
    },
  };
}

/** SQLite, announcing every transaction that writes before and after it. */
export function watchedSqlite(at: (step: PortStep) => void): SqliteDriver {
  return {
    open(path, mode) {
      const db = betterSqlite3.open(path, mode);
      return {
        ...db,
        transaction(kind, work) {
          if (kind === 'read') return db.transaction(kind, work);
          at('begin');
          const result = db.transaction(kind, work);
          at('committed');
          return result;
        },
      };
    },
  };
}
