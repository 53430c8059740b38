export { nodeCrypto } from './node-crypto.ts';
export { nodeEntropy } from './entropy.ts';
