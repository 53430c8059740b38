// What `@simsim/crypto/auto` is on Node; the same names as the portable one.
export {
  createNodeCrypto as createCrypto,
  nodeCiphers as ciphers,
  nodeCrypto as crypto,
  nodeEntropy as entropy,
} from '../node/index.ts';
