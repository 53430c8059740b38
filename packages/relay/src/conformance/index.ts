export { ConformanceError } from '@simsim/bytes/conformance';
export { proveRelayStore, relayStoreConformance } from './store-conformance.ts';
export type { RelayStoreCase, RelayStoreHooks, RelayStoreLevel } from './store-hooks.ts';
export { STORE_SABOTEURS } from './broken-stores.ts';
export type { StoreSaboteur } from './broken-stores.ts';
export { proveRelay, relayConformance } from './relay-conformance.ts';
export type { RelayCase, RelayHooks, RelayLevel, RelayUnderTest } from './relay-hooks.ts';
export { RELAY_SABOTEURS } from './broken-relays.ts';
export type { RelaySaboteur } from './detours.ts';
