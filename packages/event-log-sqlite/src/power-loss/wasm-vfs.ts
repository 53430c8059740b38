/** The VFS that puts the SQLite in WebAssembly on {@link FaultDisk}s, named `/<disk>/<file>`. */

import type { FaultDisk } from './fault-disk.ts';
import { sharedOf, VfsHost } from './vfs-host.ts';
import type { IoCallbacks, VfsCallbacks, WasmModule } from './wasm-module.ts';

/** Name of the VFS. */
export const VFS_NAME = 'fault';

/** Flags of xShmLock, which the library does not name. */
const SHM_UNLOCK = 1;
const SHM_SHARED = 4;

/** Puts disks under the VFS. */
export interface FaultVfs {
  /**
   * Puts a disk under a name. What was opened under the name before is as after a kill: its locks
   * are gone, and whatever it still does fails.
   */
  mount(name: string, disk: FaultDisk): void;
}

type SharedMemory = 'xShmMap' | 'xShmLock' | 'xShmBarrier' | 'xShmUnmap';

/** Installs the VFS in a module; once is enough. */
export function installFaultVfs(sqlite: WasmModule): FaultVfs {
  const { capi } = sqlite;
  const host = new VfsHost(sqlite);
  const ioMethods = new capi.sqlite3_io_methods();
  ioMethods.$iVersion = 2;
  const vfs = new capi.sqlite3_vfs();
  vfs.$iVersion = 2;
  vfs.$szOsFile = capi.sqlite3_file.structInfo.sizeof;
  vfs.$mxPathname = 512;
  sqlite.vfs.installVfs({
    io: { struct: ioMethods, methods: { ...fileMethods(host), ...sharedMemoryMethods(host) } },
    vfs: { struct: vfs, name: VFS_NAME, methods: vfsMethods(host, ioMethods.pointer) },
  });
  return { mount: (name, disk) => host.mount(name, disk) };
}

function fileMethods(host: VfsHost): Omit<IoCallbacks, SharedMemory> {
  const { capi, wasm } = host.sqlite;
  return {
    xClose: (pFile) => {
      host.handles.get(pFile)?.shared.locks.drop(pFile, 0);
      host.handles.delete(pFile);
      return capi.SQLITE_OK;
    },
    xRead: (pFile, pBytes, length, offset) =>
      host.on(pFile, capi.SQLITE_IOERR_READ, ({ disk, name, file }) => {
        disk.find(name);
        const found = file.read(Number(offset), length);
        const target = wasm.heap8u().subarray(pBytes, pBytes + length);
        target.set(found);
        if (found.length === length) return capi.SQLITE_OK;
        target.fill(0, found.length);
        return capi.SQLITE_IOERR_SHORT_READ;
      }),
    xWrite: (pFile, pBytes, length, offset) =>
      host.on(pFile, capi.SQLITE_IOERR_WRITE, ({ disk, file }) => {
        const bytes = wasm.heap8u().slice(pBytes, pBytes + length);
        disk.write(file, bytes, Number(offset));
      }),
    xTruncate: (pFile, size) =>
      host.on(pFile, capi.SQLITE_IOERR_TRUNCATE, ({ disk, file }) =>
        disk.truncate(file, Number(size)),
      ),
    xSync: (pFile) =>
      host.on(pFile, capi.SQLITE_IOERR_FSYNC, (handle) => {
        handle.disk.sync(handle.file);
        if (handle.needsDirectorySync) handle.disk.syncDirectory();
        handle.needsDirectorySync = false;
      }),
    xFileSize: (pFile, pSize) =>
      host.on(pFile, capi.SQLITE_IOERR_FSTAT, ({ file }) => {
        wasm.poke64(pSize, BigInt(file.size));
      }),
    xLock: (pFile, level) =>
      host.on(pFile, capi.SQLITE_IOERR_LOCK, ({ shared }) =>
        shared.locks.take(pFile, level) ? capi.SQLITE_OK : capi.SQLITE_BUSY,
      ),
    xUnlock: (pFile, level) =>
      host.on(pFile, capi.SQLITE_IOERR_UNLOCK, ({ shared }) => shared.locks.drop(pFile, level)),
    xCheckReservedLock: (pFile, pResult) =>
      host.on(pFile, capi.SQLITE_IOERR_CHECKRESERVEDLOCK, ({ shared }) =>
        host.setInt(pResult, shared.locks.isReserved() ? 1 : 0),
      ),
    xFileControl: () => capi.SQLITE_NOTFOUND,
    xSectorSize: () => 4096,
    xDeviceCharacteristics: () => capi.SQLITE_IOCAP_POWERSAFE_OVERWRITE,
  };
}

function sharedMemoryMethods(host: VfsHost): Pick<IoCallbacks, SharedMemory> {
  const { capi, wasm } = host.sqlite;
  return {
    xShmMap: (pFile, region, size, extend, pResult) =>
      host.on(pFile, capi.SQLITE_IOERR_SHMMAP, ({ shared: { regions, mapped } }) => {
        mapped.add(pFile);
        while (extend !== 0 && regions.length <= region) {
          const memory = wasm.alloc(size);
          wasm.heap8u().fill(0, memory, memory + size);
          regions.push(memory);
        }
        wasm.pokePtr(pResult, regions[region] ?? 0);
      }),
    xShmLock: (pFile, offset, count, flags) =>
      host.on(pFile, capi.SQLITE_IOERR_SHMLOCK, ({ shared: { walLocks } }) => {
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
      const handle = host.handles.get(pFile);
      if (handle === undefined) return capi.SQLITE_OK;
      const { mapped, regions, walLocks } = handle.shared;
      walLocks.drop(pFile, places(0, 8), 'shared');
      walLocks.drop(pFile, places(0, 8), 'exclusive');
      mapped.delete(pFile);
      if (mapped.size === 0) for (const memory of regions.splice(0)) wasm.dealloc(memory);
      return capi.SQLITE_OK;
    },
  };
}

function vfsMethods(host: VfsHost, ioMethods: number): VfsCallbacks {
  const { capi, wasm } = host.sqlite;
  return {
    xOpen: (_, pName, pFile, flags, pOutFlags) =>
      host.guarded(capi.SQLITE_CANTOPEN, () => {
        const path = wasm.cstrToJs(pName) ?? '';
        const mounted = host.place(path);
        const { disk } = mounted;
        const found = disk.find(path);
        if (found === undefined && (flags & capi.SQLITE_OPEN_CREATE) === 0) {
          return capi.SQLITE_CANTOPEN;
        }
        const isLog = (flags & (capi.SQLITE_OPEN_WAL | capi.SQLITE_OPEN_MAIN_JOURNAL)) !== 0;
        host.handles.set(pFile, {
          mounted,
          disk,
          name: path,
          file: found ?? disk.make(path),
          shared: sharedOf(mounted, path),
          needsDirectorySync: found === undefined && isLog,
        });
        const file = new capi.sqlite3_file(pFile);
        file.$pMethods = ioMethods;
        file.dispose();
        if (pOutFlags !== 0) host.setInt(pOutFlags, flags);
        return capi.SQLITE_OK;
      }),
    xDelete: (_, pName, syncDirectory) =>
      host.guarded(capi.SQLITE_IOERR_DELETE, () => {
        const path = wasm.cstrToJs(pName) ?? '';
        const { disk } = host.place(path);
        if (!disk.has(path)) return capi.SQLITE_IOERR_DELETE_NOENT;
        disk.remove(path);
        if (syncDirectory !== 0) disk.syncDirectory();
        return capi.SQLITE_OK;
      }),
    xAccess: (_, pName, flags, pResult) =>
      host.guarded(capi.SQLITE_IOERR_ACCESS, () => {
        const path = wasm.cstrToJs(pName) ?? '';
        const file = host.place(path).disk.find(path);
        // As on unix: a file without content counts as none where only its being is asked.
        const isThere = flags === capi.SQLITE_ACCESS_EXISTS ? (file?.size ?? 0) > 0 : !!file;
        host.setInt(pResult, isThere ? 1 : 0);
      }),
    xFullPathname: (_, pName, length, pOut) =>
      wasm.cstrncpy(pOut, pName, length) < length ? capi.SQLITE_OK : capi.SQLITE_CANTOPEN,
    xRandomness: (_, length, pOut) => {
      const heap = wasm.heap8u();
      for (let i = 0; i < length; i++) {
        heap[pOut + i] = host.noise();
      }
      return length;
    },
    xSleep: (_, microseconds) => microseconds,
    xCurrentTime: (_, pOut) => {
      wasm.poke(pOut, 2461000 + host.moment() / 86_400_000, 'double');
      return capi.SQLITE_OK;
    },
    xCurrentTimeInt64: (_, pOut) => {
      wasm.poke64(pOut, 212_630_400_000_000n + BigInt(host.moment()));
      return capi.SQLITE_OK;
    },
    xGetLastError: () => 0,
  };
}

function places(offset: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => offset + i);
}

function kindOf(flags: number): 'shared' | 'exclusive' {
  return (flags & SHM_SHARED) === 0 ? 'exclusive' : 'shared';
}
