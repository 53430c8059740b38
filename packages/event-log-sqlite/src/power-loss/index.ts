/**
 * A disk in memory that loses power, lies, fails or fills up, under the real SQLite and the real vault:
 * level L3 of the store's contract, for tests of this store and of others.
 */

export { DiskFile } from './disk-file.ts';
export type { CrashStyle } from './disk-file.ts';
export { DiskError, FaultDisk, filesOf, NO_FAULTS } from './fault-disk.ts';
export type { DiskOptions, Faults } from './fault-disk.ts';
export { loadWasmSqlite } from './load-wasm.ts';
export type { WasmSqlite } from './load-wasm.ts';
export { oftenCheckpointing } from './often-checkpointing.ts';
export { createRandom } from './random.ts';
export type { Random } from './random.ts';
export type { FaultVfs } from './wasm-vfs.ts';
