/** The end of a WAL that nobody may believe. */

import { valueOf } from './connection.ts';
import type { Connection } from './connection.ts';
import type { FileSystem } from './file-system.ts';

/** The WAL file's layout: a header, then frames of a header and a page each. */
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const PAGE_BYTES = 4096;

/**
 * Makes what a commit wrote unreadable whose sync failed. Whether it is on the medium nobody knows, but the
 * system shows it: after a kill the next opening would take it for a commit and move it into the database,
 * and where the power then fails, the WAL that the medium has, without it, would be laid over that.
 *
 * Best effort, under the write lock: of a file that fails already nothing more can be asked.
 */
export function disbelieveTail(connection: Connection, at: WalPlace): void {
  try {
    spoilTail(connection, at);
  } catch {
    // What failed first is what is told.
  }
}

interface WalPlace {
  /** Of the database. */
  readonly path: string;
  readonly files: FileSystem;
}

function spoilTail({ db }: Connection, { path, files }: WalPlace): void {
  const version = valueOf(db, 'PRAGMA data_version');
  const frames = db.prepare('PRAGMA wal_checkpoint(NOOP)').get([])?.[1];
  if (typeof frames !== 'number' || frames < 0) return;
  db.transaction('write', () => {
    // Somebody else's commit may lie there by now.
    if (valueOf(db, 'PRAGMA data_version') !== version) return;
    const wal = files.open(`${path}-wal`, 'edit');
    try {
      const end = WAL_HEADER_BYTES + frames * (FRAME_HEADER_BYTES + PAGE_BYTES);
      wal.write(new Uint8Array(FRAME_HEADER_BYTES), end);
    } finally {
      wal.close();
    }
  });
}
