/** Which disks lie under the VFS, and which files of them are open. */

import type { DiskFile } from './disk-file.ts';
import { DiskError } from './fault-disk.ts';
import type { FaultDisk } from './fault-disk.ts';
import { FileLocks, WalLocks } from './shared-memory.ts';
import type { WasmModule } from './wasm-module.ts';

/** What connections to one file share. */
export interface SharedFile {
  readonly locks: FileLocks;
  readonly walLocks: WalLocks;
  readonly regions: number[];
  readonly mapped: Set<number>;
}

/** An open file. */
export interface Handle {
  readonly mounted: Mounted;
  readonly disk: FaultDisk;
  readonly name: string;
  readonly file: DiskFile;
  readonly shared: SharedFile;
  /** A log that was made: its first sync makes its name durable too, as the unix VFS does. */
  needsDirectorySync: boolean;
}

/** A disk under a name. */
export interface Mounted {
  readonly disk: FaultDisk;
  /** False once another disk is under its name. */
  isCurrent: boolean;
  readonly shared: Map<string, SharedFile>;
}

/** The files of all disks. */
export class VfsHost {
  readonly sqlite: WasmModule;
  readonly handles: Map<number, Handle> = new Map();
  readonly #mounts = new Map<string, Mounted>();
  // Not SQLite's clock and randomness: a run is what its seed says.
  #moment = 0;
  #noise = 1;

  constructor(sqlite: WasmModule) {
    this.sqlite = sqlite;
  }

  mount(name: string, disk: FaultDisk): void {
    const former = this.#mounts.get(name);
    if (former !== undefined) former.isCurrent = false;
    this.#mounts.set(name, { disk, isCurrent: true, shared: new Map() });
    this.#noise = 1;
  }

  /** The disk of a path. Throws: {@link DiskError}. */
  place(path: string): Mounted {
    const mounted = this.#mounts.get(path.split('/')[1] ?? '');
    if (mounted === undefined) throw new DiskError('ENOENT', path);
    return mounted;
  }

  /** Runs an operation; its failure becomes the result that a unix system would give. */
  guarded(failing: number, work: () => number | void): number {
    const { capi } = this.sqlite;
    try {
      return work() ?? capi.SQLITE_OK;
    } catch (failure) {
      if (!(failure instanceof DiskError)) throw failure;
      return failure.code === 'ENOSPC' ? capi.SQLITE_FULL : failing;
    }
  }

  /** Runs an operation of an open file, unless its process was killed. */
  on(pFile: number, failing: number, work: (handle: Handle) => number | void): number {
    return this.guarded(failing, () => {
      const handle = this.handles.get(pFile);
      return handle?.mounted.isCurrent === true ? work(handle) : failing;
    });
  }

  setInt(pointer: number, value: number): void {
    this.sqlite.wasm.poke32(pointer, value);
  }

  noise(): number {
    this.#noise = (Math.imul(this.#noise, 1103515245) + 12345) >>> 0;
    return this.#noise >>> 16;
  }

  /** Milliseconds since some day, one more at each look. */
  moment(): number {
    return this.#moment++;
  }
}

/** What the connections to a file of a disk share. */
export function sharedOf({ shared }: Mounted, name: string): SharedFile {
  const known = shared.get(name);
  if (known !== undefined) return known;
  const made = {
    locks: new FileLocks(),
    walLocks: new WalLocks(),
    regions: [],
    mapped: new Set<number>(),
  };
  shared.set(name, made);
  return made;
}
