/** What the logs of simulated devices are in. */

import { loadWasmSqlite } from '@simsim/simulator';
import type { StoreName, WasmSqlite } from '@simsim/simulator';
import type { Arguments } from '../arguments.ts';
import { environmentError, usageError } from '../cli-error.ts';

/** What it is called for people. */
export const LOGS: Readonly<Record<StoreName, string>> = {
  memory: 'logs in memory',
  sqlite: 'logs in SQLite in memory',
  disk: 'logs in SQLite on disks that lose power',
};

/** The store that was asked for. */
export function storeOf(given: Arguments): StoreName {
  const name = given.text('store') ?? 'memory';
  if (name === 'memory' || name === 'sqlite' || name === 'disk') return name;
  throw usageError('--store is memory, sqlite or disk.', 'Give one of them.');
}

/** SQLite in WebAssembly, where one of the stores needs it. Throws: a CliError where it is not installed. */
export async function wasmFor(
  ...stores: readonly StoreName[]
): Promise<{ readonly wasm?: WasmSqlite }> {
  if (!stores.includes('disk')) return {};
  const loaded = await loadWasmSqlite();
  if ('vfs' in loaded) return { wasm: loaded };
  throw environmentError(
    `SQLite in WebAssembly cannot be loaded: ${loaded.reason}.`,
    'Install @sqlite.org/sqlite-wasm beside simsim.',
  );
}
