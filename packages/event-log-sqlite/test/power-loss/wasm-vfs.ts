/** The VFS that puts the SQLite in WebAssembly on {@link FaultDisk}s, named `/<disk>/<file>`. */

import type { DiskFile } from './disk-file.ts';
import { DiskError } from './fault-disk.ts';
import type { FaultDisk } from './fault-disk.ts';
import { FileLocks, WalLocks } from './shared-memory.ts';
import type { WasmModule } from './sqlite-wasm.mjs';

/** Name of the VFS. */
export const VFS_NAME = 'fault';

/** Flags of xShmLock, which the library does not name. */
const SHM_UNLOCK = 1;
const SHM_SHARED = 4;

interface SharedFile {
  readonly locks: FileLocks;
  readonly walLocks: WalLocks;
  readonly regions: number[];
  readonly mapped: Set<number>;
}

interface Handle {
  readonly mounted: Mounted;
  readonly disk: FaultDisk;
  readonly name: string;
  readonly file: DiskFile;
  readonly shared: SharedFile;
  /** A log that was made: its first sync makes its name durable too, as the unix VFS does. */
  needsDirectorySync: boolean;
}

/** Puts disks under the VFS. */
export interface FaultVfs {
  /**
   * Puts a disk under a name. What was opened under the name before is as after a kill: its locks
   * are gone, and whatever it still does fails.
   */
  mount(name: string, disk: FaultDisk): void;
}

interface Mounted {
  readonly disk: FaultDisk;
  readonly shared: Map<string, SharedFile>;
}

export function installFaultVfs(sqlite: WasmModule): FaultVfs {
  const { capi, wasm } = sqlite;
  const mounts = new Map<string, Mounted>();
  const handles = new Map<number, Handle>();

  const place = (path: string): Mounted => {
    const mounted = mounts.get(path.split('/')[1] ?? '');
    if (mounted === undefined) throw new DiskError('ENOENT', path);
    return mounted;
  };
  const sharedOf = ({ shared }: Mounted, name: string): SharedFile => {
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
  };
  /** Runs an operation; its failure becomes the result that a unix system would give. */
  const guarded = (failing: number, work: () => number | void): number => {
    try {
      return work() ?? capi.SQLITE_OK;
    } catch (failure) {
      if (!(failure instanceof DiskError)) throw failure;
      return failure.code === 'ENOSPC' ? capi.SQLITE_FULL : failing;
    }
  };
  const on = (pFile: number, failing: number, work: (handle: Handle) => number | void) =>
    guarded(failing, () => {
      const handle = handles.get(pFile);
      const isAlive = handle !== undefined && place(handle.name) === handle.mounted;
      return isAlive ? work(handle) : failing;
    });
  const setInt = (pointer: number, value: number) => void wasm.poke32(pointer, value);
  const places = (offset: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => offset + i);

  const ioMethods = new capi.sqlite3_io_methods();
  ioMethods.$iVersion = 2;
  const vfs = new capi.sqlite3_vfs();
  vfs.$iVersion = 2;
  vfs.$szOsFile = capi.sqlite3_file.structInfo.sizeof;
  vfs.$mxPathname = 512;
  // Not SQLite's clock and randomness: a run is what its seed says.
  let moment = 0;
  let noise = 1;

  const kindOf = (flags: number): 'shared' | 'exclusive' =>
    (flags & SHM_SHARED) === 0 ? 'exclusive' : 'shared';

  sqlite.vfs.installVfs({
    io: {
      struct: ioMethods,
      methods: {
        xClose: (pFile) => {
          handles.get(pFile)?.shared.locks.drop(pFile, 0);
          handles.delete(pFile);
          return capi.SQLITE_OK;
        },
        xRead: (pFile, pBytes, length, offset) =>
          on(pFile, capi.SQLITE_IOERR_READ, ({ disk, name, file }) => {
            disk.find(name);
            const found = file.read(Number(offset), length);
            const target = wasm.heap8u().subarray(pBytes, pBytes + length);
            target.set(found);
            if (found.length === length) return capi.SQLITE_OK;
            target.fill(0, found.length);
            return capi.SQLITE_IOERR_SHORT_READ;
          }),
        xWrite: (pFile, pBytes, length, offset) =>
          on(pFile, capi.SQLITE_IOERR_WRITE, ({ disk, file }) => {
            const bytes = wasm.heap8u().slice(pBytes, pBytes + length);
            disk.write(file, bytes, Number(offset));
          }),
        xTruncate: (pFile, size) =>
          on(pFile, capi.SQLITE_IOERR_TRUNCATE, ({ disk, file }) =>
            disk.truncate(file, Number(size)),
          ),
        xSync: (pFile) =>
          on(pFile, capi.SQLITE_IOERR_FSYNC, (handle) => {
            handle.disk.sync(handle.file);
            if (handle.needsDirectorySync) handle.disk.syncDirectory();
            handle.needsDirectorySync = false;
          }),
        xFileSize: (pFile, pSize) =>
          on(pFile, capi.SQLITE_IOERR_FSTAT, ({ file }) => {
            wasm.poke64(pSize, BigInt(file.size));
          }),
        xLock: (pFile, level) =>
          on(pFile, capi.SQLITE_IOERR_LOCK, ({ shared }) =>
            shared.locks.take(pFile, level) ? capi.SQLITE_OK : capi.SQLITE_BUSY,
          ),
        xUnlock: (pFile, level) =>
          on(pFile, capi.SQLITE_IOERR_UNLOCK, ({ shared }) => shared.locks.drop(pFile, level)),
        xCheckReservedLock: (pFile, pResult) =>
          on(pFile, capi.SQLITE_IOERR_CHECKRESERVEDLOCK, ({ shared }) =>
            setInt(pResult, shared.locks.isReserved() ? 1 : 0),
          ),
        xFileControl: () => capi.SQLITE_NOTFOUND,
        xSectorSize: () => 4096,
        xDeviceCharacteristics: () => capi.SQLITE_IOCAP_POWERSAFE_OVERWRITE,
        xShmMap: (pFile, region, size, extend, pResult) =>
          on(pFile, capi.SQLITE_IOERR_SHMMAP, ({ shared: { regions, mapped } }) => {
            mapped.add(pFile);
            while (extend !== 0 && regions.length <= region) {
              const memory = wasm.alloc(size);
              wasm.heap8u().fill(0, memory, memory + size);
              regions.push(memory);
            }
            wasm.pokePtr(pResult, regions[region] ?? 0);
          }),
        xShmLock: (pFile, offset, count, flags) =>
          on(pFile, capi.SQLITE_IOERR_SHMLOCK, ({ shared: { walLocks } }) => {
            const wanted = places(offset, count);
            if ((flags & SHM_UNLOCK) !== 0) {
              walLocks.drop(pFile, wanted, kindOf(flags));
              return capi.SQLITE_OK;
            }
            const isTaken = walLocks.take(pFile, wanted, kindOf(flags));
            return isTaken ? capi.SQLITE_OK : capi.SQLITE_BUSY;
          }),
        xShmBarrier: () => undefined,
        xShmUnmap: (pFile) => {
          const handle = handles.get(pFile);
          if (handle === undefined) return capi.SQLITE_OK;
          const { mapped, regions, walLocks } = handle.shared;
          walLocks.drop(pFile, places(0, 8), 'shared');
          walLocks.drop(pFile, places(0, 8), 'exclusive');
          mapped.delete(pFile);
          if (mapped.size === 0) for (const memory of regions.splice(0)) wasm.dealloc(memory);
          return capi.SQLITE_OK;
        },
      },
    },
    vfs: {
      struct: vfs,
      name: VFS_NAME,
      methods: {
        xOpen: (_, pName, pFile, flags, pOutFlags) =>
          guarded(capi.SQLITE_CANTOPEN, () => {
            const path = wasm.cstrToJs(pName) ?? '';
            const mounted = place(path);
            const { disk } = mounted;
            const found = disk.find(path);
            if (found === undefined && (flags & capi.SQLITE_OPEN_CREATE) === 0) {
              return capi.SQLITE_CANTOPEN;
            }
            const isLog = (flags & (capi.SQLITE_OPEN_WAL | capi.SQLITE_OPEN_MAIN_JOURNAL)) !== 0;
            handles.set(pFile, {
              mounted,
              disk,
              name: path,
              file: found ?? disk.make(path),
              shared: sharedOf(mounted, path),
              needsDirectorySync: found === undefined && isLog,
            });
            const file = new capi.sqlite3_file(pFile);
            file.$pMethods = ioMethods.pointer;
            file.dispose();
            if (pOutFlags !== 0) setInt(pOutFlags, flags);
            return capi.SQLITE_OK;
          }),
        xDelete: (_, pName, syncDirectory) =>
          guarded(capi.SQLITE_IOERR_DELETE, () => {
            const path = wasm.cstrToJs(pName) ?? '';
            const { disk } = place(path);
            if (!disk.has(path)) return capi.SQLITE_IOERR_DELETE_NOENT;
            disk.remove(path);
            if (syncDirectory !== 0) disk.syncDirectory();
            return capi.SQLITE_OK;
          }),
        xAccess: (_, pName, flags, pResult) =>
          guarded(capi.SQLITE_IOERR_ACCESS, () => {
            const path = wasm.cstrToJs(pName) ?? '';
            const file = place(path).disk.find(path);
            // As on unix: a file without content counts as none where only its being is asked.
            const isThere = flags === capi.SQLITE_ACCESS_EXISTS ? (file?.size ?? 0) > 0 : !!file;
            setInt(pResult, isThere ? 1 : 0);
          }),
        xFullPathname: (_, pName, length, pOut) =>
          wasm.cstrncpy(pOut, pName, length) < length ? capi.SQLITE_OK : capi.SQLITE_CANTOPEN,
        xRandomness: (_, length, pOut) => {
          const heap = wasm.heap8u();
          for (let i = 0; i < length; i++) {
            noise = (Math.imul(noise, 1103515245) + 12345) >>> 0;
            heap[pOut + i] = noise >>> 16;
          }
          return length;
        },
        xSleep: (_, microseconds) => microseconds,
        xCurrentTime: (_, pOut) => {
          wasm.poke(pOut, 2461000 + moment++ / 86_400_000, 'double');
          return capi.SQLITE_OK;
        },
        xCurrentTimeInt64: (_, pOut) => {
          wasm.poke64(pOut, 212_630_400_000_000n + BigInt(moment++));
          return capi.SQLITE_OK;
        },
        xGetLastError: () => 0,
      },
    },
  });
  return {
    mount(name, disk) {
      mounts.set(name, { disk, shared: new Map() });
      noise = 1;
    },
  };
}
