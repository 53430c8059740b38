export { contentOf, STORE_CASES } from './store-cases.ts';
export type { StoreCase, StoreMaker } from './store-cases.ts';
export { ConformanceError } from './check.ts';
export { halfCommitting } from './half-store.ts';
