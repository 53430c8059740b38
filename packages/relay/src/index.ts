export type { RelayOptions, RunningRelay } from './shell/relay.ts';
export { CLAIM_RATE, startRelay } from './shell/relay.ts';
export type { Chaos, ChaosSite } from './shell/group-commit.ts';
export type { LogLevel } from './shell/log.ts';
export type { Rate } from './shell/token-bucket.ts';
export { openSqliteStore } from './sqlite/sqlite-store.ts';
export type { RelayStoreErrorCode } from './sqlite/store-error.ts';
export { RelayStoreError } from './sqlite/store-error.ts';
