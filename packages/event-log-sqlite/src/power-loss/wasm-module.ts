/**
 * As much of SQLite's WebAssembly build as the disk that loses power needs, in types of our own: the
 * ones it ships need those of a browser. Pointers are numbers.
 */

/** A struct in the module's memory. */
interface Struct {
  readonly pointer: number;
  dispose(): void;
}

interface IoMethods extends Struct {
  $iVersion: number;
}

interface Vfs extends Struct {
  $iVersion: number;
  $szOsFile: number;
  $mxPathname: number;
}

interface OpenedFile extends Struct {
  $pMethods: number;
}

/** Methods of a file, called with the file's pointer first. */
export interface IoCallbacks {
  xClose(file: number): number;
  xRead(file: number, bytes: number, length: number, offset: bigint): number;
  xWrite(file: number, bytes: number, length: number, offset: bigint): number;
  xTruncate(file: number, size: bigint): number;
  xSync(file: number, flags: number): number;
  xFileSize(file: number, size: number): number;
  xLock(file: number, level: number): number;
  xUnlock(file: number, level: number): number;
  xCheckReservedLock(file: number, result: number): number;
  xFileControl(file: number, what: number, argument: number): number;
  xSectorSize(file: number): number;
  xDeviceCharacteristics(file: number): number;
  xShmMap(file: number, region: number, size: number, extend: number, result: number): number;
  xShmLock(file: number, offset: number, count: number, flags: number): number;
  xShmBarrier(file: number): void;
  xShmUnmap(file: number, isDeleted: number): number;
}

/** Methods of a VFS, called with its pointer first. */
export interface VfsCallbacks {
  xOpen(vfs: number, name: number, file: number, flags: number, flagsOut: number): number;
  xDelete(vfs: number, name: number, syncDirectory: number): number;
  xAccess(vfs: number, name: number, flags: number, result: number): number;
  xFullPathname(vfs: number, name: number, length: number, out: number): number;
  xRandomness(vfs: number, length: number, out: number): number;
  xSleep(vfs: number, microseconds: number): number;
  xCurrentTime(vfs: number, out: number): number;
  xCurrentTimeInt64(vfs: number, out: number): number;
  xGetLastError(vfs: number, length: number, out: number): number;
}

/** A prepared statement. */
export interface WasmStatement {
  /** `undefined` once it was finalized. */
  readonly pointer: number | undefined;
  readonly columnCount: number;
  bind(place: number, value: unknown): unknown;
  finalize(): unknown;
}

/** An open database. */
export interface WasmDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): WasmStatement;
  changes(): number;
  close(): void;
}

/** Results and flags. */
type Constant =
  | 'SQLITE_ACCESS_EXISTS'
  | 'SQLITE_BLOB'
  | 'SQLITE_BUSY'
  | 'SQLITE_CANTOPEN'
  | 'SQLITE_DONE'
  | 'SQLITE_FLOAT'
  | 'SQLITE_FULL'
  | 'SQLITE_INTEGER'
  | 'SQLITE_IOCAP_POWERSAFE_OVERWRITE'
  | 'SQLITE_IOERR'
  | 'SQLITE_IOERR_ACCESS'
  | 'SQLITE_IOERR_CHECKRESERVEDLOCK'
  | 'SQLITE_IOERR_DELETE'
  | 'SQLITE_IOERR_DELETE_NOENT'
  | 'SQLITE_IOERR_FSTAT'
  | 'SQLITE_IOERR_FSYNC'
  | 'SQLITE_IOERR_LOCK'
  | 'SQLITE_IOERR_READ'
  | 'SQLITE_IOERR_SHMLOCK'
  | 'SQLITE_IOERR_SHMMAP'
  | 'SQLITE_IOERR_SHORT_READ'
  | 'SQLITE_IOERR_TRUNCATE'
  | 'SQLITE_IOERR_UNLOCK'
  | 'SQLITE_IOERR_WRITE'
  | 'SQLITE_NOTFOUND'
  | 'SQLITE_OK'
  | 'SQLITE_OPEN_CREATE'
  | 'SQLITE_OPEN_MAIN_JOURNAL'
  | 'SQLITE_OPEN_WAL'
  | 'SQLITE_ROW'
  | 'SQLITE_TEXT'
  | 'SQLITE_WASM_DEALLOC';

/** The module. */
export interface WasmModule {
  readonly capi: Readonly<Record<Constant, number>> & {
    readonly sqlite3_io_methods: new () => IoMethods;
    readonly sqlite3_vfs: new () => Vfs;
    readonly sqlite3_file: (new (pointer: number) => OpenedFile) & {
      readonly structInfo: { readonly sizeof: number };
    };
    sqlite3_extended_result_codes(db: WasmDatabase, on: number): number;
    sqlite3_get_autocommit(db: WasmDatabase): number;
    sqlite3_js_db_export(db: WasmDatabase): Uint8Array;
    sqlite3_js_rc_str(code: number): string | undefined;
    sqlite3_column_text(statement: number, column: number): string | null;
    sqlite3_errmsg(db: WasmDatabase): string;
  };
  readonly wasm: {
    /** SQLite's own functions, without what the library wraps around each. */
    readonly exports: {
      sqlite3_bind_blob(
        statement: number,
        place: number,
        bytes: number,
        length: number,
        letGo: number,
      ): number;
      sqlite3_bind_int64(statement: number, place: number, value: bigint): number;
      sqlite3_step(statement: number): number;
      sqlite3_reset(statement: number): number;
      sqlite3_column_type(statement: number, column: number): number;
      sqlite3_column_double(statement: number, column: number): number;
      sqlite3_column_int64(statement: number, column: number): bigint;
      sqlite3_column_bytes(statement: number, column: number): number;
      sqlite3_column_blob(statement: number, column: number): number;
    };
    heap8u(): Uint8Array;
    alloc(bytes: number): number;
    dealloc(pointer: number): void;
    cstrToJs(pointer: number): string | null;
    cstrncpy(target: number, source: number, length: number): number;
    poke(pointer: number, value: number, type: 'double'): unknown;
    poke32(pointer: number, value: number): unknown;
    poke64(pointer: number, value: bigint): unknown;
    pokePtr(pointer: number, value: number): unknown;
  };
  readonly vfs: {
    installVfs(parts: {
      readonly io: { readonly struct: IoMethods; readonly methods: IoCallbacks };
      readonly vfs: { readonly struct: Vfs; readonly name: string; readonly methods: VfsCallbacks };
    }): unknown;
  };
  readonly oo1: {
    readonly DB: new (options: {
      readonly filename: string;
      readonly flags: string;
      readonly vfs: string;
    }) => WasmDatabase;
  };
  readonly config: object;
  readonly SQLite3Error: new () => Error & { readonly resultCode: number | undefined };
}

/** The library, by a name that no compiler follows. */
const LIBRARY: string = '@sqlite.org/sqlite-wasm';

/** Loads the module. What it would print comes back as errors anyway. Throws where it is not there. */
export async function initSqlite(): Promise<WasmModule> {
  const library: unknown = await import(LIBRARY);
  if (!isLibrary(library)) throw new Error(`${LIBRARY} is not what it was`);
  const sqlite = await library.default();
  const quiet = (): undefined => undefined;
  Object.assign(sqlite.config, { log: quiet, warn: quiet, error: quiet, debug: quiet });
  return sqlite;
}

function isLibrary(found: unknown): found is { default(): Promise<WasmModule> } {
  const isModule = typeof found === 'object' && found !== null && 'default' in found;
  return isModule && typeof found.default === 'function';
}
