export { nodeCrypto } from './node-crypto.ts';
export { createNodeCrypto } from './create-node-crypto.ts';
export { nodeEntropy } from './entropy.ts';
export { nodeCiphers } from './node-ciphers.ts';
