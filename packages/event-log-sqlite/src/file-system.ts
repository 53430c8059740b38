/** The few things the vault and the store ask of files; a seam, so that tests can pull the plug. */

import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A file open for reading and writing. */
export interface OpenFile {
  /** The bytes there are of a range, a copy. */
  read(offset: number, length: number): Uint8Array;
  /** Writes all of it, or throws. */
  write(bytes: Uint8Array, offset: number): void;
  /** Returns once everything written lasts. */
  sync(): void;
  close(): void;
}

/** Files by path. Every function throws where the system refuses; errors have a `code`. */
export interface FileSystem {
  exists(path: string): boolean;
  read(path: string): Uint8Array;
  /** `create` makes a file that only its owner may read, and throws where there is one. */
  open(path: string, mode: 'edit' | 'create'): OpenFile;
  rename(from: string, to: string): void;
  /** Does nothing where there is none. */
  remove(path: string): void;
  /** Makes a file's directory entry durable. */
  syncDirectoryOf(path: string): void;
}

const FILE_MODE = 0o600;

/** The files of the machine. */
export const nodeFiles: FileSystem = {
  exists: existsSync,
  read: (path) => readFileSync(path),
  open: (path, mode) => fileOver(openSync(path, mode === 'create' ? 'wx+' : 'r+', FILE_MODE), mode),
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  syncDirectoryOf(path) {
    const directory = openSync(dirname(path), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  },
};

/**
 * Makes an empty file that only its owner may read, where there is nothing: SQLite would leave it to
 * everybody, and gives the files beside a database the same rights.
 */
export function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', FILE_MODE));
  } catch (failure) {
    if (!(failure instanceof Error && 'code' in failure && failure.code === 'EEXIST'))
      throw failure;
  }
}

function fileOver(file: number, mode: 'edit' | 'create'): OpenFile {
  return {
    read(offset, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = readSync(file, bytes, done, length - done, offset + done);
        if (count === 0) break;
        done += count;
      }
      return bytes.slice(0, done);
    },
    write(bytes, offset) {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(file, bytes, done, bytes.length - done, offset + done);
      }
    },
    // A file that keeps its size needs no sync of its times.
    sync: () => (mode === 'create' ? fsyncSync(file) : fdatasyncSync(file)),
    close: () => closeSync(file),
  };
}
