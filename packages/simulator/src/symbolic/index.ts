export { Knowledge } from './knowledge.ts';
export { createSymbolicCrypto } from './symbolic-crypto.ts';
export type { SymbolicCrypto } from './symbolic-crypto.ts';
export { Terms } from './terms.ts';
export type { Box, Rule, Term } from './terms.ts';
