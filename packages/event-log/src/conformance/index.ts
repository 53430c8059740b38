export { STORE_CASES } from './store-cases.ts';
export { contentOf } from './rows.ts';
export type { StoreCase, StoreMaker } from './store-cases.ts';
export { ConformanceError } from './check.ts';
export { halfCommitting } from './half-store.ts';
