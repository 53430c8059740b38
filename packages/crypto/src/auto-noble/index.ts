// What `@simsim/crypto/auto` is everywhere but on Node; the same names as the native one.
export {
  createNobleCrypto as createCrypto,
  nobleCiphers as ciphers,
  nobleCrypto as crypto,
  nobleEntropy as entropy,
} from '../noble/index.ts';
