/** Loads the SQLite in WebAssembly, or says why it cannot. */

import type { SqliteDriver } from '../index.ts';
import { initSqlite } from './wasm-module.ts';
import type { WasmModule } from './wasm-module.ts';
import { wasmDriver } from './wasm-driver.ts';
import { installFaultVfs } from './wasm-vfs.ts';
import type { FaultVfs } from './wasm-vfs.ts';

/** The library with the fault VFS in it. */
export interface WasmSqlite {
  readonly vfs: FaultVfs;
  readonly driver: SqliteDriver;
}

/**
 * Loads the library; it is the same every time. Answers the reason where the optional dependency
 * `@sqlite.org/sqlite-wasm` is not there.
 */
export async function loadWasmSqlite(): Promise<WasmSqlite | { readonly reason: string }> {
  let sqlite: WasmModule;
  try {
    sqlite = await initSqlite();
  } catch (failure) {
    return { reason: failure instanceof Error ? failure.message : 'unknown' };
  }
  return { vfs: installFaultVfs(sqlite), driver: wasmDriver(sqlite) };
}
