/** Loads the SQLite in WebAssembly, or says why it cannot. */

import type { SqliteDriver } from '../../src/index.ts';
import type { WasmModule } from './sqlite-wasm.mjs';
import { wasmDriver } from './wasm-driver.ts';
import { installFaultVfs } from './wasm-vfs.ts';
import type { FaultVfs } from './wasm-vfs.ts';

/** The library with the fault VFS in it. */
export interface WasmSqlite {
  readonly vfs: FaultVfs;
  readonly driver: SqliteDriver;
}

export async function loadWasmSqlite(): Promise<WasmSqlite | { readonly reason: string }> {
  let sqlite: WasmModule;
  try {
    const { initSqlite } = await import('./sqlite-wasm.mjs');
    sqlite = await initSqlite();
  } catch (failure) {
    return { reason: failure instanceof Error ? failure.message : 'unknown' };
  }
  return { vfs: installFaultVfs(sqlite), driver: wasmDriver(sqlite) };
}
