/** What the system or SQLite says where a file does not let itself be used, and what to do about it. */

const READ_ONLY = 'the medium is read-only; put log and vault where they can be written';
const FULL = 'the disk is full; make room and open the log again';
const FAILING = 'the medium fails; copy log and vault to another one';
const BUSY = 'another process holds the database; try it again';

/** By the name of a system error, or the beginning of SQLite's name of a result. The longest counts. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: FULL,
  EDQUOT: 'the quota is used up; make room and open the log again',
  EROFS: READ_ONLY,
  EACCES: 'this user may not read or write it; open the log as its owner',
  EPERM: 'this user may not write it; open the log as its owner',
  EISDIR: 'there is a folder in its place; name the file',
  ENOTDIR: 'there is a file in the place of its folder; name another path',
  EIO: FAILING,
  SQLITE_FULL: FULL,
  SQLITE_IOERR: FAILING,
  SQLITE_BUSY: BUSY,
  SQLITE_LOCKED: BUSY,
  SQLITE_PERM: 'this user may not read or write it; open the log as its owner',
  SQLITE_READONLY:
    'this user may not write the log, or its medium is read-only; open it as its owner',
  SQLITE_READONLY_DIRECTORY: 'this user may not write the folder of the log; open it as its owner',
  SQLITE_CANTOPEN: 'it is a folder, or this user may not open it; name the file, or be its owner',
};

/** What to do about a failure of this code; `undefined` where the code says nothing. */
export function adviceOn(code: string): string | undefined {
  for (let end = code.length; end > 0; end = code.lastIndexOf('_', end - 1)) {
    const advice = ADVICE[code.slice(0, end)];
    if (advice !== undefined) return advice;
  }
  return undefined;
}
