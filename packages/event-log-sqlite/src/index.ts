export { CACHE_KIB_DEFAULT, openSqliteReader, openSqliteStore } from './sqlite-store.ts';
export type { SqliteStoreOptions } from './sqlite-store.ts';
export { createSlotFileVault, openSlotFileVault } from './vault-file.ts';
export { destroyVaultFile } from './vault-destroy.ts';
export { openVaultReader } from './vault-read.ts';
export type { VaultReadOptions } from './vault-read.ts';
export type { VaultFileOptions } from './vault-file.ts';
export { RAW_KEY_BYTES } from './vault-key.ts';
export type { Stretch, VaultKey } from './vault-key.ts';
export { osKeychain } from './vault-keychain.ts';
export type { Keychain } from './vault-keychain.ts';
export type { LeaseClaim, LeaseOwner } from './lease.ts';
export { betterSqlite3 } from './better-sqlite3-driver.ts';
export { inMemorySqlite3 } from './in-memory-sqlite3.ts';
export type { InMemorySqlite3 } from './in-memory-sqlite3.ts';
export type {
  SqliteDatabase,
  SqliteDriver,
  SqliteStatement,
  SqlRow,
  SqlValue,
} from './sqlite-driver.ts';
export { storeFailed } from './store-failed.ts';
export { nodeFiles } from './file-system.ts';
export type { FileSystem, OpenFile } from './file-system.ts';
export { openSqliteLog } from './sqlite-log.ts';
export type { OpenedSqliteLog, SqliteLogOptions } from './sqlite-log.ts';
export { copySqliteLog, verifySqliteLog } from './verify-log.ts';
export type { SqliteLogReport, VerifySqliteLogOptions } from './verify-log.ts';
export { diagnose } from './diagnose.ts';
export type { Diagnosis, DiagnoseOptions, KeyReport, VaultContents } from './diagnose.ts';
export type { Erasure } from './vault-erasure.ts';
export { moveLogIn, moveLogOut } from './move-log.ts';
export type { LogPlace, MoveOptions, MoveStep } from './move-log.ts';
