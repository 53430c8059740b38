export { CACHE_KIB_DEFAULT, openSqliteReader, openSqliteStore } from './sqlite-store.ts';
export type { SqliteStoreOptions } from './sqlite-store.ts';
export { createSlotFileVault, openSlotFileVault, openVaultReader } from './vault-file.ts';
export type { VaultFileOptions } from './vault-file.ts';
export { RAW_KEY_BYTES } from './vault-key.ts';
export type { VaultKey } from './vault-key.ts';
export { openSqliteLog } from './sqlite-log.ts';
export type { OpenedSqliteLog, SqliteLogOptions } from './sqlite-log.ts';
