export { proveStore, storeConformance } from './store-conformance.ts';
export type { StoreReport } from './store-conformance.ts';
export type { PowerRun, StoreCase, StoreHooks, StoreLevel } from './store-hooks.ts';
export { contentOf } from './rows.ts';
export { ConformanceError } from '@simsim/bytes/conformance';
export { halfCommitting } from './half-store.ts';
export { answeringEarly, restoringNewest } from './early-store.ts';
